"""Feed of the events that triggers wrote: ordered by transaction id, none skipped.

**Why not by number.** A consumer that remembers only the number of its last event
misses events. Numbers are taken when a row is written, but rows appear when their
transaction commits, and transactions commit in another order:

    transaction 7    insert id 1 ............................ commit
    transaction 8          insert id 2 ... commit
    consumer                                     reads 2     now reads after 2:
                                                             event 1 is lost

**Order.** So a position is `(xid, id)`: the id of the transaction that wrote the
event, then the event's number. Events are read only below the *head*,
`pg_snapshot_xmin`: the id of the oldest transaction that is still open. All below
has ended, so no more events can appear there, and what is read next comes after.

    horizon                                   head = xmin           xmax
    --|----------------------------------------|--------------------|----> xid
    pruned     complete and immutable: read    |  blocked: committed or
                                               |  not, read later

**Blocked events.** A transaction that writes for long, in any database of the server,
holds the head back, and with it the events of all that began after it; a prepared
transaction does so until it is ended. `FeedPage.has_blocked_events` makes the
listener read again soon, as no notification comes when the head moves;
`load_event_lag_seconds` is the metric.

**Expiry.** Events are deleted by age, from the oldest on and without a gap. In the
same transaction the *horizon* moves to the last deleted one. A position before the
horizon has expired: what followed it is no longer known. So has a position above
`pg_snapshot_xmax`: only another server can have issued it (a restored copy counts its
transactions from the start).

**Connections.** The listener reads pages on the connection on which it listens. Others
read missed events by the read pool: each read is one statement, thus of one snapshot,
and the head never moves back, so that it does not matter which connection reads.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeAlias

import msgspec
from psycopg import AsyncConnection, AsyncRawCursor

from gateway.db.driver.database import Database, Rows, StatementRequest
from gateway.db.driver.encoding import encode_key_array
from gateway.db.driver.statement import Statement
from gateway.db.driver.transactions import Transaction, TransactionPool
from gateway.db.events.tracked_tables import TRACKED_TABLES
from gateway.db.tables.codes import EventKind

EventPosition: TypeAlias = tuple[int, int]
"""Position `(xid, id)` after an event; positions compare in the order of the feed."""
FeedPoint: TypeAlias = tuple[str, EventPosition | None]
"""Name of an event source, and the position up to which it was read; None if it can't be read."""
_EPOCH = datetime.fromtimestamp(0, UTC)
_MICROSECOND = timedelta(microseconds=1)
_PRUNE_LOCK_KEY = 0x6761_7467
_PRUNE_LOCK = Statement("select pg_try_advisory_xact_lock($1)")
PRUNE_BATCH_SIZE = 1000
"""Maximum number of events that are deleted in one transaction."""


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """Event of one object: its creation, deletion or update."""

    xid: int
    id: int
    object_type: str
    """Key of the object's table in `TRACKED_TABLES`."""
    object_uuid: str
    kind: str
    """Stored name of an `EventKind`; one of a later version fails where it is read."""
    before: Mapping[str, Any] | None
    """Recorded columns before the change; None if the object did not exist or they are unknown."""
    after: Mapping[str, Any] | None
    """Recorded columns after the change; None if the object did not exist."""
    changed_columns: tuple[str, ...]
    """Published columns that are known to have changed."""
    occurred_at: datetime

    @property
    def position(self) -> EventPosition:
        """The position of the event in the feed."""
        return self.xid, self.id

    def list_values(self, column: str) -> list[Any]:
        """Return the values of a recorded column before and after the change, as far as known."""
        return [each[column] for each in (self.before, self.after) if each is not None]


@dataclass(frozen=True, slots=True)
class FeedPage:
    """Page of events after a position."""

    events: list[FeedEvent]
    end_position: EventPosition
    """Position up to which events were read, also those that are not delivered."""
    is_full: bool
    """Whether as many events were read as requested, so that there may be more."""
    has_blocked_events: bool
    """Whether there are later events that can't be read before an open transaction ends."""


class RowReader(Protocol):
    """What reads rows of statements: the read pool, or one that verifies the source, too."""

    async def fetch_rows(self, requests: Sequence[StatementRequest], /) -> list[Rows]:
        """Run statements as one batch and return the rows of each."""


class PositionExpiredError(Exception):
    """Events after the position were deleted, or another server issued the position."""


_HEAD_SQL = "select pg_snapshot_xmin(pg_current_snapshot())::text::bigint"

