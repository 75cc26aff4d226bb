"""Test the polling source: what it detects, and what it can't."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
import pytest_asyncio
from psycopg import AsyncConnection

from gateway.db.driver.database import Database
from gateway.db.events import polling
from gateway.db.events.feed import PositionExpiredError
from gateway.db.events.polled_states import PolledStates
from gateway.db.events.polling import PollingReader
from tests.conftest import DatabaseFactory
from tests.support import waldur_2024
from tests.support.database_queries import open_database
from tests.support.event_listener import (
    commit_sql,
    get_object_id,
    open_connection,
    record_events,
)
from tests.support.time_limits import wait_until

SAVE_RESOURCE_SQL = (
    "update marketplace_resource set modified = {when}, state = {state} where id = {id}"
)
INSERT_RESOURCE_SQL = """
create temporary table copied as select * from marketplace_resource where id = {id};
update copied set id = 9999, uuid = gen_random_uuid(), object_id = null, content_type_id = null,
    created = clock_timestamp(), modified = clock_timestamp();
insert into marketplace_resource overriding system value select * from copied
"""


@pytest.fixture(scope="module")
def url(new_database: DatabaseFactory) -> str:
    """Return the URL of a Waldur installation without triggers."""
    database_url = new_database()
    with psycopg.connect(database_url) as connection:
        waldur_2024.create_waldur_database(connection)
    return database_url


@pytest_asyncio.fixture(loop_scope="session")
async def reader(url: str) -> AsyncIterator[AsyncConnection[Any]]:
    """Yield a connection for the reader."""
    async with open_connection(url) as connection:
        yield connection


@pytest_asyncio.fixture(loop_scope="session")
async def database(url: str) -> AsyncIterator[Database]:
    """Yield the read pool."""
    async with open_database(url) as opened_database:
        yield opened_database


def list_resource_ids(url: str) -> list[int]:
    """Return the ids of the resources in the order of their modification."""
    with psycopg.connect(url) as connection:
        return [
            each
            for (each,) in connection.execute(
                "select id from marketplace_resource order by modified, id"
            )
        ]


def save_resource(url: str, id_: int, state: int, modified_sql: str = "clock_timestamp()") -> None:
    """Save a resource as Waldur does."""
    commit_sql(url, SAVE_RESOURCE_SQL.format(id=id_, state=state, when=modified_sql))


async def test_old_state_is_known(
    url: str, reader: AsyncConnection[Any], database: Database
) -> None:
    polling_reader, id_ = PollingReader(), list_resource_ids(url)[0]
    save_resource(url, id_, 2, "timestamptz '2000-01-01 00:00Z'")
    start_position = await polling_reader.load_head(reader)
    assert (await polling_reader.load_page(reader, start_position, 10)).events == []
    save_resource(url, id_, 5)
    save_resource(url, id_, 6)
    (first,) = (await polling_reader.load_page(reader, start_position, 10)).events
    assert (first.kind, first.list_values("state")) == ("STATE_CHANGED", [2, 6])
    assert (len({*first.list_values("project_id")}), first.changed_columns) == (1, ("state",))
    save_resource(url, id_, 3)
    (second,) = (await polling_reader.load_page(reader, first.position, 10)).events
    assert (second.kind, second.list_values("state")) == ("STATE_CHANGED", [6, 3])
    assert (len({*second.list_values("project_id")}), second.changed_columns) == (1, ("state",))
    assert second.position > first.position > start_position
    assert (await polling_reader.load_page(reader, second.position, 10)).events == []
    assert await polling_reader.load_events_after(database, start_position, 10) == [first, second]
    assert await polling_reader.load_events_after(database, start_position, 1) == [first]


@pytest.mark.parametrize("max_rows", [1, 2, 5])
async def test_states_of_the_newest_resources_are_remembered(
    url: str, reader: AsyncConnection[Any], max_rows: int
) -> None:
    """Of others the first change is an update, and the next ones have their previous state."""
    ids = sorted(list_resource_ids(url))
    polling_reader = PollingReader(max_rows=max_rows)
    for id_ in (ids[0], ids[-1]):
        save_resource(url, id_, 2, "timestamptz '2000-01-01 00:00Z'")
    start_position = await polling_reader.load_head(reader)
    changes = []
    for state in (3, 2):
        for id_ in (ids[0], ids[-1]):
            save_resource(url, id_, state)
        events = (await polling_reader.load_page(reader, start_position, 10)).events
        changes += [(each.kind, *each.list_values("state")) for each in events]
        start_position = events[-1].position
    assert changes == [
        ("UPDATED", 3),
        *[("STATE_CHANGED", 2, 3), ("STATE_CHANGED", 3, 2), ("STATE_CHANGED", 3, 2)],
    ]


async def test_baseline_has_all_pages(
    url: str, reader: AsyncConnection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "_PAGE_SIZE", 30)
    polling_reader, ids = PollingReader(), sorted(list_resource_ids(url))
    assert len(ids) > 100
    save_all = "update marketplace_resource set state = {}, modified = {}"
    commit_sql(url, save_all.format(2, "timestamptz '2000-01-01 00:00Z'"))
    start_position = await polling_reader.load_head(reader)
    commit_sql(url, save_all.format(3, "now()"))
    events = (await polling_reader.load_page(reader, start_position, 1000)).events
    assert [(get_object_id(each), each.kind, each.list_values("state")[0]) for each in events] == [
        (id_, "STATE_CHANGED", 2) for id_ in ids
    ]


async def test_changes_during_the_baseline_are_compared_with_the_last_state(
    url: str, reader: AsyncConnection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection is lost after some pages; meanwhile resources of these change."""
    monkeypatch.setattr(polling, "_PAGE_SIZE", 2)
    polling_reader, ids = PollingReader(), sorted(list_resource_ids(url))
    save_resource(url, ids[0], 2)
    async with open_connection(url) as lost_connection:
        loading = asyncio.create_task(polling_reader.load_head(lost_connection))
        await wait_until(lambda: len(polling_reader.polled_tables["resource"].states) > 1)
        await lost_connection.close()
        await asyncio.gather(loading, return_exceptions=True)
    assert loading.exception() is not None
    save_resource(url, ids[0], 3)
    start_position = await polling_reader.load_head(reader)
    assert (await polling_reader.load_page(reader, start_position, 10)).events == []
    save_resource(url, ids[0], 4)
    (event,) = (await polling_reader.load_page(reader, start_position, 10)).events
    assert (event.kind, event.list_values("state")) == ("STATE_CHANGED", [3, 4])


