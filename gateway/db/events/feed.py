"""The events of resources as they are read: in the order of transactions, none skipped.

A position is `(xid, id)`: the transaction that wrote an event, and the event's
number. Transactions end in another order than they begin. So an event is read
only when no transaction is under way that began no later than its own: what
comes then, comes after it. A transaction that writes for long, in whatever
database of the server, holds back the events of those that began after it,
and a prepared transaction does until it is ended.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

from psycopg import AsyncConnection

EventPosition: TypeAlias = tuple[int, int]
"""A place between events, just behind the one that is at it; later ones are greater."""
_EPOCH = datetime.fromtimestamp(0, UTC)
_MICROSECOND = timedelta(microseconds=1)
_PRUNE_LOCK_KEY = 0x6761_7467
PRUNE_BATCH_SIZE = 1000


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """A change of a resource."""

    xid: int
    id: int
    resource_id: int
    resource_uuid: str
    kind: str
    """CREATED, STATE_CHANGED, UPDATED or DELETED."""
    old_state: int | None
    new_state: int | None
    project_ids: tuple[int | None, int | None]
    """Before and after; None if there was no resource, or that is not known."""
    offering_ids: tuple[int | None, int | None]
    """Before and after; None if there was no resource, or that is not known."""
    changed_columns: tuple[str, ...]
    """The columns that are known to have changed, of those that are tracked."""
    occurred_at: datetime

    @property
    def position(self) -> EventPosition:
        """Where it is."""
        return self.xid, self.id


@dataclass(frozen=True, slots=True)
class FeedPage:
    """What was read."""

    events: list[FeedEvent]
    has_blocked_events: bool
    """Whether more is written, and can't be read before a transaction ends."""


class PositionExpiredError(Exception):
    """It is not known any more what happened after a position."""


_HEAD_SQL = "select pg_snapshot_xmin(pg_current_snapshot())::text::bigint"

_EVENTS_AFTER_SQL = """
with given as materialized (
    select %s::text::xid8 xid, %s::bigint id, pg_snapshot_xmin(pg_current_snapshot()) least
), known as materialized (
    select
        (horizon.xid, horizon.id) <= (given.xid, given.id)
            and given.xid <= pg_snapshot_xmax(pg_current_snapshot()) kept,
        coalesce((
            select xid from gateway.resource_event order by xid desc, id desc limit 1
        ) >= given.least, false) held
    from given cross join gateway.event_horizon horizon
)
select
    kept, held, event.xid::text::bigint, id, resource_id, resource_uuid, kind, old_state, new_state,
    project_id_before, project_id_after, offering_id_before, offering_id_after, changed,
    (extract(epoch from at) * 1000000)::bigint
from known left join (
    select * from gateway.resource_event
    where (xid, id) > ((select xid from given), (select id from given))
        and xid < (select least from given)
    order by xid, id limit %s
) event on true
order by event.xid, event.id
"""
"""One statement, so that what is read and what is known of it are of one moment.

What PostgreSQL expects of `xid` is far off, as most rows are usually before it. So
what is wanted of the newest is asked for in order, which only the index can give.
"""

_LAG_SQL = """
select extract(epoch from clock_timestamp() - at)::float8 from gateway.resource_event
where xid >= pg_snapshot_xmin(pg_current_snapshot()) order by xid, id limit 1
"""

_HORIZON_SQL = "select xid::text::bigint, id from gateway.event_horizon"

_PRUNE_SQL = """
with oldest as (
    select xid, id, bool_and(at < clock_timestamp() - %s) over (order by xid, id) due
    from (
        select xid, id, at from gateway.resource_event
        where xid < pg_snapshot_xmin(pg_current_snapshot()) order by xid, id limit %s
    ) first
), gone as (
    delete from gateway.resource_event event using oldest
    where oldest.due and event.xid = oldest.xid and event.id = oldest.id
    returning event.xid, event.id
), last as (
    select xid, id from gone order by xid desc, id desc limit 1
), moved as (
    update gateway.event_horizon horizon set xid = last.xid, id = last.id from last
    where (horizon.xid, horizon.id) < (last.xid, last.id)
)
select count(*) from gone
"""
"""Only the first are removed, without a gap: what is behind the horizon is all there."""

