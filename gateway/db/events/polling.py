"""Source of events without triggers: polls the resources by their column `modified`.

It reports that a resource has changed since the last poll. It can't detect

* deletions;
* intermediate states: of several changes between two polls it reports the last;
* changes that do not write `modified`, such as manual SQL or `QuerySet.update`;
* which columns changed, except state, project and offering;
* whether a published field changed: each save is an event, even if it only wrote
  `modified` or `last_sync`;
* changes that were committed more than `POLL_OVERLAP` after they were written, as by
  long transactions.

**Baseline.** Before the first poll it reads state, project and offering of all resources, page by
page, so that the first change of each is compared with them, too. Above `max_resources` it
reads those with the highest ids only; of others the first change is an update whose
previous state is unknown.

Positions are valid in this process only; those of other processes have expired.
Without the index on (modified, id) that `gateway check` recommends, each poll reads
all resources.
"""

import time
from collections import deque
from collections.abc import Sequence
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
from gateway.db.events.polled_states import PolledStates, PolledValues
from gateway.db.tables.codes import ResourceEventKind

POLL_OVERLAP = timedelta(seconds=10)
"""Time before the newest row that each poll reads again, for late commits."""
MAX_STORED_EVENTS = 10_000
"""Maximum number of events that are stored for catching up."""
MAX_POLLED_RESOURCES = 1_000_000
"""Maximum number of resources whose last values are stored for comparison, by default."""
MAX_RECENT_RESOURCES = 100_000
"""Maximum number of resources in the overlap; those beyond are reported again by the next poll."""
_PAGE_SIZE = 1000
_NEWEST_SQL = "select coalesce(max(modified), now()) from marketplace_resource"
_MODIFIED_SQL = """
select id, uuid::text, created, modified, state, project_id, offering_id
from marketplace_resource where (modified, id) > (%s, %s) order by modified, id limit %s
"""
_COMPARED_COLUMNS = ("state", "project_id", "offering_id")
_FIRST_ID_SQL = """
select coalesce((select id from marketplace_resource order by id desc offset %s limit 1), -1)
"""
"""Selects the id after which the baseline begins."""
_BASELINE_SQL = """
select id, state, project_id, offering_id
from marketplace_resource where id > %s order by id limit %s
"""


