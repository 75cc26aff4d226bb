"""The one connection of a process that waits for events, and hands them on in order.

It listens first and reads then, so that nothing falls between. A notification
only wakes it: what it hands on is what it reads after its position. When the
connection is lost it comes back and reads on from there. A slow timer is a net
under all that, and the way where nobody can listen: through a pooler, on a
server that follows another, without triggers.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Protocol

import psycopg
from psycopg import AsyncConnection, errors

from gateway.db.driver.connection_options import ConnectionOptions
from gateway.db.events.feed import EventPosition, FeedEvent, FeedPage, PositionExpiredError

log = logging.getLogger(__name__)
EventHandler = Callable[[list[FeedEvent]], None]
MAX_EVENTS_PER_READ = 500
"""How many events are handed on at once, at most."""
MIN_RECONNECT_SECONDS, MAX_RECONNECT_SECONDS = 0.1, 5.0
"""Seconds until the next try when the database is away: at first, and in the end."""
MIN_RECHECK_SECONDS, MAX_RECHECK_SECONDS = 0.01, 0.25
"""Seconds until the next look for what a transaction holds back: at first, and in the end."""
RESPONSE_GRACE_SECONDS = 5
"""Seconds without an answer, beyond what a statement may take, after which a connection is lost."""
_LISTEN_UNSUPPORTED_ERRORS = (errors.ReadOnlySqlTransaction, errors.ObjectNotInPrerequisiteState)
"""What a server says that can't be listened to, since it follows another."""


class EventReader(Protocol):
    """Where events are read: of triggers, the module `events`; else `Polled`."""

    async def load_head(self, connection: AsyncConnection[Any], /) -> EventPosition:
        """Give the position of now."""

    async def load_page(
        self, connection: AsyncConnection[Any], position: EventPosition, limit: int, /
    ) -> FeedPage:
        """Give the first events after a position; ForgottenError if they are not known.

        Only one reads at a time: who listens.
        """

    async def load_events_after(
        self, connection: AsyncConnection[Any], position: EventPosition, limit: int, /
    ) -> list[FeedEvent]:
        """Give the same events to others, as far as they were read."""


class EventListener:
    """Hands on all events from when it began, in order, each once."""

    def __init__(
        self,
        options: ConnectionOptions,
        source: EventReader,
        channel: str | None,
        *,
        poll_seconds: float = 1,
    ) -> None:
        """Read a source when its `channel` is notified, and every so many seconds."""
        self._options, self.source, self._channel = options, source, channel
        self._poll_seconds = poll_seconds
        self.position: EventPosition | None = None
        """The last that was handed on, or where it began."""
        self.ready = asyncio.Event()
        """Set while it is attached: what is committed now will be handed on."""
        self._reconnect_seconds = MIN_RECONNECT_SECONDS

    async def run(self, on_events: EventHandler, on_gap: Callable[[], None]) -> None:
        """Work until cancelled, whatever happens to the database.

        `lost` is called, between two batches, if some events can't be handed on:
        they were removed before they could be read, or `take` raised something.
        """
        while True:
            try:
                await self._listen_until_lost(on_events, on_gap)
            except (psycopg.Error, OSError, TimeoutError) as error:
                log.warning("Events wait for the database: %s", error)
            except Exception:
                log.exception("Events are at a loss.")
            self.ready.clear()
            await asyncio.sleep(self._reconnect_seconds)
            self._reconnect_seconds = min(2 * self._reconnect_seconds, MAX_RECONNECT_SECONDS)

    async def _listen_until_lost(self, on_events: EventHandler, on_gap: Callable[[], None]) -> None:
        async with asyncio.timeout(RESPONSE_GRACE_SECONDS):
            connection = await AsyncConnection.connect(
                self._options.url, **self._options.connect_arguments
            )
        try:
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
        """Wait for a notification, or so many seconds."""
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
        """Hand on what there is; give for how long to wait for more."""
        while True:
            with _close_after_timeout(
                connection, self._options.statement_seconds + RESPONSE_GRACE_SECONDS
            ):
                page = await self._load_page(connection, on_gap)
            self._reconnect_seconds = MIN_RECONNECT_SECONDS
            self.ready.set()
            if page.events:
                self._deliver_events(page.events, on_events, on_gap)
            if len(page.events) < MAX_EVENTS_PER_READ:
                break
        if not page.has_blocked_events:
            return self._poll_seconds
        return (
            min(max(MIN_RECHECK_SECONDS, 2 * waited_seconds), MAX_RECHECK_SECONDS)
            if waited_seconds <= MAX_RECHECK_SECONDS
            else MIN_RECHECK_SECONDS
        )

    async def _load_page(
        self, connection: AsyncConnection[Any], on_gap: Callable[[], None]
    ) -> FeedPage:
        try:
            if self.position is None:
                self.position = await self.source.load_head(connection)
            return await self.source.load_page(connection, self.position, MAX_EVENTS_PER_READ)
        except PositionExpiredError:
            self.position = await self.source.load_head(connection)
            on_gap()
            return FeedPage([], has_blocked_events=False)

    def _deliver_events(
        self, events: list[FeedEvent], on_events: EventHandler, on_gap: Callable[[], None]
    ) -> None:
        self.position = events[-1].position
        try:
            on_events(events)
        except Exception:
            log.exception("Events can't be handed on.")
            on_gap()


@contextmanager
def _close_after_timeout(connection: AsyncConnection[Any], seconds: float) -> Iterator[None]:
    """Hang up after so many seconds; to cancel would be to wait for the server once more."""
    timer = asyncio.get_running_loop().call_later(seconds, _shut_down_socket, connection)
    try:
        yield
    finally:
        timer.cancel()


def _shut_down_socket(connection: AsyncConnection[Any]) -> None:
    with suppress(OSError), socket.socket(fileno=os.dup(connection.fileno())) as connection_socket:
        connection_socket.shutdown(socket.SHUT_RDWR)
