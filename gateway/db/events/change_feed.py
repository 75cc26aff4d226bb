"""Change feed of one process: delivers new resource events and reads earlier ones again."""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from gateway.db.driver.connection_options import ConnectionOptions
from gateway.db.driver.errors import UnavailableError, map_error
from gateway.db.events import feed, source
from gateway.db.events.feed import EventPosition, FeedEvent, PositionExpiredError
from gateway.db.events.listener import EventHandler, EventListener
from gateway.db.events.source import SourceKind
from gateway.db.events.triggers import EventSourceError
from gateway.error_table import ErrorKind

log = logging.getLogger(__name__)
MAX_CONNECTIONS, CONNECTION_WAIT_SECONDS, MAX_IDLE_SECONDS = 2, 5, 60
"""Maximum number of connections for catching up; seconds to wait for one; seconds until an idle one
is closed.
"""
SOURCE_RETRY_SECONDS, STATEMENT_SECONDS = 2, 10
"""Seconds between attempts to choose the event source; time-out of a statement in seconds."""


class EventsDisabledError(Exception):
    """Resource events are disabled by the settings."""

    error_kind = ErrorKind.EVENTS_DISABLED

    def __init__(self) -> None:
        super().__init__("Resource events are disabled on this gateway (GATEWAY_EVENTS=off).")


class ChangeFeed:
    """Resource events of one database.

    `run` chooses the source, delivers all events from then on in order, and survives
    any outage of the database. A subscriber that missed some catches up from its
    position by `load_events_after`, on a small connection pool of its own.

    **States**

        run()                    source found              database reached
        ----> choosing a source ---------------> detached ----------------> attached
                  |     ^  | database unreachable    ^                         |
                  |     +--+ (tried again)           +----- connection lost ---+
                  | GATEWAY_EVENTS=off
                  v
               disabled

    `source_kind` is None while the source is being chosen. In the state attached,
    each event that is committed is delivered soon after (`is_attached`).
    """

    def __init__(
        self, url: str, requested_source: str, poll_seconds: float, *, pooler: bool = False
    ) -> None:
        """Configure the feed by GATEWAY_EVENTS and GATEWAY_EVENTS_SECONDS."""
        self._url, self._requested_source, self._poll_seconds = url, requested_source, poll_seconds
        self._options = ConnectionOptions(url, STATEMENT_SECONDS, pooler=pooler)
        self._write_options = ConnectionOptions(
            url, STATEMENT_SECONDS, pooler=pooler, allow_writes=True
        )
        self._source_kind_future: asyncio.Future[SourceKind] = (
            asyncio.get_running_loop().create_future()
        )
        self._listener: EventListener | None = None
        self._pool = AsyncConnectionPool(
            url,
            kwargs=self._options.connect_arguments,
            check=AsyncConnectionPool.check_connection,
            min_size=0,
            max_size=MAX_CONNECTIONS,
            timeout=CONNECTION_WAIT_SECONDS,
            max_idle=MAX_IDLE_SECONDS,
            open=False,
        )

    @property
    def source_kind(self) -> SourceKind | None:
        """The source of the events; None until it is chosen."""
        return self._source_kind_future.result() if self._source_kind_future.done() else None

    @property
    def position(self) -> EventPosition:
        """The position up to which events were read; only after it was attached."""
        assert self._listener is not None
        assert self._listener.position is not None
        return self._listener.position

    @property
    def is_attached(self) -> bool:
        """Whether events committed from now on will be delivered at once."""
        return self._listener is not None and self._listener.ready.is_set()

    async def wait_until_attached(self) -> None:
        """Wait until the feed is attached. Raises EventsDisabledError if events are disabled."""
        if await asyncio.shield(self._source_kind_future) == "off":
            raise EventsDisabledError
        assert self._listener is not None
        await self._listener.ready.wait()

    async def run(self, on_events: EventHandler, on_gap: Callable[[], None]) -> None:
        """Deliver all events in order until cancelled; call `on_gap` if some were lost."""
        source_kind = await self._retry_source_choice()
        self._listener = source.create_listener(self._options, source_kind, self._poll_seconds)
        self._source_kind_future.set_result(source_kind)
        if self._listener is None:
            return
        await self._pool.open()
        try:
            await self._listener.run(on_events, on_gap)
        finally:
            await self._pool.close()

    async def prune_periodically(self, days: int) -> None:
        """Delete events older than `days` every hour until cancelled."""
        if await asyncio.shield(self._source_kind_future) == "triggers":
            await source.prune_periodically(self._write_options, timedelta(days=days))

    async def load_events_after(
        self, position: EventPosition, limit: int
    ) -> list[FeedEvent] | None:
        """Return the first events after a position, in order; None if the position has expired.

        Raises UnavailableError if the database can't be reached, TimedOutError if it
        takes too long.
        """
        assert self._listener is not None
        try:
            async with self._pool.connection() as connection:
                return await self._listener.source.load_events_after(connection, position, limit)
        except PositionExpiredError:
            return None
        except PoolTimeout as error:
            raise UnavailableError(str(error)) from error
        except psycopg.Error as error:
            raise map_error(error) from error

    async def load_lag_seconds(self) -> float:
        """Return the age in seconds of the oldest event that an open transaction holds back.

        Raises UnavailableError if the database can't be reached.
        """
        if self.source_kind != "triggers":
            return 0.0
        try:
            async with self._pool.connection() as connection:
                return await feed.load_lag_seconds(connection)
        except (PoolTimeout, psycopg.Error) as error:
            raise UnavailableError(str(error)) from error

    async def _retry_source_choice(self) -> SourceKind:
        while True:
            try:
                return await asyncio.to_thread(self._choose_source_kind)
            except (psycopg.Error, EventSourceError) as error:
                log.warning("The source of resource events can't be chosen yet: %s", error)
            await asyncio.sleep(SOURCE_RETRY_SECONDS)

    def _choose_source_kind(self) -> SourceKind:
        if self._requested_source in source.EXPLICIT_SOURCES:
            return source.EXPLICIT_SOURCES[self._requested_source]
        with psycopg.connect(self._url, connect_timeout=5) as connection:
            return source.choose_source(connection, self._requested_source)
