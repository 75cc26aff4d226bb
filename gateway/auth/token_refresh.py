"""Token refresh: tokens do not expire while they are used, as in Waldur (domain.md §4.1).

Personal access tokens expire nevertheless; their use is recorded in the same way.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from http.cookiejar import CookieJar, DefaultCookiePolicy
from ssl import SSLContext

import httpx

from gateway.db.access.credentials import Credentials, TokenKind
from gateway.db.driver.errors import UnavailableError

log = logging.getLogger(__name__)
MAX_TRACKED_TOKENS = 10_000
"""Maximum number of tokens whose next refresh is remembered; the oldest is forgotten."""
REFRESH_TIMEOUT_SECONDS = 5
"""Seconds after which a refresh is abandoned."""


class TokenRefresher:
    """Background refresh of used tokens, at most once in an interval for each token."""

    def __init__(
        self,
        touch: Callable[[Credentials], Awaitable[None]],
        *,
        interval_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Call `touch` with a token's credentials at most once in `interval_seconds`."""
        self._touch, self._interval_seconds, self._clock = touch, interval_seconds, clock
        self._next_refresh_at: OrderedDict[str, float] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    def note_token_use(self, credentials: Credentials) -> None:
        """Start a refresh of a token that was used, unless one was started in the interval.

        OIDC tokens expire whether they are used or not.
        """
        if credentials.token_kind is TokenKind.OIDC:
            return
        key, now = credentials.authorization, self._clock()
        if self._next_refresh_at.get(key, 0) > now:
            return
        self._next_refresh_at[key] = now + self._interval_seconds
        self._next_refresh_at.move_to_end(key)
        if len(self._next_refresh_at) > MAX_TRACKED_TOKENS:
            self._next_refresh_at.popitem(last=False)
        task = asyncio.create_task(self._refresh_token(credentials))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _refresh_token(self, credentials: Credentials) -> None:
        """Refresh a token; a failure is only logged, as it does not concern the request."""
        try:
            async with asyncio.timeout(REFRESH_TIMEOUT_SECONDS):
                await self._touch(credentials)
        except (httpx.HTTPError, UnavailableError, OSError) as error:
            reason = str(error).partition("\n")[0] or type(error).__name__
            log.warning("A token could not be refreshed: %s", reason)

    async def close(self) -> None:
        """Cancel the refreshes under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class WaldurTokenClient:
    """Client of Waldur's REST API that refreshes tokens by a cheap request."""

    def __init__(self, url: str, tls_context: SSLContext) -> None:
        """Send requests to the REST API at `url`; cookies of one user are not kept for the next."""
        self._client = httpx.AsyncClient(
            base_url=url,
            verify=tls_context,
            trust_env=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            timeout=REFRESH_TIMEOUT_SECONDS,
            follow_redirects=False,
        )

    async def touch(self, credentials: Credentials) -> None:
        """Send HEAD /api/users/me/ with the token, which Waldur counts as a use of it.

        Raises httpx.HTTPError if that fails or the status is not 2xx.
        """
        response = await self._client.head(
            "/api/users/me/", headers={"Authorization": credentials.authorization}
        )
        response.raise_for_status()

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()
