"""Source of events without triggers: polls the tracked tables by their column `modified`.

It reports that a row has changed since the last poll. It can't detect

* deletions;
* intermediate states: of several changes between two polls it reports the last;
* changes that do not write `modified`, such as manual SQL or `QuerySet.update`;
* which columns changed, except the recorded ones;
* whether a published field changed: each save is an event, even if it only wrote
  `modified` or another untracked column;
* changes that were committed more than `POLL_OVERLAP` after they were written, as by
  long transactions.

**Baseline.** Before the first poll it reads the recorded columns of all rows, page by
page, so that the first change of each is compared with them, too. Above `max_rows` of a table it
reads those with the highest ids only; of others the first change is an update whose
previous state is unknown.

Positions are valid in this process only; those of other processes have expired.
Without the indexes on (modified, id) that `gateway check` recommends, each poll reads
all rows.
"""

import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import AsyncConnection

from gateway.db.events.feed import (
    EventPosition,
    FeedEvent,
    FeedPage,
    PositionExpiredError,
    RowReader,
)
from gateway.db.events.polled_states import PolledStates
from gateway.db.events.tracked_tables import TRACKED_TABLES, TrackedTable
from gateway.db.tables.codes import EventKind

POLL_OVERLAP = timedelta(seconds=10)
"""Time before the newest row that each poll reads again, for late commits."""
MAX_STORED_EVENTS = 10_000
"""Maximum number of events that are stored for catching up."""
MAX_POLLED_ROWS = 1_000_000
"""Maximum number of rows of a table whose last values are stored for comparison, by default."""
MAX_RECENT_ROWS = 100_000
"""Maximum number of rows in the overlap; those beyond are reported again by the next poll."""
_PAGE_SIZE = 1000
_TIME_SQL = "greatest(least({}, now()), timestamptz 'epoch')"
"""Limits a time that anyone can have written, such as 'infinity', to what Python can represent.

A time in the future must not count as the newest one: the poll would read nothing until then.
"""
_NEWEST_SQL = f"select {_TIME_SQL.format('coalesce(max(modified), now())')} from {{table}}"  # noqa: S608
_FIRST_ID_SQL = "select coalesce((select id from {table} order by id desc offset %s limit 1), -1)"
_VALUES_SQL = "select {columns} from {table} where id > %s order by id limit %s"
_MODIFIED_SQL = f"""
select uuid::text, created >= %s, modified::text, {_TIME_SQL.format("modified")}, {{columns}}
from {{table}} where (modified, id) > (%s::timestamptz, %s) order by modified, id limit %s
"""  # noqa: S608 - made from constants
"""Selects rows after a keyset; the exact `modified` is a text."""


class PollingReader:
    """Reader that polls the tracked tables and stores the resulting events in memory.

    A position is `(instance id, number)`: the start time of this reader in microseconds,
    and the number of events until then.
    """

    def __init__(
        self,
        *,
        overlap: timedelta = POLL_OVERLAP,
        max_events: int = MAX_STORED_EVENTS,
        max_rows: int = MAX_POLLED_ROWS,
    ) -> None:
        self._instance_id = time.time_ns() // 1000
        self._events: deque[FeedEvent] = deque(maxlen=max_events)
        self.polled_tables = {
            name: PolledTable(tracked_table, overlap, max_rows)
            for name, tracked_table in TRACKED_TABLES.items()
        }
        """The tables, by type of object."""
        self._is_attached = False
        self._event_count = 0

    async def load_head(self, connection: AsyncConnection[Any]) -> EventPosition:
        """Return the current position; earlier changes are not events."""
        if not self._is_attached:
            for polled_table in self.polled_tables.values():
                await polled_table.load_baseline(connection)
            self._is_attached = True
        return self._instance_id, self._event_count

    async def load_page(
        self, connection: AsyncConnection[Any], position: EventPosition, limit: int
    ) -> FeedPage:
        """Poll, and return the first events after a position.

        Raises PositionExpiredError if they are no longer stored.
        """
        await self.load_head(connection)
        for polled_table in self.polled_tables.values():
            async for event in polled_table.poll_events(connection):
                self._event_count += 1
                self._events.append(replace(event, xid=self._instance_id, id=self._event_count))
        events = self._select_events_after(position, limit)
        return FeedPage(
            events,
            events[-1].position if events else position,
            is_full=len(events) == limit,
            has_blocked_events=False,
        )

    async def load_events_after(
        self, _database: RowReader, position: EventPosition, limit: int
    ) -> list[FeedEvent]:
        """Return the first stored events after a position, without a poll.

        Raises PositionExpiredError if they are no longer stored.
        """
        return self._select_events_after(position, limit)

    def _select_events_after(self, position: EventPosition, limit: int) -> list[FeedEvent]:
        instance_id, number = position
        oldest_number = self._event_count - len(self._events)
        if instance_id != self._instance_id or not oldest_number <= number <= self._event_count:
            raise PositionExpiredError
        start = number - oldest_number
        return [
            self._events[index] for index in range(start, min(start + limit, len(self._events)))
        ]


