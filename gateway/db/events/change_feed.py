"""Change feed of one process: delivers new events and reads earlier ones again."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

import psycopg
from psycopg import AsyncConnection

from gateway.db.driver.connection_options import ConnectionOptions
from gateway.db.driver.database import Database
from gateway.db.driver.errors import TimedOutError, UnavailableError
from gateway.db.driver.transactions import TransactionPool
from gateway.db.events import feed, source
from gateway.db.events.feed import EventPosition, FeedEvent, FeedPoint, PositionExpiredError
from gateway.db.events.listener import EventHandler, EventListener, SourceChangedError
from gateway.db.events.source import SourceKind, SourceOptions
from gateway.db.events.source_watch import (
    EventSource,
    SourceWatch,
    VerifiedDatabase,
    connect_and_select,
)
from gateway.db.events.triggers import EventSourceError
from gateway.error_table import ErrorKind
from gateway.fairness.running_time import running_timeout

log = logging.getLogger(__name__)
MAX_CONCURRENT_READS, READ_WAIT_SECONDS = 2, 5
"""Maximum number of reads of missed events at a time; seconds to wait until one may start.

So many subscribers that catch up at once leave room in the read pool for queries.
"""
SOURCE_RETRY_SECONDS, SOURCE_CHANGE_SECONDS, STATEMENT_SECONDS = 2, 0.2, 10
"""Seconds between attempts to choose the event source, and from a change of it to the next choice;
the listener's time-out of a statement."""


class EventsDisabledError(Exception):
    """Events are disabled by the settings."""

    error_kind = ErrorKind.EVENTS_DISABLED

    def __init__(self) -> None:
        super().__init__("Events are disabled on this gateway (GATEWAY_EVENTS=off).")


