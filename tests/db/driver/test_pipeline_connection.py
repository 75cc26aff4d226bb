"""One connection: what is prepared on it stays few, and true; only what is of no use is stopped."""

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest
import pytest_asyncio

from gateway.db.driver.database import Database, TimedOutError, UnavailableError
from gateway.db.driver.statement import Statement
from tests.conftest import NewDatabase
from tests.support.database_queries import Root, ask, at, eventually, root_at, sent, value

PREPARED = "select count(*) from pg_prepared_statements"


@pytest.fixture(scope="module")
def url(new_database: NewDatabase) -> str:
    """Give the address of an empty database."""
    return new_database()


@pytest_asyncio.fixture(loop_scope="session")
async def database(url: str) -> AsyncIterator[Database]:
    """Give a database behind one connection, on which a statement may take a second."""
    async with at(url, size=1, seconds=1) as database:
        yield database


@pytest_asyncio.fixture(loop_scope="session")
async def root(url: str) -> AsyncIterator[Root]:
    """Give a root's connection."""
    async with root_at(url) as opened:
        yield opened


def test_the_same_sql_has_the_same_name() -> None:
    assert Statement("select 1").name == Statement("select 1", ("a",)).name
    assert Statement("select 1").name != Statement("select 2").name


async def test_a_statement_is_prepared_once(database: Database) -> None:
    before = await value(database, PREPARED)
    for each in range(3):
        assert await value(database, "select $1::int * 2", str(each)) == each * 2
    assert await value(database, PREPARED) == int(str(before)) + 1


async def test_of_prepared_statements_the_last_used_are_kept(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.db.driver.pipeline_connection.PREPARED", 5)
    names = "select array_agg(statement) from pg_prepared_statements"
    await value(database, names)
    for each in range(8):
        await database.run([ask("select 0"), ask(f"select {each + 1}")])
    kept = await value(database, names)
    assert isinstance(kept, list)
    assert set(kept) == {"select 0", "select 6", "select 7", "select 8", names}


async def test_what_could_not_be_prepared_is_tried_again(database: Database, root: Root) -> None:
    counting = [ask("select 1"), ask("select count(*) from later"), ask("select 2")]
    for _ in range(2):
        with pytest.raises(psycopg.errors.UndefinedTable):
            await database.run(counting)
    await root.connection.execute("create table later (id int)")
    assert await database.run(counting) == [[(1,)], [(0,)], [(2,)]]


async def test_a_table_may_change(database: Database, root: Root) -> None:
    await root.connection.execute("create table changing as select 1 as first")
    reading = [ask("select 0"), ask("select * from changing"), ask("select 2")]
    assert await database.run(reading) == [[(0,)], [(1,)], [(2,)]]
    await root.connection.execute("alter table changing add second text default 'new'")
    several = [database.run(reading) for _ in range(3)]
    assert await asyncio.gather(*several) == [[[(0,)], [(1, "new")], [(2,)]]] * 3


async def test_the_server_may_forget_what_was_prepared(database: Database) -> None:
    await value(database, "select 3")
    await database.run([ask("deallocate all")])
    assert await asyncio.gather(*[value(database, "select 3") for _ in range(3)]) == [3] * 3


async def test_a_name_may_be_taken(database: Database) -> None:
    asked = ask("select 4")
    await database.run([ask(f"prepare {asked[0].name.decode()} as select 'other'")])
    assert await database.run([asked]) == [[(4,)]]


async def test_large_things_pass(database: Database) -> None:
    texts = [str(each) * 3_000_000 for each in range(5)]
    found = await asyncio.gather(*[value(database, "select $1::text", each) for each in texts])
    assert found == texts


@pytest.mark.parametrize("wrong", ["a\0b", "\ud800"])
async def test_what_no_text_can_hold_is_refused(database: Database, wrong: str) -> None:
    with pytest.raises(ValueError, match=r"zero byte|surrogates"):
        await database.run([ask("select 1"), ask("select $1::text", wrong)])


async def test_a_value_that_can_not_be_read_fails_alone(database: Database) -> None:
    good, bad, other = sent(
        database, ask("select 1"), ask("select 'infinity'::timestamp"), ask("select 2")
    )
    found = await bad
    assert len(found) == 1
    with pytest.raises(psycopg.DataError):
        found.rows()
    assert [(await each).rows() for each in (good, other)] == [[(1,)], [(2,)]]


async def test_rows_can_still_be_made_when_the_connection_is_gone(url: str) -> None:
    """And as often as they are asked for."""
    async with at(url, size=1) as database:
        (sending,) = sent(database, ask("select 7, 'ä', true, 1.50, null"))
        found = await sending
    assert [found.rows() for _ in "ab"] == [[(7, "ä", True, "1.50", None)]] * 2


async def test_what_nobody_waits_for_is_stopped(database: Database, root: Root) -> None:
    running = asyncio.create_task(database.run([ask("select 1"), ask("select pg_sleep(0.9)")]))
    await eventually(lambda: busy(root))
    running.cancel()
    async with asyncio.timeout(0.6):
        await eventually(root.idle)
    assert await value(database, "select 1") == 1


async def busy(root: Root) -> bool:
    """Tell whether something is under way."""
    return not await root.idle()


async def test_who_comes_after_what_is_stopped_is_answered(database: Database) -> None:
    for _ in range(5):
        (stopped,) = sent(database, ask("select pg_sleep(0.9)"))
        after = [sent(database, ask("select pg_sleep(0.02)::text"), ask("select 2")) for _ in "ab"]
        stopped.cancel()
        assert [(await each).rows() for two in after for each in two] == [[("",)], [(2,)]] * 2


async def test_what_is_stopped_by_mistake_is_run_again(database: Database, root: Root) -> None:
    for _ in range(5):
        (line,) = database._lines._lines
        futures = sent(database, ask("select 1"), ask("select pg_sleep(0.2)::text"))
        await eventually(lambda: busy(root))
        line.cancel()
        assert [(await each).rows() for each in futures] == [[(1,)], [("",)]]


async def test_a_time_out_is_the_fault_of_nobody_else(database: Database) -> None:
    (slow,) = sent(database, ask("select pg_sleep(30)"))
    after = sent(database, ask("select 1"), ask("select 2"))
    with pytest.raises(TimedOutError):
        await slow
    assert [(await each).rows() for each in after] == [[(1,)], [(2,)]]


async def test_what_the_server_lacks_the_means_for_is_unavailable(database: Database) -> None:
    with pytest.raises(UnavailableError):
        await database.run([ask("do $$ begin raise sqlstate '53200'; end $$")])
    assert await value(database, "select 1") == 1


async def test_all_of_a_batch_is_told_what_went_wrong(database: Database) -> None:
    first, *others = sent(database, ask("select 1"), ask("select missing"), ask("select 2"))
    assert (await first).rows() == [(1,)]
    (error,) = set(await asyncio.gather(*others, return_exceptions=True))
    assert isinstance(error, psycopg.errors.UndefinedColumn)
