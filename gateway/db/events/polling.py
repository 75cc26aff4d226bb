"""Source of events without triggers: polls the resources by their column `modified`.

It reports that a resource has changed since the last poll. It can't detect

* deletions;
* intermediate states: of several changes between two polls it reports the last;
* changes that do not write `modified`, such as manual SQL or `QuerySet.update`;
* which columns changed, except state, project and offering; their old values are None
  for a resource that was not polled before;
* whether a published field changed: each save is an event, even if it only wrote
  `modified` or `last_sync`;
* changes that were committed more than `POLL_OVERLAP` after they were written, as by
  long transactions.

Positions are valid in this process only; those of other processes have expired.
Without the index on (modified, id) that `gateway check` recommends, each poll reads
all resources.
"""

import time
from collections import OrderedDict, deque
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import AsyncConnection

from gateway.db.driver.database import Database
from gateway.db.events.feed import EventPosition, FeedEvent, FeedPage, PositionExpiredError
from gateway.db.tables.codes import ResourceEventKind

POLL_OVERLAP = timedelta(seconds=10)
"""Time before the newest row that each poll reads again, for late commits."""
MAX_STORED_EVENTS = 10_000
"""Maximum number of events that are stored for catching up."""
MAX_TRACKED_RESOURCES = 100_000
"""Maximum number of resources whose last values are stored for comparison."""
_PAGE_SIZE = 1000
_NEWEST_SQL = "select coalesce(max(modified), now()) from marketplace_resource"
_MODIFIED_SQL = """
select id, uuid::text, created, modified, state, project_id, offering_id
from marketplace_resource where (modified, id) > (%s, %s) order by modified, id limit %s
"""
_COMPARED_COLUMNS = ("state", "project_id", "offering_id")

ResourceSnapshot = tuple[datetime, tuple[int, ...]]
"""A row's `modified`, and its values of `_COMPARED_COLUMNS`."""


class PollingReader:
    """Reader that polls the resources and stores the resulting events in memory.

    A position is `(instance id, number)`: the start time of this reader in microseconds,
    and the number of events until then.
    """

    def __init__(
        self, *, overlap: timedelta = POLL_OVERLAP, max_events: int = MAX_STORED_EVENTS
    ) -> None:
        self._overlap, self._instance_id = overlap, time.time_ns() // 1000
        self._events: deque[FeedEvent] = deque(maxlen=max_events)
        self._snapshots: OrderedDict[int, ResourceSnapshot] = OrderedDict()
        self._started_at = self._newest_modified = datetime.fromtimestamp(0, UTC)
        self._event_count = 0

    async def load_head(self, connection: AsyncConnection[Any]) -> EventPosition:
        """Return the current position; earlier changes are not events."""
        if not self._started_at.timestamp():
            row = await (await connection.execute(_NEWEST_SQL)).fetchone()
            assert row is not None
            self._started_at = self._newest_modified = row[0]
            await self._poll_changes(connection, is_baseline=True)
        return self._instance_id, self._event_count

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
        self, _database: Database, position: EventPosition, limit: int
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

    def _record_row(self, row: Sequence[Any], *, is_baseline: bool) -> None:
        id_, uuid, created, modified, *values = row
        snapshot, current_values = self._snapshots.pop(id_, None), tuple(values)
        self._snapshots[id_] = modified, current_values
        if len(self._snapshots) > MAX_TRACKED_RESOURCES:
            self._snapshots.popitem(last=False)
        if is_baseline or snapshot == (modified, current_values):
            return
        self._event_count += 1
        old_values = snapshot[1] if snapshot else None
        is_new = old_values is None and created >= self._started_at
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


def _build_polled_event(
    position: EventPosition,
    id_and_uuid: tuple[int, str],
    old_values: tuple[int, ...] | None,
    current_values: tuple[int, ...],
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