_EVENTS_AFTER = Statement("""
with start as materialized (
    select $1::text::xid8 xid, $2::bigint id, pg_snapshot_xmin(pg_current_snapshot()) head
), status as materialized (
    select
        (horizon.xid, horizon.id) <= (start.xid, start.id)
            and start.xid <= pg_snapshot_xmax(pg_current_snapshot()) is_retained,
        coalesce((
            select xid from gateway.marketplace_event order by xid desc, id desc limit 1
        ) >= start.head, false) has_blocked_events
    from start cross join gateway.event_horizon horizon
)
select
    is_retained, has_blocked_events, event.xid::text::bigint, id, object_type, object_uuid, kind,
    row_before::text, row_after::text, changed, (extract(epoch from at) * 1000000)::bigint
from status left join (
    select * from gateway.marketplace_event
    where (xid, id) > ((select xid from start), (select id from start))
        and xid < (select head from start)
    order by xid, id limit $3
) event on true
order by event.xid, event.id
""")
"""One statement, so that the events and the horizon are of the same snapshot.

PostgreSQL's estimates for conditions on `xid` are far off, as usually most rows are
older. So the newest `xid` is selected by `order by … limit 1`, which uses the index,
and not by `max` or a comparison.
"""

_EVENT_LAG = Statement("""
select extract(epoch from clock_timestamp() - at)::float8 from gateway.marketplace_event
where xid >= pg_snapshot_xmin(pg_current_snapshot()) order by xid, id limit 1
""")

_DELETED_UUIDS = Statement("""
select (row_before ->> 'id')::bigint, object_uuid from gateway.marketplace_event
where xid >= $1::text::xid8 and object_type = $2 and kind = $3
    and row_before ->> 'id' = any($4::text[])
""")

_HORIZON_SQL = "select xid::text::bigint, id from gateway.event_horizon"

_PRUNE = Statement("""
with oldest as (
    select xid, id, bool_and(at < clock_timestamp() - $1::interval) over (order by xid, id) is_due
    from (
        select xid, id, at from gateway.marketplace_event
        where xid < pg_snapshot_xmin(pg_current_snapshot()) order by xid, id limit $2
    ) batch
), deleted as (
    delete from gateway.marketplace_event event using oldest
    where oldest.is_due and event.xid = oldest.xid and event.id = oldest.id
    returning event.xid, event.id
), last_deleted as (
    select xid, id from deleted order by xid desc, id desc limit 1
), new_horizon as (
    update gateway.event_horizon horizon set xid = last_deleted.xid, id = last_deleted.id
    from last_deleted where (horizon.xid, horizon.id) < (last_deleted.xid, last_deleted.id)
)
select count(*) from deleted
""")
"""Deletes up to the first event that is not due, so that no gap arises after the horizon."""

_PRUNE_FUTURE = Statement("""
with deleted as (
    delete from gateway.marketplace_event
    where xid >= pg_snapshot_xmax(pg_current_snapshot()) and (
        select xid from gateway.marketplace_event order by xid desc, id desc limit 1
    ) >= pg_snapshot_xmax(pg_current_snapshot())
    returning xid
)
update gateway.event_horizon horizon set xid = pg_snapshot_xmax(pg_current_snapshot()), id = 0
where exists (select from deleted) or horizon.xid > pg_snapshot_xmax(pg_current_snapshot())
""")
"""Deletes the events that a restored copy brought from another server.

The new server counts transactions from the start, so their transaction ids are in its future.
"""


async def load_head(connection: AsyncConnection[Any]) -> EventPosition:
    """Return the current head of the feed: all events before it are final.

    Events of transactions that began after one that is still open come after it, even
    if they are committed already.
    """
    row = await (await connection.execute(_HEAD_SQL)).fetchone()
    assert row is not None
    return row[0], 0


async def load_page(
    connection: AsyncConnection[Any], position: EventPosition, limit: int
) -> FeedPage:
    """Return the first events after a position, in order, and whether others are blocked.

    Updates of columns that are not published are read but not delivered. Raises
    PositionExpiredError if events after the position were deleted, or if it is of another server.
    """
    parameters = _encode_page_request(position, limit)
    cursor = await AsyncRawCursor(connection).execute(_EVENTS_AFTER.sql.encode(), parameters)
    return _build_page(await cursor.fetchall(), position, limit)