_PRUNE_FUTURE_SQL = """
with gone as (
    delete from gateway.resource_event
    where xid >= pg_snapshot_xmax(pg_current_snapshot()) and (
        select xid from gateway.resource_event order by xid desc, id desc limit 1
    ) >= pg_snapshot_xmax(pg_current_snapshot())
    returning xid
)
update gateway.event_horizon horizon set xid = pg_snapshot_xmax(pg_current_snapshot()), id = 0
where exists (select from gone) or horizon.xid > pg_snapshot_xmax(pg_current_snapshot())
"""
"""A copy that was restored on another server counts transactions anew; what came with it is in the
future there, and of no use."""


async def load_head(connection: AsyncConnection[Any]) -> EventPosition:
    """Give the position of now: all that is before it is done with, and what comes is after it.

    What is done already by transactions that began after one that is still under
    way is after it, too.
    """
    row = await (await connection.execute(_HEAD_SQL)).fetchone()
    assert row is not None
    return row[0], 0


async def load_page(
    connection: AsyncConnection[Any], position: EventPosition, limit: int
) -> FeedPage:
    """Give the first events after a position, in order, and whether some are held back.

    ForgottenError if some after it were removed already, or if it is of another
    life of this database.
    """
    xid, id_ = position
    if not 0 <= xid < 1 << 63 or not 0 <= id_ < 1 << 63:
        raise PositionExpiredError
    rows = await (await connection.execute(_EVENTS_AFTER_SQL, [str(xid), id_, limit])).fetchall()
    is_retained, has_blocked_events = rows[0][:2] if rows else (False, False)
    if not is_retained:
        raise PositionExpiredError
    return FeedPage(
        [_build_event(row[2:]) for row in rows if row[2] is not None], has_blocked_events
    )


async def load_events_after(
    connection: AsyncConnection[Any], position: EventPosition, limit: int
) -> list[FeedEvent]:
    """Give the first events after a position, in order; ForgottenError as of `read`."""
    return (await load_page(connection, position, limit)).events


async def load_horizon(connection: AsyncConnection[Any]) -> EventPosition | None:
    """Give the oldest position after which all is known; None without a source."""
    row = await (await connection.execute(_HORIZON_SQL)).fetchone()
    return row and (row[0], row[1])


async def load_lag_seconds(connection: AsyncConnection[Any]) -> float:
    """Give for how many seconds the oldest event waits that a long transaction holds back."""
    row = await (await connection.execute(_LAG_SQL)).fetchone()
    return max(0.0, row[0]) if row else 0.0


async def prune_events(
    connection: AsyncConnection[Any], older_than: timedelta, batch_size: int = PRUNE_BATCH_SIZE
) -> int:
    """Remove what is older, in small batches, and give how much that was.

    The connection has no transaction open, and may write. Whoever comes while
    another does this does nothing.
    """
    removed_count, batch_count = 0, batch_size
    while batch_count == batch_size:
        async with connection.transaction():
            batch_count = await _prune_batch(connection, older_than, batch_size)
        removed_count += batch_count
    return removed_count


async def _prune_batch(
    connection: AsyncConnection[Any], older_than: timedelta, batch_size: int
) -> int:
    lock_cursor = await connection.execute(
        "select pg_try_advisory_xact_lock(%s)", [_PRUNE_LOCK_KEY]
    )
    if await lock_cursor.fetchone() != (True,):
        return 0
    await connection.execute(_PRUNE_FUTURE_SQL)
    row = await (await connection.execute(_PRUNE_SQL, [older_than, batch_size])).fetchone()
    return int(row[0]) if row else 0


def _build_event(row: Sequence[Any]) -> FeedEvent:
    (
        xid,
        id_,
        resource_id,
        uuid,
        kind,
        old_state,
        new_state,
        *scope_ids,
        changed_columns,
        microseconds,
    ) = row
    project_ids, offering_ids = (scope_ids[0], scope_ids[1]), (scope_ids[2], scope_ids[3])
    occurred_at = _EPOCH + microseconds * _MICROSECOND
    return FeedEvent(
        xid,
        id_,
        resource_id,
        uuid,
        kind,
        old_state,
        new_state,
        project_ids,
        offering_ids,
        (*changed_columns,),
        occurred_at,
    )