class PolledTable:
    """A tracked table, with the values that its rows had at the last poll."""

    def __init__(self, tracked_table: TrackedTable, overlap: timedelta, max_rows: int) -> None:
        """Compare up to `max_rows` rows; poll those modified in the `overlap` again."""
        self._tracked_table, self._overlap, self._max_rows = tracked_table, overlap, max_rows
        self.states = PolledStates(max_rows, len(tracked_table.recorded_columns) - 1)
        """The recorded columns of the rows, without their ids."""
        self._first_id: int | None = None
        self._recent_times: dict[int, tuple[datetime, str]] = {}
        """`modified` of the rows in the overlap, in its order: limited, and exact."""
        self._started_at = self._newest_modified = datetime.fromtimestamp(0, UTC)

    async def load_baseline(self, connection: AsyncConnection[Any]) -> None:
        """Store the values of all rows; continue where a lost connection ended it.

        What changes meanwhile is stored by the last poll, which makes no events.
        """
        if self._first_id is None:
            ((newest_modified,),) = await self._fetch_rows(connection, _NEWEST_SQL)
            ((self._first_id,),) = await self._fetch_rows(connection, _FIRST_ID_SQL, self._max_rows)
            self._started_at = self._newest_modified = newest_modified
        is_page_full = True
        while is_page_full:
            rows = await self._fetch_rows(
                connection, _VALUES_SQL, max(self._first_id, self.states.last_id), _PAGE_SIZE
            )
            for id_, *values in rows:
                self.states.store_values(id_, values)
            is_page_full = len(rows) == _PAGE_SIZE and len(self.states) < self._max_rows
        async for _ in self.poll_events(connection):
            pass

    async def poll_events(self, connection: AsyncConnection[Any]) -> AsyncIterator[FeedEvent]:
        """Yield the events of rows modified since the last poll or in the overlap before.

        They have no positions yet. Rows are read page by page.
        """
        newest_modified = self._newest_modified
        keyset = (newest_modified - self._overlap).isoformat(), 0
        is_page_full = True
        while is_page_full:
            rows = await self._fetch_rows(
                connection, _MODIFIED_SQL, self._started_at, *keyset, _PAGE_SIZE
            )
            for uuid, is_recent, exact_modified, modified, *recorded in rows:
                times = modified, exact_modified
                event = self._compare_row(uuid, times, recorded, is_recent=bool(is_recent))
                if event is not None:
                    yield event
                keyset = exact_modified, recorded[0]
                newest_modified = max(newest_modified, modified)
            is_page_full = len(rows) == _PAGE_SIZE
        self._newest_modified = newest_modified
        self._forget_times()

    async def _fetch_rows(
        self, connection: AsyncConnection[Any], sql: str, *parameters: object
    ) -> Sequence[Any]:
        """Run a statement on this table and its recorded columns, the first of which is the id."""
        columns = ", ".join(self._tracked_table.recorded_columns)
        statement = sql.format(table=self._tracked_table.table.name, columns=columns)
        return await (await connection.execute(statement.encode(), parameters)).fetchall()

    def _forget_times(self) -> None:
        """Forget the times of rows before the overlap, and the oldest ones of too many."""
        overlap_start = self._newest_modified - self._overlap
        while self._recent_times:
            id_ = next(iter(self._recent_times))
            is_recent = self._recent_times[id_][0] >= overlap_start
            if is_recent and len(self._recent_times) <= MAX_RECENT_ROWS:
                return
            del self._recent_times[id_]

    def _compare_row(
        self, uuid: str, times: tuple[datetime, str], recorded: Sequence[Any], *, is_recent: bool
    ) -> FeedEvent | None:
        """Return the event that a row has changed; None if it is as at the last poll.

        `times` are its `modified`, limited and exact; `is_recent` says whether it was created
        after the start.
        """
        id_, *values = recorded
        old_values = self.states.find_values(id_)
        _, last_modified = self._recent_times.pop(id_, (None, None))
        modified, exact_modified = self._recent_times[id_] = times
        is_repeated = last_modified == exact_modified
        if old_values != (*values,):
            self.states.store_values(id_, values)
        elif is_repeated:
            return None
        is_unknown = self._first_id != -1 or self.states.has_forgotten
        is_new = old_values is None and (not is_unknown or is_recent)
        before = None
        if old_values is not None:
            before = self._tracked_table.label_recorded([id_, *old_values])
        after = self._tracked_table.label_recorded(recorded)
        changed_columns = [name for name in after if before and before[name] != after[name]]
        return FeedEvent(
            0,
            0,
            self._tracked_table.object_type,
            uuid,
            _choose_kind(changed_columns, is_new=is_new),
            before,
            after,
            (*changed_columns,),
            modified.astimezone(UTC),
        )


def _choose_kind(changed_columns: Sequence[str], *, is_new: bool) -> EventKind:
    if is_new:
        return EventKind.CREATED
    return EventKind.STATE_CHANGED if "state" in changed_columns else EventKind.UPDATED