def test_states_are_compact() -> None:
    states = PolledStates(100_000, 3)
    for id_ in range(1, 100_001):
        states.store_values(2 * id_, (id_ % 7, None, 5))
    assert states._ids.buffer_info()[1] * 8 + states._values.buffer_info()[1] * 8 == 3_200_000
    assert states.find_values(2000) == (1000 % 7, None, 5)
    assert states.find_values(2001) is None
    states.store_values(2001, (1, 2, 3))
    states.store_values(2000, (4, 5, None))
    assert (states.find_values(2001), states.find_values(2000)) == ((1, 2, 3), (4, 5, None))
    for id_ in range(300_000, 310_001):
        states.store_values(id_, (1, 2, 3))
    assert states.has_forgotten
    assert len(states) == 110_000
    assert states.find_values(2001) is None


async def test_late_commits_within_overlap_are_read(url: str, reader: AsyncConnection[Any]) -> None:
    polling_reader, (_, one, two, three, *_) = PollingReader(), list_resource_ids(url)
    start_position = await polling_reader.load_head(reader)
    save_resource(url, one, 5)
    await polling_reader.load_page(reader, start_position, 10)
    save_resource(url, two, 5, "clock_timestamp() - interval '5 seconds'")
    save_resource(url, three, 5, "clock_timestamp() - interval '15 seconds'")
    events = (await polling_reader.load_page(reader, start_position, 10)).events
    assert [get_object_id(each) for each in events] == [one, two]


async def test_creation_is_read_and_deletion_is_not(url: str, reader: AsyncConnection[Any]) -> None:
    polling_reader, id_ = PollingReader(), list_resource_ids(url)[4]
    start_position = await polling_reader.load_head(reader)
    commit_sql(url, INSERT_RESOURCE_SQL.format(id=id_))
    (event,) = (await polling_reader.load_page(reader, start_position, 10)).events
    assert (event.kind, get_object_id(event), event.before) == ("CREATED", 9999, None)
    commit_sql(url, "delete from marketplace_resource where id = 9999")
    assert (await polling_reader.load_page(reader, event.position, 10)).events == []


