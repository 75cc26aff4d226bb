"""The source of events where there are no triggers: resources are looked at by `modified`.

It tells that a resource is another than before, and cannot see

* that one was deleted;
* each state that it went through: of several changes between two looks, the last;
* a change that did not write `modified`, such as SQL by hand or `QuerySet.update`;
* which columns changed, but for state, project and offering, and what these were
  before, of a resource that it has not met: they are None then;
* whether anything that is shown changed: each save is an event, one that only wrote
  `modified` or `last_sync`, too;
* what was committed longer than `OVERLAP` after it was written, as by long transactions.

Its positions are of this process and this life of it: any other is forgotten.
Without the index on (modified, id) that `gateway check` wants, each look reads
all resources.
"""

import time
from collections import OrderedDict, deque
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import AsyncConnection

from gateway.db.events.feed import EventPosition, FeedEvent, FeedPage, PositionExpiredError

POLL_OVERLAP = timedelta(seconds=10)
"""How far each look reaches back behind the newest row, for what is committed late."""
MAX_STORED_EVENTS = 10_000
"""How many events can be read again."""
MAX_TRACKED_RESOURCES = 100_000
"""Of how many resources it is kept how they were."""
_PAGE_SIZE = 1000
_NEWEST_SQL = "select coalesce(max(modified), now()) from marketplace_resource"
_MODIFIED_SQL = """
select id, uuid::text, created, modified, state, project_id, offering_id
from marketplace_resource where (modified, id) > (%s, %s) order by modified, id limit %s
"""
_COMPARED_COLUMNS = ("state", "project_id", "offering_id")

ResourceSnapshot = tuple[datetime, tuple[int, ...]]
"""When a row was modified, and its columns of `_SEEN`."""


class PollingReader:
    """Looks at the resources when it is asked, and keeps what it saw."""

    def __init__(
        self, *, overlap: timedelta = POLL_OVERLAP, max_events: int = MAX_STORED_EVENTS
    ) -> None:
        self._overlap, self._instance_id = overlap, time.time_ns() // 1000
        self._events: deque[FeedEvent] = deque(maxlen=max_events)
        self._snapshots: OrderedDict[int, ResourceSnapshot] = OrderedDict()
        self._started_at = self._newest_modified = datetime.fromtimestamp(0, UTC)
        self._event_count = 0

    async def load_head(self, connection: AsyncConnection[Any]) -> EventPosition:
        """Give the position of now; what was changed before the first call is no event."""
        if not self._started_at.timestamp():
            row = await (await connection.execute(_NEWEST_SQL)).fetchone()
            assert row is not None
            self._started_at = self._newest_modified = row[0]
            await self._poll_changes(connection, is_baseline=True)
        return self._instance_id, self._event_count

    async def load_page(
        self, connection: AsyncConnection[Any], position: EventPosition, limit: int
    ) -> FeedPage:
        """Look, and give the first events after a position; ForgottenError if not kept."""
        await self.load_head(connection)
        await self._poll_changes(connection)
        return FeedPage(self._select_events_after(position, limit), has_blocked_events=False)

    async def load_events_after(
        self, _connection: AsyncConnection[Any], position: EventPosition, limit: int
    ) -> list[FeedEvent]:
        """Give the first events after a position that were seen; ForgottenError if not kept."""
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
        """Read what was modified since the last look, and a little before, page by page."""
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
            _build_event(
                (self._instance_id, self._event_count),
                (id_, uuid),
                old_values,
                current_values,
                is_new=is_new,
                occurred_at=modified,
            )
        )


def _build_event(
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
    kind = "CREATED" if is_new else "STATE_CHANGED" if "state" in changed_columns else "UPDATED"
    return FeedEvent(
        *position,
        *id_and_uuid,
        kind,
        old_state,
        current_values[0],
        (old_project_id, current_values[1]),
        (old_offering_id, current_values[2]),
        (*changed_columns,),
        occurred_at.astimezone(UTC),
    )
