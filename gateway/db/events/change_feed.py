"""Change feed of one process: delivers new resource events and reads earlier ones again."""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta

import psycopg

from gateway.db.driver.connection_options import ConnectionOptions
from gateway.db.driver.database import Database
from gateway.db.driver.errors import TimedOutError, UnavailableError
from gateway.db.driver.transactions import TransactionPool
from gateway.db.events import feed, source
from gateway.db.events.feed import EventPosition, FeedEvent, PositionExpiredError
from gateway.db.events.listener import EventHandler, EventListener
from gateway.db.events.source import SourceKind
from gateway.db.events.triggers import (
    STATUS_STATEMENT,
    EventSourceError,
    parse_trigger_status,
)
from gateway.error_table import ErrorKind
from gateway.fairness.running_time import running_timeout

log = logging.getLogger(__name__)
MAX_CONCURRENT_READS, READ_WAIT_SECONDS = 2, 5
"""Maximum number of reads of missed events at a time; seconds to wait until one may start.

So many subscribers that catch up at once leave room in the read pool for queries.
"""
SOURCE_RETRY_SECONDS, STATEMENT_SECONDS = 2, 10
"""Seconds between attempts to choose the event source; the listener's time-out of a statement."""


class EventsDisabledError(Exception):
    """Resource events are disabled by the settings."""

    error_kind = ErrorKind.EVENTS_DISABLED

    def __init__(self) -> None:
        super().__init__("Resource events are disabled on this gateway (GATEWAY_EVENTS=off).")


class ChangeFeed:
    """Resource events of one database.

    `run` chooses the source, delivers all events from then on in order, and survives
    any outage of the database. A subscriber that missed some catches up from its
    position by `load_events_after`. The listener has a connection of its own; all other
    reads use the process's read pool.

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
        self,
        database: Database,
        url: str,
        requested_source: str,
        poll_seconds: float,
        *,
        pooler: bool = False,
    ) -> None:
        """Configure the feed by GATEWAY_EVENTS and GATEWAY_EVENTS_SECONDS."""
        self._database, self._requested_source = database, requested_source
        self._poll_seconds = poll_seconds
        self._options = ConnectionOptions(url, STATEMENT_SECONDS, pooler=pooler)
        self._source_kind_future: asyncio.Future[SourceKind] = (
            asyncio.get_running_loop().create_future()
        )
        self._listener: EventListener | None = None
        self._read_slots = asyncio.Semaphore(MAX_CONCURRENT_READS)

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
        if self._listener is not None:
            await self._listener.run(on_events, on_gap)

    async def prune_periodically(self, transaction_pool: TransactionPool, days: int) -> None:
        """Delete events older than `days` every hour until cancelled."""
        if await asyncio.shield(self._source_kind_future) == "triggers":
            await source.prune_periodically(transaction_pool, timedelta(days=days))

    async def load_events_after(
        self, position: EventPosition, limit: int
    ) -> list[FeedEvent] | None:
        """Return the first events after a position, in order; None if the position has expired.

        Raises UnavailableError if the database can't be reached or other subscribers
        catch up for too long, TimedOutError if the statement takes too long.
        """
        assert self._listener is not None
        await self._acquire_read_slot()
        try:
            return await self._listener.source.load_events_after(self._database, position, limit)
        except PositionExpiredError:
            return None
        finally:
            self._read_slots.release()

    async def _acquire_read_slot(self) -> None:
        try:
            async with running_timeout(READ_WAIT_SECONDS):
                await self._read_slots.acquire()
        except TimeoutError as error:
            raise UnavailableError(
                f"Missed events could not be read within {READ_WAIT_SECONDS} seconds, "
                "because many subscribers catch up."
            ) from error

    async def load_event_lag_seconds(self) -> float:
        """Return the age in seconds of the oldest blocked event; 0 without one.

        Raises UnavailableError if the database can't be reached.
        """
        if self.source_kind != "triggers":
            return 0.0
        try:
            return await feed.load_event_lag_seconds(self._database)
        except (psycopg.Error, TimedOutError) as error:
            raise UnavailableError(str(error)) from error

    async def _retry_source_choice(self) -> SourceKind:
        while True:
            try:
                return await self._choose_source_kind()
            except (
                psycopg.Error,
                UnavailableError,
                TimedOutError,
                EventSourceError,
            ) as error:
                log.warning("The source of resource events can't be chosen yet: %s", error)
            await asyncio.sleep(SOURCE_RETRY_SECONDS)

    async def _choose_source_kind(self) -> SourceKind:
        if self._requested_source in source.EXPLICIT_SOURCES:
            return source.EXPLICIT_SOURCES[self._requested_source]
        (rows,) = await self._database.fetch_rows([(STATUS_STATEMENT, ())])
        return source.choose_source(parse_trigger_status(rows), self._requested_source)
