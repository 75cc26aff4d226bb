"""Listener: waits for notifications on one connection and delivers events in order."""

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from math import inf
from time import monotonic
from typing import Any, Protocol

import psycopg
from psycopg import AsyncConnection, errors

from gateway.db.driver.connection_options import ConnectionOptions
from gateway.db.events.feed import (
    EventPosition,
    FeedEvent,
    FeedPage,
    PositionExpiredError,
    RowReader,
)
from gateway.fairness.running_time import RunningTimer, running_timeout

log = logging.getLogger(__name__)
EventHandler = Callable[[list[FeedEvent]], None]
MAX_EVENTS_PER_READ = 500
"""Maximum number of events that are delivered at once."""
MIN_RECONNECT_SECONDS, MAX_RECONNECT_SECONDS = 0.1, 5.0
"""First and longest delay between attempts to reconnect, in seconds."""
MIN_RECHECK_SECONDS, MAX_RECHECK_SECONDS = 0.01, 0.25
"""First and longest delay between reads while events are blocked, in seconds."""
RESPONSE_GRACE_SECONDS = 5
"""Seconds without a response, beyond a statement's time-out, after which a connection is lost."""
_LISTEN_UNSUPPORTED_ERRORS = (errors.ReadOnlySqlTransaction, errors.ObjectNotInPrerequisiteState)
"""Errors of LISTEN on a standby server."""


class EventReader(Protocol):
    """Source of events: the module `feed` for triggers, or a `PollingReader`."""

    async def load_head(self, connection: AsyncConnection[Any], /) -> EventPosition:
        """Return the current head of the feed."""

    async def load_page(
        self, connection: AsyncConnection[Any], position: EventPosition, limit: int, /
    ) -> FeedPage:
        """Return the first events after a position; only the listener calls it.

        Raises PositionExpiredError if they are no longer known.
        """

    async def load_events_after(
        self, database: RowReader, position: EventPosition, limit: int, /
    ) -> list[FeedEvent]:
        """Return the same events to other readers, as far as the listener has read."""


class ListenerWatch(Protocol):
    """Verification of the source, on the connection on which it is read."""

    @property
    def seconds(self) -> float:
        """Seconds between two verifications."""

    async def verify_source(
        self, options: ConnectionOptions, connection: AsyncConnection[Any], /
    ) -> None:
        """Raise SourceChangedError if events can't be read after the listener's position."""


class SourceChangedError(Exception):
    """The event source can't be used any longer, or it is another one; the message says why."""


