"""Keeping tokens from expiring while they are used, as the marketplace does (domain.md §4.1)."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable

import httpx
import psycopg

log = logging.getLogger(__name__)
MAX_TRACKED_TOKENS = 10_000
REFRESH_TIMEOUT_SECONDS = 5
"""Seconds after which nobody listens any more."""


class TokenRefresher:
    """Says for each used token, now and then, that it is used; in the background."""

    def __init__(
        self,
        touch: Callable[[str], Awaitable[None]],
        *,
        interval_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Call `say` at most once in so many `seconds` for a token."""
        self._touch, self._interval_seconds, self._clock = touch, interval_seconds, clock
        self._next_refresh_at: OrderedDict[str, float] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    def note_token_use(self, key: str) -> None:
        """Note that a token was used."""
        now = self._clock()
        if self._next_refresh_at.get(key, 0) > now:
            return
        self._next_refresh_at[key] = now + self._interval_seconds
        self._next_refresh_at.move_to_end(key)
        if len(self._next_refresh_at) > MAX_TRACKED_TOKENS:
            self._next_refresh_at.popitem(last=False)
        task = asyncio.create_task(self._refresh_token(key))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _refresh_token(self, key: str) -> None:
        """Say it; a failure is for the log only, since the request itself was answered."""
        try:
            async with asyncio.timeout(REFRESH_TIMEOUT_SECONDS):
                await self._touch(key)
        except (httpx.HTTPError, psycopg.Error, TimeoutError) as error:
            reason = str(error).partition("\n")[0] or type(error).__name__
            log.warning("A token could not be kept alive: %s", reason)

    async def close(self) -> None:
        """Leave unsaid what is not said yet."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class WaldurTokenClient:
    """Tells a Waldur that a token is used, by a request that costs little."""

    def __init__(self, url: str) -> None:
        """Talk to the REST API at `url`."""
        self._client = httpx.AsyncClient(
            base_url=url, timeout=REFRESH_TIMEOUT_SECONDS, follow_redirects=False
        )

    async def touch(self, key: str) -> None:
        """Ask for the headers of the user's own record."""
        response = await self._client.head(
            "/api/users/me/", headers={"Authorization": f"Token {key}"}
        )
        response.raise_for_status()

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()
