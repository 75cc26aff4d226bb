"""Test running batches on the database: values, errors, time-outs, lost connections."""

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest
import pytest_asyncio

from gateway.db.driver.database import Database, Rows, TimedOutError, UnavailableError
from gateway.db.driver.errors import InvalidDataError
from gateway.demo.postgres import EmbeddedPostgres
from tests.support.database_proxy import open_proxy
from tests.support.database_queries import build_request, fetch_value, open_database
from tests.support.time_limits import scale_seconds, time_limit


@pytest_asyncio.fixture(loop_scope="session")
async def database(server: EmbeddedPostgres) -> AsyncIterator[Database]:
    """Yield a database with two connections and a statement time-out of a second."""
    async with open_database(server.url, size=2, statement_seconds=1) as connected_database:
        yield connected_database


async def test_returns_rows_of_each_statement(database: Database) -> None:
    rows: list[Rows] = await database.fetch_rows(
        [
            build_request("select $1::int", "1"),
            build_request("select where false"),
            build_request("select n, $1::text from generate_series(1, 2) n", None),
        ]
    )
    assert rows == [[(1,)], [], [(1, None), (2, None)]]


async def test_runs_the_same_statement_with_other_parameters(database: Database) -> None:
    requests = [build_request("select $1::int + 1", str(each)) for each in range(50)]
    assert await database.fetch_rows(requests) == [[(each + 1,)] for each in range(50)]


@pytest.mark.parametrize(
    ("literal", "text"),
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
async def test_text_loaded_types_stay_text(database: Database, literal: str, text: str) -> None:
    assert await fetch_value(database, f"select {literal}") == text


async def test_connections_are_read_only(database: Database) -> None:
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        await database.fetch_rows([build_request("create table created (id int)")])


async def test_options_of_url_are_kept(server: EmbeddedPostgres) -> None:
    url = f"{server.url}&options=-c%20search_path%3Delsewhere"
    database = await Database.connect(url)
    assert await fetch_value(database, "show search_path") == "elsewhere, pg_temp"
    assert await fetch_value(database, "show default_transaction_read_only") == "on"
    await database.close()


async def test_statement_timeout(database: Database) -> None:
    with pytest.raises(TimedOutError):
        await database.fetch_rows([build_request("select pg_sleep(30)")])
    assert await fetch_value(database, "select 1") == 1


async def test_batch_ends_at_first_statement_timeout(database: Database) -> None:
    with pytest.raises(TimedOutError):
        await database.fetch_rows(
            [
                build_request("select 1"),
                build_request("select pg_sleep(30)"),
                build_request("select 2"),
            ]
        )
    assert await fetch_value(database, "select 1") == 1


async def test_sql_error_is_not_unavailable(database: Database) -> None:
    with pytest.raises(InvalidDataError):
        await database.fetch_rows(
            [build_request("select 1"), build_request("select 1 / 0"), build_request("select 2")]
        )
    assert await fetch_value(database, "select 1") == 1


async def test_a_lost_connection_is_replaced(database: Database, server: EmbeddedPostgres) -> None:
    pids = await asyncio.gather(
        *[fetch_value(database, "select pg_backend_pid()") for _ in range(2)]
    )
    with psycopg.connect(server.url, autocommit=True) as root:
        root.execute("select pg_terminate_backend(pid) from unnest(%s::int[]) pid", [pids])
    assert await database.fetch_rows([build_request("select 1"), build_request("select 2")]) == [
        [(1,)],
        [(2,)],
    ]


async def test_batch_losing_its_connection_twice_fails(database: Database) -> None:
    with pytest.raises(UnavailableError):
        await database.fetch_rows([build_request("select pg_terminate_backend(pg_backend_pid())")])
    assert await fetch_value(database, "select 1") == 1


async def test_waiting_batches_run_while_database_responds(server: EmbeddedPostgres) -> None:
    database = await Database.connect(server.url, size=1, wait_seconds=scale_seconds(0.35))
    busy = [fetch_value(database, "select pg_sleep(0.4)::text") for _ in range(5)]
    assert await asyncio.gather(*busy) == [""] * 5
    await database.close()


async def test_silent_server_times_out(server: EmbeddedPostgres) -> None:
    async with open_proxy(server.url) as proxy:
        database = await Database.connect(
            proxy.url, size=1, statement_seconds=scale_seconds(0.1), wait_seconds=0.1
        )
        assert await fetch_value(database, "select 1") == 1
        proxy.freeze_traffic()
        async with time_limit(2, "the statement to time out"):
            with pytest.raises(TimedOutError):
                await fetch_value(database, "select 1")
        await proxy.restore_traffic()
        assert await fetch_value(database, "select 1") == 1
        await database.close()


async def test_missing_server_is_unavailable() -> None:
    database = await Database.connect("postgresql://127.0.0.1:1/waldur")
    with pytest.raises(UnavailableError):
        await fetch_value(database, "select 1")
    await database.close()
