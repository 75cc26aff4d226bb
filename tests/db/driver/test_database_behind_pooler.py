"""Behind a pooler nothing stays on a connection: each batch says itself what is to hold."""

from collections.abc import AsyncIterator

import psycopg
import pytest
import pytest_asyncio

from gateway.db.driver.database import Database, TimedOutError
from gateway.demo.postgres import Postgres
from tests.support.database_queries import ask, value
from tests.support.gateway_server import service

SHOWN = {
    "jit": "off",
    "timezone": "UTC",
    "plan_cache_mode": "force_generic_plan",
    "statement_timeout": "1s",
    "transaction_read_only": "on",
}


@pytest_asyncio.fixture(loop_scope="session")
async def database(server: Postgres) -> AsyncIterator[Database]:
    """Give a database as behind a pooler, on which a statement may take a second."""
    opened = await Database.at(server.url, size=2, statement_seconds=1, pooler=True)
    yield opened
    await opened.close()


async def test_a_batch_has_our_options(database: Database) -> None:
    for _ in range(2):
        found = await database.run([ask(f"show {name}") for name in SHOWN])
        assert found == [[(each,)] for each in SHOWN.values()]


async def test_what_follows_the_batch_has_none_of_them(database: Database) -> None:
    _, *found = await database.run([ask("commit"), *[ask(f"show {name}") for name in SHOWN]])
    usual = ["off", "UTC", "auto", "0", "off"]
    assert found == [[(each,)] for each in usual]


async def test_nothing_is_prepared_by_a_name(database: Database) -> None:
    for _ in range(2):
        assert await value(database, "select $1::int", "1") == 1
    assert await value(database, "select count(*) from pg_prepared_statements") == 0


async def test_can_write_nothing(database: Database) -> None:
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        await database.run([ask("select 1"), ask("create table made (id int)")])
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        await database.run([ask("create table made (id int)")])


async def test_a_statement_may_not_take_too_long(database: Database) -> None:
    with pytest.raises(TimedOutError):
        await database.run([ask("select pg_sleep(30)")])
    assert await value(database, "select 1") == 1


async def test_the_service_works_behind_a_pooler(demo_url: str) -> None:
    async with service(demo_url, pooler="on") as client:
        answer = await client.ask("{ resources(first: 3) { nodes { name offering { name } } } }")
    assert len(answer["data"]["resources"]["nodes"]) == 3
