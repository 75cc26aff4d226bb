"""Events are read in the order of transactions, none skipped; old ones go, and that is known."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
import pytest_asyncio
from psycopg import AsyncConnection

from gateway.db.events import feed
from gateway.db.events.feed import ForgottenError
from gateway.demo.marketplace.fill import make
from tests.conftest import NewDatabase
from tests.support.event_listener import change, connected, written

DAYS = timedelta(days=7)
AGED = "update gateway.resource_event set at = at - interval '8 days'"


@pytest.fixture(scope="module")
def made_url(new_database: NewDatabase) -> str:
    """Give the address of a small demo."""
    url = new_database()
    with psycopg.connect(url) as connection:
        make(connection, resources=30, seed=1)
    return url


@pytest.fixture
def url(made_url: str) -> str:
    """Give the address of a small demo without events."""
    change(made_url, "truncate gateway.resource_event")
    change(made_url, "update gateway.event_horizon set xid = '3', id = 0")
    return made_url


@pytest_asyncio.fixture(loop_scope="session")
async def reader(url: str) -> AsyncIterator[AsyncConnection[Any]]:
    """Give a connection that reads, and removes."""
    async with connected(url) as connection:
        yield connection


def touch(id_: int, state: int = 3) -> str:
    """Write how a resource is changed."""
    return f"update marketplace_resource set state = {state}, name = name || 'x' where id = {id_}"


async def test_an_event_tells_all(url: str, reader: AsyncConnection[Any]) -> None:
    began = await feed.head(reader)
    change(url, "update marketplace_resource set state = 3 where id = 1")
    change(url, "update marketplace_resource set state = 4, name = 'y' where id = 1")
    found = (await feed.after(reader, began, 10))[-1]
    row = await (
        await reader.execute(
            "select uuid::text, project_id, offering_id from marketplace_resource where id = 1"
        )
    ).fetchone()
    assert row is not None
    assert (found.resource_id, found.uuid, found.kind) == (1, row[0], "STATE_CHANGED")
    assert (found.old_state, found.new_state, found.changed) == (3, 4, ("name", "state"))
    assert (found.projects, found.offerings) == ((row[1],) * 2, (row[2],) * 2)
    assert timedelta() <= datetime.now(UTC) - found.at < timedelta(seconds=30)


async def test_who_commits_late_is_not_skipped(url: str, reader: AsyncConnection[Any]) -> None:
    began = await feed.head(reader)
    async with connected(url, autocommit=False) as late:
        await late.execute(touch(1).encode())
        change(url, touch(2))
        held = await feed.read(reader, began, 10)
        assert (held.events, held.held) == ([], True)
        assert await feed.head(reader) <= written(url)[0]
        await late.commit()
    found = await feed.read(reader, began, 10)
    assert ([each.resource_id for each in found.events], found.held) == ([1, 2], False)


async def test_a_number_is_no_order(url: str, reader: AsyncConnection[Any]) -> None:
    """Who takes the second number commits under the first transaction's."""
    began = await feed.head(reader)
    async with connected(url, autocommit=False) as early:
        await early.execute("select pg_current_xact_id()")
        change(url, touch(2))
        await early.execute(touch(1).encode())
        await early.commit()
    found = await feed.after(reader, began, 10)
    assert [each.resource_id for each in found] == [1, 2]
    assert found[0].id > found[1].id
    assert found[0].position < found[1].position


async def test_a_long_transaction_of_whatever_writes_is_told_as_a_lag(
    url: str, server: Any, reader: AsyncConnection[Any]
) -> None:
    assert await feed.lag(reader) == 0
    async with connected(server.url, autocommit=False) as elsewhere:
        await elsewhere.execute("select pg_current_xact_id()")
        change(url, touch(1))
        await asyncio.sleep(0.2)
        assert 0.2 <= await feed.lag(reader) < 10
    assert await feed.lag(reader) == 0


async def test_is_read_piece_by_piece(url: str, reader: AsyncConnection[Any]) -> None:
    position, pieces = await feed.head(reader), []
    change(url, "update marketplace_resource set name = name || 'x'")
    while piece := await feed.after(reader, position, 7):
        pieces.append(len(piece))
        position = piece[-1].position
    assert pieces == [7, 7, 7, 7, 2]


async def test_what_is_old_is_removed_and_its_positions_are_forgotten(
    url: str, reader: AsyncConnection[Any]
) -> None:
    began = await feed.head(reader)
    change(url, "update marketplace_resource set name = name || 'x'")
    last = written(url)[-1]
    assert await feed.forget(reader, DAYS) == 0
    assert len(await feed.after(reader, began, 100)) == 30
    change(url, AGED)
    assert await feed.forget(reader, DAYS, 7) == 30
    assert (written(url), await feed.oldest(reader)) == ([], last)
    assert await feed.after(reader, last, 10) == []
    assert await feed.after(reader, await feed.head(reader), 10) == []
    for gone in (began, (last[0], last[1] - 1)):
        with pytest.raises(ForgottenError):
            await feed.after(reader, gone, 10)


async def test_no_gap_is_made_by_removing(url: str, reader: AsyncConnection[Any]) -> None:
    change(url, touch(1))
    change(url, touch(2))
    change(url, touch(3))
    first, second, third = written(url)
    change(url, f"{AGED} where id <> {second[1]}")
    assert await feed.forget(reader, DAYS) == 1
    assert written(url) == [second, third]
    assert [each.position for each in await feed.after(reader, first, 9)] == [second, third]


async def test_what_is_held_back_is_not_removed_before_it_was_read(
    url: str, reader: AsyncConnection[Any]
) -> None:
    async with connected(url, autocommit=False) as late:
        await late.execute("select pg_current_xact_id()")
        change(url, touch(2))
        change(url, AGED)
        assert await feed.forget(reader, DAYS) == 0
    assert await feed.forget(reader, DAYS) == 1


async def test_only_one_removes(url: str, reader: AsyncConnection[Any]) -> None:
    change(url, touch(1))
    change(url, AGED)
    async with connected(url, autocommit=False) as other:
        await other.execute("select pg_advisory_xact_lock(%s)", [feed._LOCK])
        assert await feed.forget(reader, DAYS) == 0
    assert await feed.forget(reader, DAYS) == 1


@pytest.mark.parametrize("position", [(0, 0), (-1, 5), (1 << 62, 0), (1 << 70, 1), (9, -1)])
async def test_a_position_that_never_was_is_forgotten(
    reader: AsyncConnection[Any], position: feed.Position
) -> None:
    with pytest.raises(ForgottenError):
        await feed.after(reader, position, 10)


async def test_what_a_copy_brought_of_another_server_is_forgotten(
    url: str, reader: AsyncConnection[Any]
) -> None:
    change(url, touch(1))
    change(url, "update gateway.resource_event set xid = '4000000000'")
    change(url, "update gateway.event_horizon set xid = '3000000000', id = 7")
    with pytest.raises(ForgottenError):
        await feed.after(reader, await feed.head(reader), 10)
    await feed.forget(reader, DAYS)
    began = await feed.head(reader)
    change(url, touch(2))
    assert [each.resource_id for each in await feed.after(reader, began, 10)] == [2]
    assert written(url)[0] > began


async def test_without_a_source_nothing_is_known(empty_database: str) -> None:
    async with connected(empty_database) as connection:
        began = await feed.head(connection)
        with pytest.raises(psycopg.errors.UndefinedTable):
            await feed.after(connection, began, 10)