ODD_TIMES = (
    "timestamptz 'infinity'",
    "timestamptz '-infinity'",
    "timestamptz '4713-01-01 BC'",
    "timestamptz '99999-12-31'",
    "now() + interval '50 years'",
)


@pytest.mark.parametrize("is_odd_from_the_start", [True, False])
@pytest.mark.parametrize("odd_time", ODD_TIMES)
async def test_odd_times_of_a_resource_concern_only_itself(
    url: str, reader: AsyncConnection[Any], odd_time: str, *, is_odd_from_the_start: bool
) -> None:
    """Times beyond Python's years, and in the future: the poll goes on after them."""
    odd_id, id_, new_id, *_ = list_resource_ids(url)
    make_odd = f"update marketplace_resource set created = {odd_time}, modified = {odd_time}"
    if is_odd_from_the_start:
        commit_sql(url, f"{make_odd} where id = {odd_id}")
    polling_reader = PollingReader()
    position = await polling_reader.load_head(reader)
    commit_sql(url, f"{make_odd}, state = state % 6 + 1 where id = {odd_id}")
    changed_ids = []
    for state in (2, 3, 4):
        save_resource(url, id_, state)
        commit_sql(url, f"update marketplace_resource set created = {odd_time} where id = {new_id}")
        save_resource(url, new_id, state)
        page = await polling_reader.load_page(reader, position, 10)
        changed_ids += [get_object_id(each) for each in page.events]
        position = page.end_position
        assert all(each.occurred_at <= datetime.now(UTC) for each in page.events)
    is_read = "-infinity" not in odd_time and "BC" not in odd_time
    assert changed_ids.count(odd_id) == is_read
    assert changed_ids.count(id_) == changed_ids.count(new_id) == 3
    commit_sql(
        url,
        "update marketplace_resource set (created, modified) = row(timestamptz '2001-01-01',"
        f" timestamptz '2001-01-01') where id in ({odd_id}, {new_id})",
    )


def test_every_code_differs_from_null() -> None:
    states = PolledStates(10, 1)
    states.store_values(1, (-1,))
    states.store_values(2, (None,))
    assert (states.find_values(1), states.find_values(2)) == ((-1,), (None,))


async def test_dropped_events_expire_their_positions(
    url: str, reader: AsyncConnection[Any], database: Database
) -> None:
    polling_reader, (first, *rest) = PollingReader(max_events=3), list_resource_ids(url)[5:10]
    start_position = await polling_reader.load_head(reader)
    save_resource(url, first, 5)
    (event,) = (await polling_reader.load_page(reader, start_position, 10)).events
    for each in rest:
        save_resource(url, each, 6)
    with pytest.raises(PositionExpiredError):
        await polling_reader.load_page(reader, start_position, 10)
    with pytest.raises(PositionExpiredError):
        await polling_reader.load_events_after(database, event.position, 10)
    assert len(await polling_reader.load_events_after(database, (event.xid, event.id + 1), 10)) == 3
    for expired_position in ((event.xid - 1, event.id + 1), (event.xid, event.id + 10)):
        with pytest.raises(PositionExpiredError):
            await polling_reader.load_events_after(database, expired_position, 10)


async def test_many_changes_are_read_page_by_page(
    url: str, reader: AsyncConnection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.db.events.polling._PAGE_SIZE", 7)
    polling_reader = PollingReader(overlap=timedelta())
    start_position = await polling_reader.load_head(reader)
    commit_sql(url, "update marketplace_resource set modified = now(), state = 2")
    events = (await polling_reader.load_page(reader, start_position, 1000)).events
    assert len({get_object_id(each) for each in events}) == len(events) == 600


async def test_listener_delivers_polled_events(url: str) -> None:
    async with record_events(url, PollingReader(), None, 0.1) as recorder:
        save_resource(url, list_resource_ids(url)[-1], 4)
        await wait_until(lambda: len(recorder.events) == 1)
        assert recorder.gap_count == 0
