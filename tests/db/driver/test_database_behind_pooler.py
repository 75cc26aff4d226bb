"""Test the database behind a pooler: each batch sets its session options by itself."""

from collections.abc import AsyncIterator

import psycopg
import pytest
import pytest_asyncio

from gateway.db.driver.database import Database, TimedOutError
from gateway.db.driver.errors import InvalidDataError
from gateway.demo.postgres import EmbeddedPostgres
from tests.support.database_queries import (
    build_request,
    fetch_value,
    open_database,
    send_batch,
)
from tests.support.gateway_server import serve_in_process

EXPECTED_OPTIONS = {
    "jit": "off",
    "timezone": "UTC",
    "plan_cache_mode": "force_generic_plan",
    "statement_timeout": "1s",
    "transaction_read_only": "on",
}


@pytest_asyncio.fixture(loop_scope="session")
async def database(server: EmbeddedPostgres) -> AsyncIterator[Database]:
    """Yield a database as behind a pooler, with a statement time-out of a second."""
    async with open_database(
        server.url, size=2, statement_seconds=1, pooler=True
    ) as connected_database:
        yield connected_database


async def test_batch_sets_session_options(database: Database) -> None:
    for _ in range(2):
        rows = await database.fetch_rows(
            [build_request(f"show {name}") for name in EXPECTED_OPTIONS]
        )
        assert rows == [[(each,)] for each in EXPECTED_OPTIONS.values()]


async def test_options_end_with_the_batch(database: Database) -> None:
    _, *rows = await database.fetch_rows(
        [build_request("commit"), *[build_request(f"show {name}") for name in EXPECTED_OPTIONS]]
    )
    server_defaults = ["off", "UTC", "auto", "0", "off"]
    assert rows == [[(each,)] for each in server_defaults]


async def test_no_named_prepared_statements(database: Database) -> None:
    for _ in range(2):
        assert await fetch_value(database, "select $1::int", "1") == 1
    assert await fetch_value(database, "select count(*) from pg_prepared_statements") == 0


async def test_connections_are_read_only(database: Database) -> None:
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        await database.fetch_rows(
            [build_request("select 1"), build_request("create table created (id int)")]
        )
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        await database.fetch_rows([build_request("create table created (id int)")])


async def test_statement_timeout(database: Database) -> None:
    with pytest.raises(TimedOutError):
        await database.fetch_rows([build_request("select pg_sleep(30)")])
    assert await fetch_value(database, "select 1") == 1


async def test_error_fails_only_its_statement(database: Database) -> None:
    first, failing, *others = send_batch(
        database,
        *map(build_request, ("select 1", "select 1 / 0", "select 2", "show statement_timeout")),
    )
    with pytest.raises(InvalidDataError):
        await failing
    rows = [(await each).decode_rows() for each in (first, *others)]
    assert rows == [[(1,)], [(2,)], [("1s",)]]


async def test_gateway_works_behind_pooler(demo_url: str) -> None:
    async with serve_in_process(demo_url, pooler="on") as client:
        result = await client.execute_query(
            "{ resources(first: 3) { nodes { name offering { name } } } }"
        )
    assert len(result["data"]["resources"]["nodes"]) == 3
