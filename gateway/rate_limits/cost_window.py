"""Sliding windows of cost by client: counters of the library `limits`, in memory or in Redis."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from math import ceil
from typing import Any, cast

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from gateway.rate_limits.redis_pool import create_redis_pool

log = logging.getLogger(__name__)
WINDOW_SECONDS = 60
MAX_COUNTERS = 50_000
"""Maximum number of counters in memory; a client has one or two. The oldest is dropped."""
STORAGE_TIMEOUT_SECONDS = 0.1
SUSPENSION_SECONDS = 5
"""Seconds for which Redis is not used after it failed."""
LOG_INTERVAL_SECONDS = 60


class BoundedMemoryStorage(MemoryStorage):
    """Counters in memory: expired ones are removed, and their number is bounded.

    The library's own storage has no bound, and looks at all counters at each increment: with
    100,000 of them for 8 ms. Here all counters live equally long, so the oldest one expires
    first, and the order of `expirations` is that of their expiry.
    """

    STORAGE_SCHEME = None  # type: ignore[assignment] # not registered under a scheme

    async def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Add to a counter, which expires `expiry` seconds after its creation."""
        now = time.time()
        self._drop_counters(now)
        count = self.storage[key] = await self.get(key) + amount
        self.expirations.setdefault(key, now + expiry)
        return count

    def _drop_counters(self, now: float) -> None:
        """Drop the expired counters and, if there are too many, the oldest one."""
        while self.expirations:
            oldest_key, expires_at = next(iter(self.expirations.items()))
            if expires_at > now and len(self.expirations) < MAX_COUNTERS:
                return
            del self.expirations[oldest_key], self.storage[oldest_key]


class CostWindow:
    """The cost of each client's operations within a minute, limited.

    It is the library's sliding window counter: the cost in this minute, plus the part of the
    minute before that is still within the last 60 seconds.

    While Redis does not answer within STORAGE_TIMEOUT_SECONDS, this process counts for itself,
    and tries Redis again every SUSPENSION_SECONDS.
    """

    def __init__(self, name: str, limit: int, storage_url: str) -> None:
        """Limit the cost to `limit`; `storage_url` is "memory" or the URL of a Redis."""
        self.limit = limit
        self.failure_count = 0
        """Number of failures of Redis so far."""
        self._name = name
        self._item = RateLimitItemPerMinute(limit, namespace="cost")
        self._local = SlidingWindowCounterRateLimiter(BoundedMemoryStorage())
        self._pool: Any = None
        self._shared: SlidingWindowCounterRateLimiter | None = None
        self._redis_errors: Any = (TimeoutError, OSError)
        if storage_url != "memory":
            self._pool = create_redis_pool(storage_url, STORAGE_TIMEOUT_SECONDS)
            storage = RedisStorage(
                "async+redis://",  # the pool has the URL
                implementation="redispy",
                key_prefix="gateway",
                connection_pool=self._pool,
            )
            self._shared = SlidingWindowCounterRateLimiter(storage)
            self._redis_errors = (TimeoutError, OSError, *cast("Any", storage.base_exceptions))
        self._suspended_until = self._next_log_at = float("-inf")

    async def add_cost(self, client: str, cost: int) -> bool:
        """Add the cost of an operation to the client's window if there is room for it."""
        has_room: bool = await self._call(
            lambda limiter: limiter.hit(self._item, self._name, client, cost=cost)
        )
        return has_room

    async def compute_wait_seconds(self, client: str, cost: int) -> int:
        """Return the seconds, at least 1, after which there is room for a cost."""
        key = self._item.key_for(self._name, client)
        storage_call = await self._call(
            lambda limiter: limiter.storage.get_sliding_window(key, WINDOW_SECONDS)  # type: ignore[attr-defined]
        )
        previous_cost, _, current_cost, current_ttl = storage_call
        window_end = max(current_ttl - WINDOW_SECONDS, 0)
        wait = compute_wait(previous_cost, current_cost, window_end, self.limit - cost)
        return max(1, ceil(wait))

    async def close(self) -> None:
        """Close the connections to Redis."""
        if self._pool is not None:
            await self._pool.aclose()

    async def _call(
        self, method: Callable[[SlidingWindowCounterRateLimiter], Awaitable[Any]]
    ) -> Any:
        """Call a method of the shared limiter, or of the local one while Redis fails."""
        if self._shared is not None and time.monotonic() >= self._suspended_until:
            try:
                async with asyncio.timeout(STORAGE_TIMEOUT_SECONDS):
                    return await method(self._shared)
            except self._redis_errors as error:
                self._suspend_redis(error)
        return await method(self._local)

    def _suspend_redis(self, error: Exception) -> None:
        self.failure_count += 1
        now = time.monotonic()
        self._suspended_until = now + SUSPENSION_SECONDS
        if now >= self._next_log_at:
            self._next_log_at = now + LOG_INTERVAL_SECONDS
            reason = str(error).partition("\n")[0] or type(error).__name__
            log.warning(
                "The rate limits can't use Redis (%s); this process counts for itself.", reason
            )


def compute_wait(previous_cost: int, current_cost: int, window_end: float, room: int) -> float:
    """Return the seconds until a sliding window counter has decreased to `room`.

    The current minute ends in `window_end` seconds. Its weight is 1 until then, and then
    decreases to 0 within a minute; that of the minute before decreases to 0 at `window_end`.
    """
    if current_cost > room:
        return window_end + WINDOW_SECONDS * (1 - room / current_cost)
    if previous_cost == 0:
        return 0
    return max(0, window_end - WINDOW_SECONDS * (room - current_cost) / previous_cost)
