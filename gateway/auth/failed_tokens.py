"""Failed tokens: invalid tokens of the current minute, counted, limited and logged by client."""

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from math import ceil
from weakref import WeakValueDictionary

from gateway.db.access.credentials import Credentials, TokenKind
from gateway.rate_limits.client_key import get_client_network
from gateway.rate_limits.errors import RateLimitedError

log = logging.getLogger(__name__)
WINDOW_SECONDS = 60
MAX_COUNTED_CLIENTS = 5000
"""Maximum number of clients whose failed tokens are counted in one minute."""
MAX_LOGGED_CLIENTS = 20
"""Maximum number of clients with a line in the log for one minute."""
MAX_CONCURRENT_LOOKUPS, MAX_CLIENT_LOOKUPS = 32, 8
"""Maximum number of concurrent look-ups of unknown tokens of a kind: of all clients, of one."""


class FailedTokens:
    """Limit of failed tokens by client: by IPv4 address, or IPv6 network.

    A minute begins with its first failure. The limit applies to the different tokens that
    failed, which are guesses, and separately to the failures of each token, so that a program
    with an expired token blocks only itself, and not others behind the same address.

    While a client is over its limit, its tokens are refused without a look-up in the database;
    `ViewerCache` excepts tokens that were valid before. At the end of a minute, one line for
    each client is logged.
    """

    def __init__(self, max_failures: int | None, window_seconds: float = WINDOW_SECONDS) -> None:
        """Limit the failures of a client in a minute; None is unlimited."""
        self._max_failures, self._window_seconds = max_failures, window_seconds
        self._failures: defaultdict[str, Counter[int]] = defaultdict(Counter)
        self._refusals: Counter[str] = Counter()
        self._window_timer: asyncio.TimerHandle | None = None
        self._lookup_slots: defaultdict[TokenKind, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(MAX_CONCURRENT_LOOKUPS)
        )
        self._client_slots: WeakValueDictionary[tuple[TokenKind, str], asyncio.Semaphore] = (
            WeakValueDictionary()
        )
        self.failed_count = self.refused_count = 0
        """Numbers of tokens that failed, and of tokens that were not looked up."""

    def check_client(self, key: str, address: str | None) -> None:
        """Raise RateLimitedError if no more unknown tokens of the client are looked up."""
        client = get_client_network(address)
        failures = self._failures.get(client)
        if failures is None or self._max_failures is None or self._window_timer is None:
            return
        if max(len(failures), failures[hash(key)]) < self._max_failures:
            return
        self.refused_count += 1
        self._refusals[client] += 1
        raise RateLimitedError(
            f"At most {self._max_failures} invalid tokens a minute are accepted from one address.",
            max(1, ceil(self._window_timer.when() - asyncio.get_running_loop().time())),
        )

    def record_failure(self, key: str, address: str | None) -> None:
        """Count a token that is invalid."""
        self.failed_count += 1
        client = get_client_network(address)
        if client not in self._failures and len(self._failures) >= MAX_COUNTED_CLIENTS:
            return
        self._failures[client][hash(key) if self._max_failures else 0] += 1
        if self._window_timer is None:
            loop = asyncio.get_running_loop()
            self._window_timer = loop.call_later(self._window_seconds, self.end_window)

    @asynccontextmanager
    async def limit_lookups(self, credentials: Credentials) -> AsyncIterator[None]:
        """Wait for a slot to look up an unknown token. Raises as `check_client` does.

        Each kind of token has its own slots, so that a slow OpenID provider delays no other kind.
        """
        assert credentials.key is not None
        kind, client = credentials.token_kind, get_client_network(credentials.address)
        client_slots = self._client_slots.get((kind, client))
        if client_slots is None:
            client_slots = asyncio.Semaphore(MAX_CLIENT_LOOKUPS)
            self._client_slots[kind, client] = client_slots
        async with client_slots, self._lookup_slots[kind]:
            # others may have failed meanwhile
            self.check_client(credentials.key, credentials.address)
            yield

    def end_window(self) -> None:
        """Log the failures of the minute by client, those with most tokens first; forget them."""
        clients = sorted(self._failures, key=lambda each: -self._failures[each].total())
        for client in clients[:MAX_LOGGED_CLIENTS]:
            log.warning(
                "%d invalid tokens from %s within a minute; %d more were not looked up.",
                self._failures[client].total(),
                client,
                self._refusals[client],
            )
        if len(clients) > MAX_LOGGED_CLIENTS:
            log.warning(
                "Invalid tokens from %d more addresses within a minute.",
                len(clients) - MAX_LOGGED_CLIENTS,
            )
        self._failures.clear()
        self._refusals.clear()
        self.close()

    def close(self) -> None:
        """Cancel the timer of the minute."""
        if self._window_timer is not None:
            self._window_timer.cancel()
            self._window_timer = None
