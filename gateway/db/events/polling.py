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

from gateway.db.events.feed import Event, ForgottenError, Position, Read

OVERLAP = timedelta(seconds=10)
"""How far each look reaches back behind the newest row, for what is committed late."""
KEPT = 10_000
"""How many events can be read again."""
KNOWN = 100_000
"""Of how many resources it is kept how they were."""
_PAGE = 1000
_NEWEST = "select coalesce(max(modified), now()) from marketplace_resource"
_CHANGED = """
select id, uuid::text, created, modified, state, project_id, offering_id
from marketplace_resource where (modified, id) > (%s, %s) order by modified, id limit %s
"""
_SEEN = ("state", "project_id", "offering_id")

Seen = tuple[datetime, tuple[int, ...]]
"""When a row was modified, and its columns of `_SEEN`."""


class Polled:
    """Looks at the resources when it is asked, and keeps what it saw."""

    def __init__(self, *, overlap: timedelta = OVERLAP, kept: int = KEPT) -> None:
        self._overlap, self._life = overlap, time.time_ns() // 1000
        self._events: deque[Event] = deque(maxlen=kept)
        self._seen: OrderedDict[int, Seen] = OrderedDict()
        self._began = self._newest = datetime.fromtimestamp(0, UTC)
        self._count = 0

    async def head(self, connection: AsyncConnection[Any]) -> Position:
        """Give the position of now; what was changed before the first call is no event."""
        if not self._began.timestamp():
            row = await (await connection.execute(_NEWEST)).fetchone()
            assert row is not None
            self._began = self._newest = row[0]
            await self._look(connection, quietly=True)
        return self._life, self._count

    async def read(self, connection: AsyncConnection[Any], position: Position, limit: int) -> Read:
        """Look, and give the first events after a position; ForgottenError if not kept."""
        await self.head(connection)
        await self._look(connection)
        return Read(self._after(position, limit), held=False)

    async def after(
        self, _connection: AsyncConnection[Any], position: Position, limit: int
    ) -> list[Event]:
        """Give the first events after a position that were seen; ForgottenError if not kept."""
        return self._after(position, limit)

    def _after(self, position: Position, limit: int) -> list[Event]:
        life, number = position
        oldest = self._count - len(self._events)
        if life != self._life or not oldest <= number <= self._count:
            raise ForgottenError
        first = number - oldest
        return [self._events[n] for n in range(first, min(first + limit, len(self._events)))]

    async def _look(self, connection: AsyncConnection[Any], *, quietly: bool = False) -> None:
        """Read what was modified since the last look, and a little before, page by page."""
        place: tuple[datetime, int] = (self._newest - self._overlap, 0)
        full = True
        while full:
            rows = await (await connection.execute(_CHANGED, [*place, _PAGE])).fetchall()
            for row in rows:
                self._take(row, quietly=quietly)
                place = row[3], row[0]
            full = len(rows) == _PAGE
        self._newest = max(self._newest, place[0])

    def _take(self, row: Sequence[Any], *, quietly: bool) -> None:
        id_, uuid, created, modified, *values = row
        known, now = self._seen.pop(id_, None), tuple(values)
        self._seen[id_] = modified, now
        if len(self._seen) > KNOWN:
            self._seen.popitem(last=False)
        if quietly or known == (modified, now):
            return
        self._count += 1
        before = known[1] if known else None
        new = before is None and created >= self._began
        self._events.append(
            _event((self._life, self._count), (id_, uuid), before, now, new=new, at=modified)
        )


def _event(
    position: Position,
    resource: tuple[int, str],
    before: tuple[int, ...] | None,
    now: tuple[int, ...],
    *,
    new: bool,
    at: datetime,
) -> Event:
    state, project, offering = before or (None, None, None)
    changed = [
        name for name, *two in zip(_SEEN, before or now, now, strict=True) if len({*two}) > 1
    ]
    kind = "CREATED" if new else "STATE_CHANGED" if "state" in changed else "UPDATED"
    return Event(
        *position,
        *resource,
        kind,
        state,
        now[0],
        (project, now[1]),
        (offering, now[2]),
        (*changed,),
        at.astimezone(UTC),
    )
