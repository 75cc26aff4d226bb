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

from gateway.db.driver.connection_options import Session
from gateway.db.events.feed import Event, ForgottenError, Position, Read

log = logging.getLogger(__name__)
Take = Callable[[list[Event]], None]
LIMIT = 500
"""How many events are handed on at once, at most."""
PAUSE, LONGEST = 0.1, 5.0
"""Seconds until the next try when the database is away: at first, and in the end."""
SOON, HELD = 0.01, 0.25
"""Seconds until the next look for what a transaction holds back: at first, and in the end."""
PATIENCE = 5
"""Seconds without an answer, beyond what a statement may take, after which a connection is lost."""
_NOT_HERE = (errors.ReadOnlySqlTransaction, errors.ObjectNotInPrerequisiteState)
"""What a server says that can't be listened to, since it follows another."""


class Source(Protocol):
    """Where events are read: of triggers, the module `events`; else `Polled`."""

    async def head(self, connection: AsyncConnection[Any], /) -> Position:
        """Give the position of now."""

    async def read(
        self, connection: AsyncConnection[Any], position: Position, limit: int, /
    ) -> Read:
        """Give the first events after a position; ForgottenError if they are not known.

        Only one reads at a time: who listens.
        """

    async def after(
        self, connection: AsyncConnection[Any], position: Position, limit: int, /
    ) -> list[Event]:
        """Give the same events to others, as far as they were read."""


class Listening:
    """Hands on all events from when it began, in order, each once."""

    def __init__(
        self, session: Session, source: Source, channel: str | None, *, seconds: float = 1
    ) -> None:
        """Read a source when its `channel` is notified, and every so many seconds."""
        self._session, self.source, self._channel = session, source, channel
        self._seconds = seconds
        self.position: Position | None = None
        """The last that was handed on, or where it began."""
        self.ready = asyncio.Event()
        """Set while it is attached: what is committed now will be handed on."""
        self._pause = PAUSE

    async def run(self, take: Take, lost: Callable[[], None]) -> None:
        """Work until cancelled, whatever happens to the database.

        `lost` is called, between two batches, if some events can't be handed on:
        they were removed before they could be read, or `take` raised something.
        """
        while True:
            try:
                await self._attached(take, lost)
            except (psycopg.Error, OSError, TimeoutError) as error:
                log.warning("Events wait for the database: %s", error)
            except Exception:
                log.exception("Events are at a loss.")
            self.ready.clear()
            await asyncio.sleep(self._pause)
            self._pause = min(2 * self._pause, LONGEST)

    async def _attached(self, take: Take, lost: Callable[[], None]) -> None:
        async with asyncio.timeout(PATIENCE):
            connection = await AsyncConnection.connect(self._session.url, **self._session.given)
        try:
            listens = await self._listen(connection)
            wait = 0.0
            while True:
                if wait:
                    await self._wait(connection, wait, listens=listens)
                wait = await self._round(connection, take, lost, wait)
        finally:
            with suppress(psycopg.Error):
                await connection.close()

    async def _listen(self, connection: AsyncConnection[Any]) -> bool:
        if self._channel is None:
            return False
        try:
            await connection.execute(f"listen {self._channel}".encode())
        except _NOT_HERE:
            return False
        return True

    async def _wait(self, connection: AsyncConnection[Any], wait: float, *, listens: bool) -> None:
        """Wait for a notification, or so many seconds."""
        if not listens:
            await asyncio.sleep(wait)
            return
        async for _ in connection.notifies(timeout=wait, stop_after=1):
            pass

    async def _round(
        self,
        connection: AsyncConnection[Any],
        take: Take,
        lost: Callable[[], None],
        waited: float,
    ) -> float:
        """Hand on what there is; give for how long to wait for more."""
        while True:
            with _impatient(connection, self._session.seconds + PATIENCE):
                found = await self._read(connection, lost)
            self._pause = PAUSE
            self.ready.set()
            if found.events:
                self._hand_on(found.events, take, lost)
            if len(found.events) < LIMIT:
                break
        if not found.held:
            return self._seconds
        return min(max(SOON, 2 * waited), HELD) if waited <= HELD else SOON

    async def _read(self, connection: AsyncConnection[Any], lost: Callable[[], None]) -> Read:
        try:
            if self.position is None:
                self.position = await self.source.head(connection)
            return await self.source.read(connection, self.position, LIMIT)
        except ForgottenError:
            self.position = await self.source.head(connection)
            lost()
            return Read([], held=False)

    def _hand_on(self, events: list[Event], take: Take, lost: Callable[[], None]) -> None:
        self.position = events[-1].position
        try:
            take(events)
        except Exception:
            log.exception("Events can't be handed on.")
            lost()


@contextmanager
def _impatient(connection: AsyncConnection[Any], seconds: float) -> Iterator[None]:
    """Hang up after so many seconds; to cancel would be to wait for the server once more."""
    late = asyncio.get_running_loop().call_later(seconds, _hang_up, connection)
    try:
        yield
    finally:
        late.cancel()


def _hang_up(connection: AsyncConnection[Any]) -> None:
    with suppress(OSError), socket.socket(fileno=os.dup(connection.fileno())) as line:
        line.shutdown(socket.SHUT_RDWR)
