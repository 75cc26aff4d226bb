"""Connections to Redis; the package `redis` is optional, and imported only where it is used."""

from typing import Any

MAX_REDIS_CONNECTIONS = 8


def create_redis_pool(url: str, timeout_seconds: float) -> Any:
    """Create a pool of connections to Redis that gives up after a time-out, without retries."""
    from redis.asyncio import BlockingConnectionPool  # noqa: PLC0415 - see above
    from redis.asyncio.retry import Retry  # noqa: PLC0415 - see above
    from redis.backoff import NoBackoff  # noqa: PLC0415 - see above

    return BlockingConnectionPool.from_url(
        url,
        max_connections=MAX_REDIS_CONNECTIONS,
        timeout=timeout_seconds,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds,
        retry=Retry(NoBackoff(), 0),
    )