class EventListener:
    """Delivers all events from its start on, in order, each once.

    A notification carries no event, it only wakes the listener: events are read from
    the source after `position`, that of the last one read. So neither a lost notification
    nor a lost connection loses an event. LISTEN comes before the first read, so an
    event is committed either before that read or with a notification.

        connect        LISTEN           read page           no more events
        -------> open ---------> reading <-------+ full page ----------> waiting
           ^                       ^  |   deliver +                         |
           |                       |  +-----------+                         |
           |                       +---- notified, or the delay is over ----+
           |  back-off
        detached <---- connection lost, or silent for too long (any state)

    The delay is `poll_seconds` as a rule: a safety net under LISTEN, and the only way
    where LISTEN is not possible (behind a pooler, on a standby server, by polling).
    While an open transaction blocks events, it is `MIN_RECHECK_SECONDS` and doubles up
    to `MAX_RECHECK_SECONDS`, since no notification comes when that transaction ends.

    `on_gap` is called where events can't be delivered: they were deleted before they
    were read (the position has expired), or the handler failed. Delivery goes on after.

    **Watch.** Before the first read on each connection, and every few seconds, `watch`
    verifies that the source is still the one that `position` belongs to. If not, `run`
    ends with SourceChangedError.
    """

    def __init__(
        self,
        options: ConnectionOptions,
        source: EventReader,
        channel: str | None,
        *,
        poll_seconds: float = 1,
        watch: ListenerWatch | None = None,
        ready: asyncio.Event | None = None,
    ) -> None:
        """Read `source` when `channel` is notified, and every `poll_seconds`.

        Without a channel (None) only the latter.
        """
        self._options, self.source, self._channel = options, source, channel
        self._poll_seconds, self._watch = poll_seconds, watch
        self.first_connection: AsyncConnection[Any] | None = None
        """Open connection that is used first; None: the listener opens one."""
        self._verified_at = -inf
        self._on_attached: Callable[[], None] = lambda: None
        self.position: EventPosition | None = None
        """Position of the last event that was read, or of the start; None until connected."""
        self.ready = ready or asyncio.Event()
        """Set while attached: events committed from now on will be delivered at once."""
        self._reconnect_seconds = MIN_RECONNECT_SECONDS

    async def run(
        self,
        on_events: EventHandler,
        on_gap: Callable[[], None],
        on_attached: Callable[[], None] = lambda: None,
    ) -> None:
        """Deliver events until cancelled, reconnecting after any error.

        `on_gap` is called between two batches if events can't be delivered: they were
        deleted before they were read, or `on_events` raised an exception. `on_attached` is
        called whenever the listener becomes attached, before it delivers an event.
        Raises SourceChangedError if the source is no longer the same.
        """
        self._on_attached = on_attached
        while True:
            try:
                await self._listen_until_lost(on_events, on_gap)
            except (psycopg.Error, OSError, TimeoutError) as error:
                log.warning("The event listener lost the database and reconnects: %s", error)
            except SourceChangedError:
                raise
            except Exception:
                log.exception("The event listener failed and reconnects.")
            finally:
                self.ready.clear()
            await asyncio.sleep(self._reconnect_seconds)
            self._reconnect_seconds = min(2 * self._reconnect_seconds, MAX_RECONNECT_SECONDS)

    async def _listen_until_lost(self, on_events: EventHandler, on_gap: Callable[[], None]) -> None:
        connection = await self._open_connection()
        try:
            await self._verify_source(connection)
            is_listening = await self._start_listening(connection)
            wait_seconds = 0.0
            while True:
                if wait_seconds:
                    await self._wait_for_notification(
                        connection, wait_seconds, is_listening=is_listening
                    )
                wait_seconds = await self._deliver_available(
                    connection, on_events, on_gap, wait_seconds
                )
        finally:
            with suppress(psycopg.Error):
                await connection.close()

    async def _open_connection(self) -> AsyncConnection[Any]:
        connection, self.first_connection = self.first_connection, None
        if connection is not None:
            return connection
        async with running_timeout(RESPONSE_GRACE_SECONDS):
            return await self._options.open_session()

    async def _start_listening(self, connection: AsyncConnection[Any]) -> bool:
        if self._channel is None:
            return False
        try:
            await connection.execute(f"listen {self._channel}".encode())
        except _LISTEN_UNSUPPORTED_ERRORS:
            return False
        return True

    async def _wait_for_notification(
        self, connection: AsyncConnection[Any], seconds: float, *, is_listening: bool
    ) -> None:
        """Wait for a notification, at most `seconds` and until the next verification."""
        if self._watch is not None and self._watch.seconds:
            due_at = self._verified_at + self._watch.seconds
            seconds = min(seconds, max(0.001, due_at - monotonic()))
        if not is_listening:
            await asyncio.sleep(seconds)
            return
        async for _ in connection.notifies(timeout=seconds, stop_after=1):
            pass

    async def _deliver_available(
        self,
        connection: AsyncConnection[Any],
        on_events: EventHandler,
        on_gap: Callable[[], None],
        waited_seconds: float,
    ) -> float:
        """Deliver the available events; return for how many seconds to wait for more."""
        while True:
            if self._is_verification_due:
                await self._verify_source(connection)
            with self._limit_response_time(connection):
                page = await self._load_page(connection, on_gap)
            self._reconnect_seconds = MIN_RECONNECT_SECONDS
            self._mark_attached()
            self.position = page.end_position
            if page.events:
                self._deliver_events(page.events, on_events, on_gap)
            if not page.is_full:
                break
        if not page.has_blocked_events:
            return self._poll_seconds
        return (
            min(max(MIN_RECHECK_SECONDS, 2 * waited_seconds), MAX_RECHECK_SECONDS)
            if waited_seconds <= MAX_RECHECK_SECONDS
            else MIN_RECHECK_SECONDS
        )

    @property
    def _is_verification_due(self) -> bool:
        return self._watch is not None and monotonic() >= self._verified_at + self._watch.seconds

    async def _verify_source(self, connection: AsyncConnection[Any]) -> None:
        if self._watch is None:
            return
        with self._limit_response_time(connection):
            await self._watch.verify_source(self._options, connection)
        self._verified_at = monotonic()

    def _limit_response_time(
        self, connection: AsyncConnection[Any]
    ) -> AbstractContextManager[None]:
        return _close_after_timeout(
            connection, self._options.statement_seconds + RESPONSE_GRACE_SECONDS
        )

    def _mark_attached(self) -> None:
        if not self.ready.is_set():
            self._on_attached()
            self.ready.set()

    async def _load_page(
        self, connection: AsyncConnection[Any], on_gap: Callable[[], None]
    ) -> FeedPage:
        try:
            async with self._options.begin_batch(connection):
                if self.position is None:
                    self.position = await self.source.load_head(connection)
                return await self.source.load_page(connection, self.position, MAX_EVENTS_PER_READ)
        except PositionExpiredError:
            await self._verify_source(connection)
            async with self._options.begin_batch(connection):
                self.position = await self.source.load_head(connection)
            on_gap()
            return FeedPage([], self.position, is_full=False, has_blocked_events=False)

    def _deliver_events(
        self, events: list[FeedEvent], on_events: EventHandler, on_gap: Callable[[], None]
    ) -> None:
        try:
            on_events(events)
        except Exception:
            log.exception("The event handler failed.")
            on_gap()


@contextmanager
def _close_after_timeout(connection: AsyncConnection[Any], seconds: float) -> Iterator[None]:
    """Shut down the socket after `seconds`.

    Cancelling the statement instead would mean to wait for the server once more.
    """
    timer = RunningTimer(seconds, lambda: _shut_down_socket(connection))
    try:
        yield
    finally:
        timer.cancel()


def _shut_down_socket(connection: AsyncConnection[Any]) -> None:
    with suppress(OSError), socket.socket(fileno=os.dup(connection.fileno())) as connection_socket:
        connection_socket.shutdown(socket.SHUT_RDWR)