class PollingReader:
    """Reader that polls the resources and stores the resulting events in memory.

    A position is `(instance id, number)`: the start time of this reader in microseconds,
    and the number of events until then.
    """

    def __init__(
        self,
        *,
        overlap: timedelta = POLL_OVERLAP,
        max_events: int = MAX_STORED_EVENTS,
        max_resources: int = MAX_POLLED_RESOURCES,
    ) -> None:
        self._overlap, self._instance_id = overlap, time.time_ns() // 1000
        self._events: deque[FeedEvent] = deque(maxlen=max_events)
        self._max_resources, self._states = max_resources, PolledStates(max_resources)
        self._first_id: int | None = None
        self._is_attached = False
        self._recent_times: dict[int, datetime] = {}
        """`modified` of the resources in the overlap, in its order."""
        self._started_at = self._newest_modified = datetime.fromtimestamp(0, UTC)
        self._event_count = 0

    async def load_head(self, connection: AsyncConnection[Any]) -> EventPosition:
        """Return the current position; earlier changes are not events."""
        if not self._is_attached:
            await self._load_baseline(connection)
            self._is_attached = True
        return self._instance_id, self._event_count

    async def _load_baseline(self, connection: AsyncConnection[Any]) -> None:
        """Store the values of all resources; continue where a lost connection ended it.

        What changes meanwhile is stored by the last poll, which makes no events.
        """
        if self._first_id is None:
            self._started_at = self._newest_modified = await _fetch_value(connection, _NEWEST_SQL)
            self._first_id = await _fetch_value(connection, _FIRST_ID_SQL, self._max_resources)
        is_page_full = True
        while is_page_full:
            last_id = max(self._first_id, self._states.last_id)
            cursor = await connection.execute(_BASELINE_SQL, [last_id, _PAGE_SIZE])
            rows = await cursor.fetchall()
            for id_, *values in rows:
                self._states.store_values(id_, values)
            is_page_full = len(rows) == _PAGE_SIZE and len(self._states) < self._max_resources
        await self._poll_changes(connection, is_baseline=True)

    async def load_page(
        self, connection: AsyncConnection[Any], position: EventPosition, limit: int
    ) -> FeedPage:
        """Poll, and return the first events after a position.

        Raises PositionExpiredError if they are no longer stored.
        """
        await self.load_head(connection)
        await self._poll_changes(connection)
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

    async def _poll_changes(
        self, connection: AsyncConnection[Any], *, is_baseline: bool = False
    ) -> None:
        """Read the rows modified since the last poll and in the overlap before, page by page."""
        keyset: tuple[datetime, int] = (self._newest_modified - self._overlap, 0)
        is_page_full = True
        while is_page_full:
            rows = await (await connection.execute(_MODIFIED_SQL, [*keyset, _PAGE_SIZE])).fetchall()
            for row in rows:
                self._record_row(row, is_baseline=is_baseline)
                keyset = row[3], row[0]
            is_page_full = len(rows) == _PAGE_SIZE
        self._newest_modified = max(self._newest_modified, keyset[0])
        self._forget_times()

    def _forget_times(self) -> None:
        """Forget the times of resources before the overlap, and the oldest ones of too many."""
        overlap_start = self._newest_modified - self._overlap
        while self._recent_times:
            id_ = next(iter(self._recent_times))
            is_recent = self._recent_times[id_] >= overlap_start
            if is_recent and len(self._recent_times) <= MAX_RECENT_RESOURCES:
                return
            del self._recent_times[id_]

    def _record_row(self, row: Sequence[Any], *, is_baseline: bool) -> None:
        id_, uuid, created, modified, *values = row
        old_values, current_values = self._states.find_values(id_), (*values,)
        is_repeated = self._recent_times.pop(id_, None) == modified
        self._recent_times[id_] = modified
        if old_values != current_values:
            self._states.store_values(id_, current_values)
        if is_baseline or (is_repeated and old_values == current_values):
            return
        self._event_count += 1
        is_unknown = self._first_id != -1 or self._states.has_forgotten
        is_new = old_values is None and (not is_unknown or created >= self._started_at)
        self._events.append(
            _build_polled_event(
                (self._instance_id, self._event_count),
                (id_, uuid),
                old_values,
                current_values,
                is_new=is_new,
                occurred_at=modified,
            )
        )


async def _fetch_value(connection: AsyncConnection[Any], sql: str, *parameters: int) -> Any:
    row = await (await connection.execute(sql.encode(), parameters)).fetchone()
    assert row is not None
    return row[0]


def _build_polled_event(
    position: EventPosition,
    id_and_uuid: tuple[int, str],
    old_values: PolledValues | None,
    current_values: PolledValues,
    *,
    is_new: bool,
    occurred_at: datetime,
) -> FeedEvent:
    old_state, old_project_id, old_offering_id = old_values or (None, None, None)
    changed_columns = [
        name
        for name, *values in zip(
            _COMPARED_COLUMNS, old_values or current_values, current_values, strict=True
        )
        if len({*values}) > 1
    ]
    change_kind = (
        ResourceEventKind.STATE_CHANGED if "state" in changed_columns else ResourceEventKind.UPDATED
    )
    return FeedEvent(
        *position,
        *id_and_uuid,
        ResourceEventKind.CREATED if is_new else change_kind,
        old_state,
        current_values[0],
        (old_project_id, current_values[1]),
        (old_offering_id, current_values[2]),
        (*changed_columns,),
        occurred_at.astimezone(UTC),
    )
