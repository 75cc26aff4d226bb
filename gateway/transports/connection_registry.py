"""Registry of the open connections of a process: their number, time limits, unread responses."""

import asyncio
import logging
import resource
from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from enum import Enum, auto
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any, Protocol

from gateway.config.parsers import Network
from gateway.config.settings import Settings
from gateway.http.message_framing import MessageError
from gateway.transports.request_reader import HeadLimits

log = logging.getLogger(__name__)
REGISTRY_STATE_KEY = "gateway.transports.connection_registry"
"""Key of the registry in the state that the application's lifespan passes to the server."""
HEALTH_PATHS = ("/livez", "/readyz")
"""Paths that are answered on connections beyond the limit, too."""
SWEEP_SECONDS = 1.0
"""Seconds between two checks of all connections; a time limit is enforced up to that much later."""
SURPLUS_CONNECTIONS = 50
"""Connections that are accepted beyond the limit, for probes of liveness and readiness."""
RESERVED_FILES = 200
"""File descriptors that are kept for other uses than connections of clients."""
RETRY_SECONDS = 2
"""Value of `Retry-After` for requests beyond a limit."""
MIN_READ_BYTES = 65_536
"""Bytes that a client must read within the time limit of a write."""


@dataclass(frozen=True)
class ConnectionLimits:
    """Limits of connections and of their requests; seconds are time limits."""

    head: HeadLimits = field(default_factory=HeadLimits)
    head_seconds: float = 10
    idle_seconds: float = 75
    write_seconds: float = 60
    connections: int = 12_000
    address_connections: int | None = None
    received_bytes: int = 200_000_000
    unread_bytes: int = 400_000_000
    trusted_proxies: tuple[Network, ...] = ()


def load_connection_limits(settings: Settings) -> ConnectionLimits:
    """Return the limits that are configured, as far as the limit of open files allows."""
    return ConnectionLimits(
        head=HeadLimits(settings.head_bytes, settings.head_fields, settings.target_bytes),
        head_seconds=settings.head_seconds,
        idle_seconds=settings.idle_seconds,
        write_seconds=settings.write_seconds,
        connections=limit_by_open_files(settings.connections),
        address_connections=settings.address_connections,
        received_bytes=settings.received_bytes,
        unread_bytes=settings.unread_bytes,
        trusted_proxies=settings.trusted_proxies,
    )


class ConnectionPhase(Enum):
    """What a connection waits for, if its time is limited here; see `SingleWriteProtocol`."""

    IDLE = auto()
    HEAD = auto()
    REQUEST = auto()
    LINGERING = auto()


class RegisteredConnection(Protocol):
    """What the registry needs of a connection."""

    transport: asyncio.Transport
    client: tuple[str, int] | None

    def check_time(self, now: float) -> None:
        """End the connection if its current phase has lasted too long."""

    def is_write_stalled(self) -> bool:
        """Return whether nothing is written until the client has read what is buffered."""


