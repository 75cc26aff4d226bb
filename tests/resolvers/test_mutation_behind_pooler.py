"""Changes behind a pooler in transaction mode: each transaction says itself what is to hold."""

from typing import Any

import psycopg
import pytest

from gateway.db.driver.database import Rows
from gateway.db.driver.transactions import Writer, Writing
from tests.conftest import NewDatabase
from tests.support.bulk_renewals import Wishes, renew
from tests.support.database_queries import ask
from tests.support.gateway_server import service
from tests.support.pgbouncer import PROGRAM, pgbouncer

COUNT = 30
SHOWN = {"jit": "off", "timezone": "UTC", "statement_timeout": "10s"}
needs_pgbouncer = pytest.mark.skipif(PROGRAM is None, reason="PgBouncer is not installed.")


async def renewed_twice(wishes: Wishes, at: str, url: str) -> None:
    """Renew everything by connections to `at`, twice; see that each is placed once."""

    async def one(uuid: str) -> Any:
        return (await renew(client.http, wishes.token, uuid)).json()["data"]["renewResource"]

    async with service(url, at, pooler="on") as client:
        first = await wishes.each(one)
        assert {each["__typename"] for each in first} == {"ResourceRenewed"}
        assert await wishes.each(one) == first
    with psycopg.connect(url) as root:
        assert (wishes.placed(root), wishes.half(root)) == (COUNT, 0)


async def test_changes_are_made_as_behind_a_pooler(new_database: NewDatabase) -> None:
    url = new_database()
    await renewed_twice(Wishes(url, COUNT), url, url)


@needs_pgbouncer
async def test_changes_are_made_behind_pgbouncer(new_database: NewDatabase) -> None:
    url = new_database()
    wishes = Wishes(url, COUNT)
    with pgbouncer(url) as pooled:
        await renewed_twice(wishes, pooled, url)


async def test_a_transaction_has_our_options(new_database: NewDatabase) -> None:
    writing = Writing(new_database(), statement_seconds=10, pooler=True)

    async def shown(writer: Writer) -> list[Rows]:
        return await writer.run([ask(f"show {name}") for name in SHOWN])

    await writing.open()
    for _ in range(2):
        assert await writing.change(shown) == [[(each,)] for each in SHOWN.values()]
    await writing.close()
