"""Keeping tokens from expiring while they are used, as the marketplace does (domain.md §4.1)."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable

import httpx
import psycopg

log = logging.getLogger(__name__)
KNOWN = 10_000
PATIENCE = 5
"""Seconds after which nobody listens any more."""


class KeepAlive:
    """Says for each used token, now and then, that it is used; in the background."""

    def __init__(
        self,
        say: Callable[[str], Awaitable[None]],
        *,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Call `say` at most once in so many `seconds` for a token."""
        self._say, self._seconds, self._clock = say, seconds, clock
        self._next: OrderedDict[str, float] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    def used(self, key: str) -> None:
        """Note that a token was used."""
        now = self._clock()
        if self._next.get(key, 0) > now:
            return
        self._next[key] = now + self._seconds
        self._next.move_to_end(key)
        if len(self._next) > KNOWN:
            self._next.popitem(last=False)
        task = asyncio.create_task(self._told(key))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _told(self, key: str) -> None:
        """Say it; a failure is for the log only, since the request itself was answered."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self._say(key)
        except (httpx.HTTPError, psycopg.Error, TimeoutError) as error:
            why = str(error).partition("\n")[0] or type(error).__name__
            log.warning("A token could not be kept alive: %s", why)

    async def close(self) -> None:
        """Leave unsaid what is not said yet."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class Waldur:
    """Tells a Waldur that a token is used, by a request that costs little."""

    def __init__(self, url: str) -> None:
        """Talk to the REST API at `url`."""
        self._client = httpx.AsyncClient(base_url=url, timeout=PATIENCE, follow_redirects=False)

    async def say(self, key: str) -> None:
        """Ask for the headers of the user's own record."""
        answer = await self._client.head(
            "/api/users/me/", headers={"Authorization": f"Token {key}"}
        )
        answer.raise_for_status()

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()