async def load_events_after(
    database: RowReader, position: EventPosition, limit: int
) -> list[FeedEvent]:
    """Return the next events of `load_page`, none only if there are none to deliver.

    They are read by the read pool. Raises PositionExpiredError like `load_page`,
    UnavailableError and TimedOutError like `Database.send`.
    """
    page = await _load_pooled_page(database, position, limit)
    while page.is_full and not page.events:
        page = await _load_pooled_page(database, page.end_position, limit)
    return page.events


async def _load_pooled_page(database: RowReader, position: EventPosition, limit: int) -> FeedPage:
    (rows,) = await database.fetch_rows([(_EVENTS_AFTER, _encode_page_request(position, limit))])
    return _build_page(rows, position, limit)


async def load_deleted_uuids(
    database: RowReader, object_type: str, ids: Sequence[int], position: EventPosition
) -> dict[int, str]:
    """Return the uuids of objects that were deleted after `position` or with it, by id.

    These are deletions of the same transaction and of later ones, delivered or not yet.
    """
    parameters = str(position[0]), object_type, EventKind.DELETED.value, encode_key_array(ids)
    (rows,) = await database.fetch_rows([(_DELETED_UUIDS, parameters)])
    return dict(rows)


def _encode_page_request(position: EventPosition, limit: int) -> tuple[str, str, str]:
    xid, id_ = position
    if not 0 <= xid < 1 << 63 or not 0 <= id_ < 1 << 63:
        raise PositionExpiredError
    return str(xid), str(id_), str(limit)


def _build_page(rows: Rows, position: EventPosition, limit: int) -> FeedPage:
    is_retained, has_blocked_events = rows[0][:2] if rows else (False, False)
    if not is_retained:
        raise PositionExpiredError
    events = [_build_stored_event(row[2:]) for row in rows if row[2] is not None]
    return FeedPage(
        [each for each in events if _is_delivered(each)],
        events[-1].position if events else position,
        is_full=len(events) == limit,
        has_blocked_events=has_blocked_events,
    )


async def load_horizon(connection: AsyncConnection[Any]) -> EventPosition | None:
    """Return the oldest position that has not expired; None without one."""
    row = await (await connection.execute(_HORIZON_SQL)).fetchone()
    return row and (row[0], row[1])


async def load_event_lag_seconds(database: Database) -> float:
    """Return the age in seconds of the oldest blocked event; 0 without one."""
    (rows,) = await database.fetch_rows([(_EVENT_LAG, ())])
    return max(0.0, rows[0][0]) if rows else 0.0


async def prune_events(
    transaction_pool: TransactionPool, older_than: timedelta, batch_size: int = PRUNE_BATCH_SIZE
) -> int:
    """Delete older events in small batches, each in a transaction; return their number.

    While another process does this, nothing is deleted.
    """
    removed_count, batch_count = 0, batch_size
    while batch_count == batch_size:
        batch_count = await transaction_pool.run_transaction(
            lambda transaction: _prune_batch(transaction, older_than, batch_size)
        )
        removed_count += batch_count
    return removed_count


async def _prune_batch(transaction: Transaction, older_than: timedelta, batch_size: int) -> int:
    (((is_locked,),),) = await transaction.fetch_rows([(_PRUNE_LOCK, (str(_PRUNE_LOCK_KEY),))])
    if not is_locked:
        return 0
    parameters = (f"{older_than.total_seconds()} s", str(batch_size))
    _, ((batch_count,),) = await transaction.fetch_rows([(_PRUNE_FUTURE, ()), (_PRUNE, parameters)])
    return int(batch_count)


def _is_delivered(event: FeedEvent) -> bool:
    """Return whether an event is more than an update of columns that are not published.

    Events of objects that only later versions publish are not delivered, either.
    """
    return event.object_type in TRACKED_TABLES and (
        event.kind != EventKind.UPDATED or bool(event.changed_columns)
    )


def _build_stored_event(row: Sequence[Any]) -> FeedEvent:
    xid, id_, object_type, uuid, kind, before, after, changed, microseconds = row
    tracked_table = TRACKED_TABLES.get(object_type)
    published_columns = tracked_table.published_columns if tracked_table else frozenset()
    return FeedEvent(
        xid,
        id_,
        object_type,
        uuid,
        kind,
        _decode_recorded(before),
        _decode_recorded(after),
        (*[each for each in changed if each in published_columns],),
        _EPOCH + microseconds * _MICROSECOND,
    )


def _decode_recorded(values_json: str | None) -> dict[str, Any] | None:
    return None if values_json is None else msgspec.json.decode(values_json)
