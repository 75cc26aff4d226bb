"""Test the event feed: order by transaction, no gaps, expiry of positions."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
import pytest_asyncio
from psycopg import AsyncConnection

from gateway.db.driver.database import Database
from gateway.db.driver.errors import UnreadableTableError
from gateway.db.driver.transactions import TransactionPool
from gateway.db.events import feed
from gateway.db.events.feed import PositionExpiredError
from gateway.db.events.tracked_tables import RESOURCES
from gateway.demo.marketplace.fill import create_marketplace
from tests.conftest import DatabaseFactory
from tests.support.database_queries import open_database, open_write_pool
from tests.support.event_listener import (
    commit_sql,
    get_object_id,
    list_event_positions,
    open_connection,
)

RETENTION = timedelta(days=7)
AGE_EVENTS_SQL = "update gateway.marketplace_event set at = at - interval '8 days'"


@pytest.fixture(scope="module")
def small_demo_url(new_database: DatabaseFactory) -> str:
    """Return the URL of a small demo marketplace."""
    url = new_database()
    with psycopg.connect(url) as connection:
        create_marketplace(connection, resource_count=30, seed=1)
    return url


@pytest.fixture
def url(small_demo_url: str) -> str:
    """Return the URL of a small demo marketplace without events."""
    commit_sql(small_demo_url, "truncate gateway.marketplace_event")
    commit_sql(small_demo_url, "update gateway.event_horizon set xid = '3', id = 0")
    return small_demo_url


@pytest_asyncio.fixture(loop_scope="session")
async def reader(url: str) -> AsyncIterator[AsyncConnection[Any]]:
    """Yield a connection that reads events as the listener does."""
    async with open_connection(url) as connection:
        yield connection


@pytest_asyncio.fixture(loop_scope="session")
async def database(url: str) -> AsyncIterator[Database]:
    """Yield the read pool, by which missed events are read."""
    async with open_database(url) as opened_database:
        yield opened_database


@pytest_asyncio.fixture(loop_scope="session")
async def write_pool(url: str) -> AsyncIterator[TransactionPool]:
    """Yield a pool for the deletion of events."""
    async with open_write_pool(url) as transaction_pool:
        yield transaction_pool


def build_update_sql(id_: int, state: int = 3) -> str:
    """Return SQL that updates a resource."""
    return f"update marketplace_resource set state = {state}, name = name || 'x' where id = {id_}"


async def test_event_fields(url: str, reader: AsyncConnection[Any], database: Database) -> None:
    start_position = await feed.load_head(reader)
    commit_sql(url, "update marketplace_resource set state = 3 where id = 1")
    commit_sql(url, "update marketplace_resource set state = 4, name = 'y' where id = 1")
    event = (await feed.load_events_after(database, start_position, 10))[-1]
    row = await (
        await reader.execute(
            "select uuid::text, project_id, offering_id from marketplace_resource where id = 1"
        )
    ).fetchone()
    assert row is not None
    place = {"id": 1, "project_id": row[1], "offering_id": row[2]}
    assert (event.object_type, event.object_uuid, event.kind) == (
        "resource",
        row[0],
        "STATE_CHANGED",
    )
    assert (event.before, event.after) == ({**place, "state": 3}, {**place, "state": 4})
    assert event.changed_columns == ("name", "state")
    assert timedelta() <= datetime.now(UTC) - event.occurred_at < timedelta(seconds=30)


UPDATE_UNPUBLISHED_SQL = "update marketplace_resource set fresh = md5(random()::text) where id = 1"


@pytest.fixture
def url_with_unpublished_column(url: str) -> Iterator[str]:
    """Yield the URL of a marketplace whose resources have a column that is not published."""
    commit_sql(url, "alter table marketplace_resource add fresh text")
    yield url
    commit_sql(url, "alter table marketplace_resource drop fresh")


async def test_changed_columns_are_published(
    url_with_unpublished_column: str, reader: AsyncConnection[Any], database: Database
) -> None:
    start_position = await feed.load_head(reader)
    commit_sql(
        url_with_unpublished_column,
        "update marketplace_resource set fresh = 'x', name = name || 'z' where id = 1",
    )
    (event,) = await feed.load_events_after(database, start_position, 10)
    assert event.changed_columns == ("name",)
    assert {*event.changed_columns} <= RESOURCES.published_columns


async def test_updates_of_unpublished_columns_are_not_delivered(
    url_with_unpublished_column: str, reader: AsyncConnection[Any], database: Database
) -> None:
    start_position = await feed.load_head(reader)
    for _ in range(3):
        commit_sql(url_with_unpublished_column, UPDATE_UNPUBLISHED_SQL)
    positions = list_event_positions(url_with_unpublished_column)
    page = await feed.load_page(reader, start_position, 3)
    assert (page.events, page.is_full, page.end_position) == ([], True, positions[-1])
    page = await feed.load_page(reader, page.end_position, 3)
    assert (page.events, page.is_full, page.end_position) == ([], False, positions[-1])
    assert await feed.load_events_after(database, start_position, 2) == []
    commit_sql(url_with_unpublished_column, build_update_sql(2))
    for limit in (1, 2, 4, 10):
        (event,) = await feed.load_events_after(database, start_position, limit)
        assert get_object_id(event) == 2


async def test_late_commit_is_not_skipped(url: str, reader: AsyncConnection[Any]) -> None:
    start_position = await feed.load_head(reader)
    async with open_connection(url, autocommit=False) as late_connection:
        await late_connection.execute(build_update_sql(1).encode())
        commit_sql(url, build_update_sql(2))
        blocked_page = await feed.load_page(reader, start_position, 10)
        assert (blocked_page.events, blocked_page.has_blocked_events) == ([], True)
        assert await feed.load_head(reader) <= list_event_positions(url)[0]
        await late_connection.commit()
    page = await feed.load_page(reader, start_position, 10)
    assert [get_object_id(each) for each in page.events] == [1, 2]
    assert not page.has_blocked_events


async def test_order_is_by_transaction_not_by_id(
    url: str, reader: AsyncConnection[Any], database: Database
) -> None:
    """The event with the higher number comes first if its transaction began first."""
    start_position = await feed.load_head(reader)
    async with open_connection(url, autocommit=False) as early_connection:
        await early_connection.execute("select pg_current_xact_id()")
        commit_sql(url, build_update_sql(2))
        await early_connection.execute(build_update_sql(1).encode())
        await early_connection.commit()
    events = await feed.load_events_after(database, start_position, 10)
    assert [get_object_id(each) for each in events] == [1, 2]
    assert events[0].id > events[1].id
    assert events[0].position < events[1].position


async def test_long_transaction_anywhere_is_reported_as_lag(
    url: str, server: Any, database: Database
) -> None:
    assert await feed.load_event_lag_seconds(database) == 0
    async with open_connection(server.url, autocommit=False) as other_connection:
        await other_connection.execute("select pg_current_xact_id()")
        commit_sql(url, build_update_sql(1))
        await asyncio.sleep(0.2)
        assert 0.2 <= await feed.load_event_lag_seconds(database) < 10
    assert await feed.load_event_lag_seconds(database) == 0


async def test_events_are_read_in_pages(
    url: str, reader: AsyncConnection[Any], database: Database
) -> None:
    position, page_sizes = await feed.load_head(reader), []
    commit_sql(url, "update marketplace_resource set name = name || 'x'")
    while events := await feed.load_events_after(database, position, 7):
        page_sizes.append(len(events))
        position = events[-1].position
    assert page_sizes == [7, 7, 7, 7, 2]


async def test_pruned_positions_expire(
    url: str, reader: AsyncConnection[Any], database: Database, write_pool: TransactionPool
) -> None:
    start_position = await feed.load_head(reader)
    commit_sql(url, "update marketplace_resource set name = name || 'x'")
    last_position = list_event_positions(url)[-1]
    assert await feed.prune_events(write_pool, RETENTION) == 0
    assert len(await feed.load_events_after(database, start_position, 100)) == 30
    commit_sql(url, AGE_EVENTS_SQL)
    assert await feed.prune_events(write_pool, RETENTION, 7) == 30
    assert (list_event_positions(url), await feed.load_horizon(reader)) == ([], last_position)
    assert await feed.load_events_after(database, last_position, 10) == []
    assert await feed.load_events_after(database, await feed.load_head(reader), 10) == []
    for expired_position in (start_position, (last_position[0], last_position[1] - 1)):
        with pytest.raises(PositionExpiredError):
            await feed.load_events_after(database, expired_position, 10)


async def test_pruning_leaves_no_gap(
    url: str, database: Database, write_pool: TransactionPool
) -> None:
    commit_sql(url, build_update_sql(1))
    commit_sql(url, build_update_sql(2))
    commit_sql(url, build_update_sql(3))
    first, second, third = list_event_positions(url)
    commit_sql(url, f"{AGE_EVENTS_SQL} where id <> {second[1]}")
    assert await feed.prune_events(write_pool, RETENTION) == 1
    assert list_event_positions(url) == [second, third]
    assert [each.position for each in await feed.load_events_after(database, first, 9)] == [
        second,
        third,
    ]


async def test_blocked_events_are_not_pruned(url: str, write_pool: TransactionPool) -> None:
    async with open_connection(url, autocommit=False) as late_connection:
        await late_connection.execute("select pg_current_xact_id()")
        commit_sql(url, build_update_sql(2))
        commit_sql(url, AGE_EVENTS_SQL)
        assert await feed.prune_events(write_pool, RETENTION) == 0
    assert await feed.prune_events(write_pool, RETENTION) == 1


async def test_only_one_process_prunes(url: str, write_pool: TransactionPool) -> None:
    commit_sql(url, build_update_sql(1))
    commit_sql(url, AGE_EVENTS_SQL)
    async with open_connection(url, autocommit=False) as other_connection:
        await other_connection.execute("select pg_advisory_xact_lock(%s)", [feed._PRUNE_LOCK_KEY])
        assert await feed.prune_events(write_pool, RETENTION) == 0
    assert await feed.prune_events(write_pool, RETENTION) == 1


@pytest.mark.parametrize("position", [(0, 0), (-1, 5), (1 << 62, 0), (1 << 70, 1), (9, -1)])
async def test_invalid_position_is_expired(
    database: Database, position: feed.EventPosition
) -> None:
    with pytest.raises(PositionExpiredError):
        await feed.load_events_after(database, position, 10)


async def test_events_of_a_restored_copy_are_pruned(
    url: str, reader: AsyncConnection[Any], database: Database, write_pool: TransactionPool
) -> None:
    commit_sql(url, build_update_sql(1))
    commit_sql(url, "update gateway.marketplace_event set xid = '4000000000'")
    commit_sql(url, "update gateway.event_horizon set xid = '3000000000', id = 7")
    with pytest.raises(PositionExpiredError):
        await feed.load_events_after(database, await feed.load_head(reader), 10)
    await feed.prune_events(write_pool, RETENTION)
    start_position = await feed.load_head(reader)
    commit_sql(url, build_update_sql(2))
    assert [
        get_object_id(each) for each in await feed.load_events_after(database, start_position, 10)
    ] == [2]
    assert list_event_positions(url)[0] > start_position


async def test_missing_event_table_raises(empty_database: str) -> None:
    async with open_connection(empty_database) as connection:
        start_position = await feed.load_head(connection)
        with pytest.raises(psycopg.errors.UndefinedTable):
            await feed.load_page(connection, start_position, 10)
    async with open_database(empty_database) as database:
        with pytest.raises(UnreadableTableError):
            await feed.load_events_after(database, start_position, 10)