class ConnectionRegistry:
    """The connections of a process, counted and checked about once a second.

    **Number.** A connection is *waiting* while it has no complete request: idle, sending a head
    or a body. At the limit, a new connection takes the place of the one that has waited
    longest, so connections that are held open without requests keep no one out. If all are
    busy, new connections are *surplus*: they get liveness and readiness, and status 503 for
    all else. Of these there are at most SURPLUS_CONNECTIONS; a newer one replaces the oldest.

    **Time.** One timer checks all connections (`check_time`), in place of a timer for each
    phase of each request.

    **Unread responses.** A client must read at least MIN_READ_BYTES of what is buffered for it
    within the time limit of a write. If the buffers together exceed `unread_bytes`, the
    connection with the longest is aborted.
    """

    def __init__(self, limits: ConnectionLimits) -> None:
        """Enforce `limits`; needs a running event loop."""
        self.limits = limits
        self.connections: set[RegisteredConnection] = set()
        self.received_bytes = 0
        """Bytes of requests and WebSocket messages that arrived in parts or are not yet handled."""
        self._loop = asyncio.get_running_loop()
        self._waiting: OrderedDict[RegisteredConnection, None] = OrderedDict()
        self._surplus: OrderedDict[RegisteredConnection, None] = OrderedDict()
        self._count_by_address: Counter[str] = Counter()
        self._unread: dict[RegisteredConnection, tuple[float, int]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def add_connection(self, connection: RegisteredConnection) -> None:
        """Count a connection; it may close another one, or this one."""
        self.connections.add(connection)
        if self._timer is None:
            self._schedule_sweep()
        address = self._get_counted_address(connection)
        if address is not None:
            self._count_by_address[address] += 1
        if self.is_address_full(connection) or not self._make_room():
            self._surplus[connection] = None
            if len(self._surplus) > SURPLUS_CONNECTIONS:
                self._close_oldest(self._surplus)
        else:
            self._waiting[connection] = None

    def remove_connection(self, connection: RegisteredConnection) -> None:
        """Count a connection no more."""
        if connection not in self.connections:
            return
        self.connections.discard(connection)
        self._waiting.pop(connection, None)
        self._surplus.pop(connection, None)
        self._unread.pop(connection, None)
        address = self._get_counted_address(connection)
        if address is not None:
            self._count_by_address[address] -= 1
            if not self._count_by_address[address]:
                del self._count_by_address[address]

    def mark_waiting(self, connection: RegisteredConnection) -> None:
        """Note that a connection waits for its next request."""
        if connection not in self._surplus:
            self._waiting[connection] = None

    def mark_busy(self, connection: RegisteredConnection) -> None:
        """Note that a connection has a complete request."""
        self._waiting.pop(connection, None)

    @property
    def has_surplus(self) -> bool:
        """Whether there are connections beyond a limit."""
        return bool(self._surplus)

    def is_surplus(self, connection: RegisteredConnection) -> bool:
        """Return whether a connection is beyond a limit, now that it has a request."""
        if connection not in self._surplus:
            return False
        if self.is_address_full(connection) or len(self.connections) > self.limits.connections:
            return True
        del self._surplus[connection]
        return False

    def is_address_full(self, connection: RegisteredConnection) -> bool:
        """Return whether the address of a connection has more connections than allowed."""
        limit = self.limits.address_connections
        address = self._get_counted_address(connection)
        return limit is not None and address is not None and self._count_by_address[address] > limit

    def make_surplus_error(self, connection: RegisteredConnection) -> MessageError:
        """Return the error of a request on a surplus connection."""
        if self.is_address_full(connection):
            status, holder = HTTPStatus.TOO_MANY_REQUESTS, "An address"
            limit = self.limits.address_connections
        else:
            status, holder = HTTPStatus.SERVICE_UNAVAILABLE, "This server"
            limit = self.limits.connections
        message = f"{holder} may have at most {limit} connections at a time."
        return MessageError(status, message, RETRY_SECONDS)

    def count_received(self, length: int) -> None:
        """Count received bytes; raises MessageError if those of all connections are too many."""
        self.received_bytes += length
        max_bytes = self.limits.received_bytes
        if self.received_bytes > max_bytes:
            message = f"This server receives at most {max_bytes} bytes at a time."
            raise MessageError(HTTPStatus.SERVICE_UNAVAILABLE, message, RETRY_SECONDS)

    def _get_counted_address(self, connection: RegisteredConnection) -> str | None:
        """Return the address whose connections are limited; None for proxies and loopback."""
        if self.limits.address_connections is None or connection.client is None:
            return None
        address = ip_address(connection.client[0])
        is_proxy = any(address in network for network in self.limits.trusted_proxies)
        return None if is_proxy or address.is_loopback else str(address)

    def _make_room(self) -> bool:
        """Close the connection that has waited longest if there are too many."""
        if len(self.connections) - len(self._surplus) <= self.limits.connections:
            return True
        return self._close_oldest(self._waiting)

    def _close_oldest(self, connections: "OrderedDict[RegisteredConnection, None]") -> bool:
        if not connections:
            return False
        connection = next(iter(connections))
        connection.transport.abort()
        self.remove_connection(connection)
        return True

    def _schedule_sweep(self) -> None:
        due_at = self._loop.time() + SWEEP_SECONDS
        self._timer = self._loop.call_at(due_at, self._sweep, due_at)

    def _sweep(self, due_at: float) -> None:
        """Check all connections, unless the loop was blocked: then input may still be unread."""
        self._timer, now = None, self._loop.time()
        if now - due_at < SWEEP_SECONDS:
            self.check_connections(now)
        if self.connections:
            self._schedule_sweep()

    def check_connections(self, now: float) -> None:
        """End the connections that exceed a time limit or do not read their responses."""
        unread_bytes = 0
        for connection in [*self.connections]:
            connection.check_time(now)
            unread_length = connection.transport.get_write_buffer_size()
            unread_bytes += unread_length
            if unread_length and connection.is_write_stalled():
                self._check_reading(connection, unread_length, now)
            else:
                self._unread.pop(connection, None)
        if unread_bytes > self.limits.unread_bytes:
            self._abort_largest(unread_bytes)

    def _check_reading(
        self, connection: RegisteredConnection, unread_length: int, now: float
    ) -> None:
        since, earlier_length = self._unread.get(connection, (now, unread_length))
        if unread_length <= earlier_length - MIN_READ_BYTES:
            since, earlier_length = now, unread_length
        self._unread[connection] = since, earlier_length
        if now - since >= self.limits.write_seconds:
            log.info("Closed a connection whose client reads no responses: %s", connection.client)
            connection.transport.abort()

    def _abort_largest(self, unread_bytes: int) -> None:
        """Abort the connections with the longest unread responses until the rest is allowed."""
        sizes = {each: each.transport.get_write_buffer_size() for each in self.connections}
        for connection, size in sorted(sizes.items(), key=lambda item: -item[1]):
            if unread_bytes <= self.limits.unread_bytes:
                return
            log.warning("Closed a connection with %d bytes of unread responses.", size)
            connection.transport.abort()
            unread_bytes -= size


def limit_by_open_files(connections: int) -> int:
    """Return the number of connections that the limit of open files allows, at most `connections`.

    The soft limit is raised as far as needed and allowed.
    """
    soft_limit, hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = connections + SURPLUS_CONNECTIONS + RESERVED_FILES
    if soft_limit == resource.RLIM_INFINITY or soft_limit >= needed:
        return connections
    new_limit = needed if hard_limit == resource.RLIM_INFINITY else min(needed, hard_limit)
    resource.setrlimit(resource.RLIMIT_NOFILE, (new_limit, hard_limit))
    if new_limit == needed:
        return connections
    allowed = max(1, new_limit - SURPLUS_CONNECTIONS - RESERVED_FILES)
    log.warning(
        "GATEWAY_CONNECTIONS is reduced from %d to %d: the process may open %d files.",
        connections,
        allowed,
        new_limit,
    )
    return allowed


def get_registry(app_state: dict[str, Any]) -> ConnectionRegistry:
    """Return the registry in the state of a lifespan; a new one for an application without it."""
    registry: ConnectionRegistry | None = app_state.get(REGISTRY_STATE_KEY)
    return ConnectionRegistry(ConnectionLimits()) if registry is None else registry
