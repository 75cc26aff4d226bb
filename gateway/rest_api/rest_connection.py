"""Connections to Waldur's REST API, each used by one request at a time.

Nothing is sent twice, and no request harms another. An `httpx.AsyncClient` would share a connection
of HTTP/2 among requests: the time-out of one ends all of them, and one that is cancelled while it
is being sent leaves the compression of headers in disorder. It would also keep the cookies of one
user for the next, and needs twice the CPU time. So these are the connections of httpcore, on which
httpx is built; one is closed when a request on it fails or is cancelled.

    acquire ──> an idle connection that is still open, the last one used first
       │        or a new one, at most `max_connections`
       v
    request ──> answer ──> idle for at most KEEP_ALIVE_SECONDS, MAX_CONNECTION_REQUESTS times
       └── failed, cancelled ──> closed
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ssl import SSLContext
from typing import Any

import httpcore

from gateway.rest_api.httpcore_internals import has_unread_bytes

KEEP_ALIVE_SECONDS = 4.0
"""Seconds for which an idle connection is kept: servers close them after 5 or more.

A request that crosses the end of its connection is lost, and may not be sent again.
"""
MAX_CONNECTION_REQUESTS = 90
"""Number of requests after which a connection is closed: servers do so after 100 or more.

By HTTP/2 they announce it before they answer the last one, whose answer could not be read then.
"""
MAX_ANSWER_BYTES = 5_000_000
"""Maximum size of an answer."""


class AnswerTooLargeError(Exception):
    """An answer is larger than `MAX_ANSWER_BYTES`."""


class ConnectionsBusyError(Exception):
    """All connections are in use."""


@dataclass(frozen=True)
class RawAnswer:
    """An answer as it was received."""

    status: int
    headers: dict[bytes, bytes]
    """By name in lower case; the last one of each name."""
    content: bytes

    def get_header(self, name: bytes) -> str:
        """Return a header; empty without it."""
        return self.headers.get(name, b"").decode("latin-1").strip()


class RestConnection:
    """A connection, by HTTP/2 where the server offers it, else by HTTP/1.1."""

    def __init__(self, origin: httpcore.Origin, tls_context: SSLContext) -> None:
        """Connect to `origin` when the first request is sent."""
        self._connection = httpcore.AsyncHTTPConnection(
            origin, ssl_context=tls_context, http2=True, retries=0
        )
        self._network_stream: Any = None
        self._request_count = 0
        self._idle_since = time.monotonic()

    def is_stale(self) -> bool:
        """Return whether the connection was used or idle for too long, or the server has closed it.

        On an idle connection only the end can be readable, or frames that announce it. What follows
        an answer would be read as the answer to the next request, which may be another user's.
        """
        if (
            self._request_count >= MAX_CONNECTION_REQUESTS
            or time.monotonic() - self._idle_since > KEEP_ALIVE_SECONDS
        ):
            return True
        stream = self._network_stream
        return (
            stream is None
            or not self._connection.is_idle()
            or bool(stream.get_extra_info("is_readable"))
            or has_unread_bytes(self._connection)
        )

    async def send_request(self, request: httpcore.Request) -> RawAnswer:
        """Send a request and return the answer; nothing is decompressed or followed.

        Raises an error of httpcore, or AnswerTooLargeError.
        """
        self._request_count += 1
        response = await self._connection.handle_async_request(request)
        self._network_stream = response.extensions.get("network_stream")
        assert isinstance(response.stream, AsyncIterable)
        parts: list[bytes] = []
        size = 0
        async for part in response.stream:
            size += len(part)
            if size > MAX_ANSWER_BYTES:
                raise AnswerTooLargeError
            parts.append(part)
        await response.aclose()
        self._idle_since = time.monotonic()
        headers = {name.lower(): value for name, value in response.headers}
        return RawAnswer(response.status, headers, b"".join(parts))

    async def close(self) -> None:
        """Close the connection."""
        await self._connection.aclose()


class RestConnectionPool:
    """The connections of a process."""

    def __init__(
        self,
        origin: httpcore.Origin,
        tls_context: SSLContext,
        *,
        max_connections: int,
        wait_seconds: float,
    ) -> None:
        """Open at most `max_connections`; a request waits `wait_seconds` for one of them."""
        self._origin, self._tls_context = origin, tls_context
        self._wait_seconds = wait_seconds
        self._free_places = asyncio.Semaphore(max_connections)
        self._idle_connections: deque[RestConnection] = deque()

    @asynccontextmanager
    async def acquire_connection(self) -> AsyncIterator[RestConnection]:
        """Yield a connection, which is closed if the body fails or is cancelled.

        Raises ConnectionsBusyError if none becomes free in time.
        """
        await self._wait_for_place()
        try:
            connection = await self._choose_connection()
            try:
                yield connection
            except BaseException:
                await connection.close()
                raise
            self._idle_connections.append(connection)
        finally:
            self._free_places.release()
        await self._close_oldest()

    async def close(self) -> None:
        """Close the idle connections."""
        while self._idle_connections:
            await self._idle_connections.pop().close()

    async def _wait_for_place(self) -> None:
        try:
            async with asyncio.timeout(self._wait_seconds):
                await self._free_places.acquire()
        except TimeoutError:
            raise ConnectionsBusyError from None

    async def _choose_connection(self) -> RestConnection:
        while self._idle_connections:
            connection = self._idle_connections.pop()
            if not connection.is_stale():
                return connection
            await connection.close()
        return RestConnection(self._origin, self._tls_context)

    async def _close_oldest(self) -> None:
        """Close the connection that was idle for the longest time, if it is stale."""
        if self._idle_connections and self._idle_connections[0].is_stale():
            await self._idle_connections.popleft().close()