class ChangeFeed:
    """Events of one database.

    `run` chooses the source, delivers all events from then on in order, survives any
    outage of the database, and chooses the source again when it changes. A subscriber that
    missed some catches up from its position by `load_events_after`. The listener has a
    connection of its own; all other reads use the process's read pool.

    **States**

        run()                    source chosen             database reached
        ----> choosing a source ---------------> detached ----------------> attached
                  ^  |  ^  | no source can be      ^  |                        |  |
                  |  |  +--+ used (tried again)    +--|-- connection lost -----+  |
                  |  | GATEWAY_EVENTS=off             |                           |
                  |  v                                v                           v
                  | disabled            the source is no longer the same (`source_watch`)
                  +---------------------------------------------------------------+

    `source_kind` is None until the first source is attached. In the state attached,
    each event that is committed is delivered soon after (`is_attached`). When another
    source is attached, `on_source_change` is called in the same step of the event loop:
    `source_name` and `position` are those of the new source from then on.
    """

    def __init__(
        self,
        database: Database,
        url: str,
        source_options: SourceOptions,
        *,
        pooler: bool = False,
    ) -> None:
        """Configure the feed.

        A pooler may lead to another server at any time, so the source is verified before
        each read.
        """
        self._database, self._source_options = database, source_options
        self._requested_source = source_options.requested_source
        self._watch_seconds = 0 if pooler else source_options.watch_seconds
        self._options = ConnectionOptions(url, STATEMENT_SECONDS, pooler=pooler)
        self._source: EventSource | None = None
        self._listener: EventListener | None = None
        self.source_name = ""
        """Name of the source in cursors; empty until the first one is attached."""
        self.problem: str | None = None
        """Why there are no events now, and the remedy; None if there are or the feed connects."""
        self.change_count = 0
        """Number of changes of the source so far."""
        self._attached = asyncio.Event()
        self._prune_due = asyncio.Event()
        self._read_slots = asyncio.Semaphore(MAX_CONCURRENT_READS)

    @property
    def source_kind(self) -> SourceKind | None:
        """The kind of the source; None until one is attached, and while none can be used."""
        if self._requested_source == "off":
            return "off"
        return None if self._source is None or self.problem else self._source.kind

    @property
    def position(self) -> EventPosition:
        """The position up to which events were read; only after the feed was attached."""
        assert self._listener is not None
        assert self._listener.position is not None
        return self._listener.position

    @property
    def current_point(self) -> FeedPoint | None:
        """The source and the position up to which events were read; None if events are disabled.

        What a statement that starts later does not show has events after the position, also
        while the feed is detached: the listener had a snapshot with all changes up to it.
        """
        if self._requested_source == "off":
            return None
        listener = self._listener
        if listener is None or self.problem is not None:
            return self.source_name, None
        return self.source_name, listener.position

    @property
    def is_attached(self) -> bool:
        """Whether events committed from now on will be delivered at once."""
        return self._attached.is_set()

    async def wait_until_attached(self) -> None:
        """Wait until the feed is attached. Raises EventsDisabledError if events are disabled."""
        if self._requested_source == "off":
            raise EventsDisabledError
        await self._attached.wait()

    async def run(
        self,
        on_events: EventHandler,
        on_gap: Callable[[], None],
        on_source_change: Callable[[], None],
    ) -> None:
        """Deliver all events in order until cancelled.

        `on_gap` is called if some of the source were lost, `on_source_change` when another
        source is attached, or none can be used any longer.
        """
        if self._requested_source == "off":
            return
        while True:
            event_source, connection = await self._retry_source_choice(on_source_change)
            listener = self._create_listener(event_source)
            listener.first_connection = connection
            adopt = partial(self._adopt_listener, listener, event_source, on_source_change)
            try:
                await listener.run(on_events, on_gap, adopt)
            except SourceChangedError as error:
                log.warning("The source of events is chosen again. %s", error)
            await asyncio.sleep(SOURCE_CHANGE_SECONDS)

    def _create_listener(self, event_source: EventSource) -> EventListener:
        watch = SourceWatch(event_source, self._requested_source, self._watch_seconds)
        return source.create_listener(
            self._options,
            event_source.kind,
            self._source_options.poll_seconds,
            watch=watch,
            ready=self._attached,
            polled_rows=self._source_options.polled_rows,
        )

    def _adopt_listener(
        self,
        listener: EventListener,
        event_source: EventSource,
        on_source_change: Callable[[], None],
    ) -> None:
        """Make an attached listener the current one, unless it is."""
        if listener is self._listener:
            return
        is_first = self._listener is None
        self._source, self._listener, self.problem = event_source, listener, None
        self.source_name = event_source.create_name()
        self._prune_due.set()
        if not is_first:
            self._announce_change(event_source.explanation, on_source_change)

    def _announce_change(self, explanation: str, on_source_change: Callable[[], None]) -> None:
        self.change_count += 1
        log.warning("%s", explanation)
        on_source_change()

    async def prune_periodically(self, transaction_pool: TransactionPool, days: int) -> None:
        """Delete events older than `days` every hour, and when triggers are taken up.

        A restored copy has events of the original, whose transactions are still to come here.
        """
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(source.PRUNE_INTERVAL.total_seconds()):
                    await self._prune_due.wait()
            self._prune_due.clear()
            if self.source_kind == "triggers":
                await source.prune_old_events(transaction_pool, timedelta(days=days))

    async def load_events_after(
        self, position: EventPosition, limit: int
    ) -> list[FeedEvent] | None:
        """Return the first events after a position, in order; None if the position has expired.

        Raises UnavailableError if the database can't be reached, the source has changed, or
        other subscribers catch up for too long, TimedOutError if the statement takes too long.
        """
        assert self._listener is not None
        assert self._source is not None
        reader, verified_database = (
            self._listener.source,
            VerifiedDatabase(self._database, self._source),
        )
        await self._acquire_read_slot()
        try:
            return await reader.load_events_after(verified_database, position, limit)
        except PositionExpiredError:
            return None
        except psycopg.Error as error:
            raise UnavailableError(str(error)) from error
        finally:
            self._read_slots.release()

    async def load_deleted_uuids(
        self, object_type: str, ids: Sequence[int], position: EventPosition
    ) -> Mapping[int, str]:
        """Return the uuids of objects that were deleted after `position` or with it, by id.

        A poll does not know them. Raises errors as `Database.fetch_rows`.
        """
        if self.source_kind != "triggers":
            return {}
        return await feed.load_deleted_uuids(self._database, object_type, ids, position)

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

    async def _retry_source_choice(
        self, on_source_change: Callable[[], None]
    ) -> tuple[EventSource, AsyncConnection[Any]]:
        while True:
            try:
                async with running_timeout(2 * STATEMENT_SECONDS):
                    return await connect_and_select(self._options, self._requested_source)
            except EventSourceError as error:
                self._report_problem(str(error), on_source_change)
            except (psycopg.Error, OSError) as error:
                log.warning("The source of events can't be chosen yet: %s", error)
            except Exception:
                log.exception("The source of events can't be chosen yet.")
            await asyncio.sleep(SOURCE_RETRY_SECONDS)

    def _report_problem(self, problem: str, on_source_change: Callable[[], None]) -> None:
        """Log why no source can be used, and tell the subscribers of the previous one once."""
        if problem == self.problem:
            return
        had_source = self._listener is not None and self.problem is None
        self.problem = problem
        if had_source:
            self._announce_change(problem, on_source_change)
        else:
            log.warning("%s", problem)
