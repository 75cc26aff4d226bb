"""The database runs batches that only read: once more if a connection is lost, not for ever."""

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest
import pytest_asyncio

from gateway.db.driver.database import Database, Rows, TimedOutError, UnavailableError
from gateway.db.driver.statement import Statement
from gateway.demo.postgres import Postgres
from tests.support.database_proxy import line_to


def ask(sql: str, *parameters: str | None) -> tuple[Statement, tuple[str | None, ...]]:
    """Give a statement with its parameters."""
    return Statement(sql), parameters


async def value(database: Database, sql: str, *parameters: str | None) -> object:
    """Give the first value that a statement reads."""
    ((row,),) = await database.run([ask(sql, *parameters)])
    return row[0]


@pytest_asyncio.fixture(loop_scope="session")
async def database(server: Postgres) -> AsyncIterator[Database]:
    """Give a pool of two connections, on which a statement may take a second."""
    opened = await Database.at(server.url, size=2, statement_seconds=1)
    yield opened
    await opened.close()


async def test_gives_the_rows_of_each_statement(database: Database) -> None:
    found: list[Rows] = await database.run(
        [
            ask("select $1::int", "1"),
            ask("select where false"),
            ask("select n, $1::text from generate_series(1, 2) n", None),
        ]
    )
    assert found == [[(1,)], [], [(1, None), (2, None)]]


async def test_runs_the_same_statement_with_other_parameters(database: Database) -> None:
    asked = [ask("select $1::int + 1", str(each)) for each in range(50)]
    assert await database.run(asked) == [[(each + 1,)] for each in range(50)]


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("'c00dc3112fe04d67abab3c7506da11b4'::uuid", "c00dc311-2fe0-4d67-abab-3c7506da11b4"),
        ("1.50::numeric(10, 5)", "1.50000"),
        ('\'{"b": 1.0, "a": [2]}\'::jsonb', '{"a": [2], "b": 1.0}'),
        ("'{\"b\":  1}'::json", '{"b":  1}'),
        ("'2026-01-31 13:00+01'::timestamptz", "2026-01-31 12:00:00+00"),
        ("'2026-01-31'::date", "2026-01-31"),
        ("'10.0.0.0/8'::cidr", "10.0.0.0/8"),
    ],
)
async def test_what_is_printed_as_text_stays_text(
    database: Database, written: str, text: str
) -> None:
    assert await value(database, f"select {written}") == text


async def test_can_write_nothing(database: Database) -> None:
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        await database.run([ask("create table made (id int)")])


async def test_does_what_the_address_says_besides(server: Postgres) -> None:
    url = f"{server.url}&options=-c%20search_path%3Delsewhere"
    database = await Database.at(url)
    assert await value(database, "show search_path") == "elsewhere"
    assert await value(database, "show default_transaction_read_only") == "on"
    await database.close()


async def test_a_statement_may_not_take_too_long(database: Database) -> None:
    with pytest.raises(TimedOutError):
        await database.run([ask("select pg_sleep(30)")])
    assert await value(database, "select 1") == 1


async def test_a_batch_ends_with_its_first_statement_that_takes_too_long(
    database: Database,
) -> None:
    with pytest.raises(TimedOutError):
        await database.run([ask("select 1"), ask("select pg_sleep(30)"), ask("select 2")])
    assert await value(database, "select 1") == 1


async def test_a_mistake_is_nobodys_absence(database: Database) -> None:
    with pytest.raises(psycopg.errors.UndefinedColumn):
        await database.run([ask("select 1"), ask("select missing"), ask("select 2")])
    assert await value(database, "select 1") == 1


async def test_a_lost_connection_is_replaced(database: Database, server: Postgres) -> None:
    pids = await asyncio.gather(*[value(database, "select pg_backend_pid()") for _ in range(2)])
    with psycopg.connect(server.url, autocommit=True) as root:
        root.execute("select pg_terminate_backend(pid) from unnest(%s::int[]) pid", [pids])
    assert await database.run([ask("select 1"), ask("select 2")]) == [[(1,)], [(2,)]]


async def test_what_loses_its_connection_twice_is_given_up(database: Database) -> None:
    with pytest.raises(UnavailableError):
        await database.run([ask("select pg_terminate_backend(pg_backend_pid())")])
    assert await value(database, "select 1") == 1


async def test_who_waits_for_a_busy_database_gets_a_turn(server: Postgres) -> None:
    database = await Database.at(server.url, size=1, wait=1)
    busy = [value(database, "select pg_sleep(0.4)::text") for _ in range(5)]
    assert await asyncio.gather(*busy) == [""] * 5
    await database.close()


async def test_a_server_that_says_nothing_is_not_waited_for_for_ever(server: Postgres) -> None:
    async with line_to(server.url) as line:
        database = await Database.at(line.url, size=1, statement_seconds=0.2, wait=0.1)
        assert await value(database, "select 1") == 1
        line.hang()
        async with asyncio.timeout(2):
            with pytest.raises(TimedOutError):
                await value(database, "select 1")
        await line.mend()
        assert await value(database, "select 1") == 1
        await database.close()


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    database = await Database.at("postgresql://127.0.0.1:1/waldur")
    with pytest.raises(UnavailableError):
        await database.ready()
    await database.close()
