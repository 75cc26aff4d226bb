"""Mutations through a pooler in transaction mode, where every transaction sets its own options."""

from typing import Any

import psycopg
import pytest

from gateway.db.driver.database import Rows
from gateway.db.driver.transactions import Transaction, TransactionPool
from tests.conftest import DatabaseFactory
from tests.support.bulk_orders import RenewalWorkload
from tests.support.database_queries import build_request
from tests.support.gateway_server import serve_in_process
from tests.support.pgbouncer import PGBOUNCER_PATH, run_pgbouncer

RENEWAL_COUNT = 30
EXPECTED_SETTINGS = {"jit": "off", "timezone": "UTC", "statement_timeout": "10s"}
needs_pgbouncer = pytest.mark.skipif(PGBOUNCER_PATH is None, reason="PgBouncer is not installed.")


async def renew_twice(renewals: RenewalWorkload, pooler_url: str, url: str) -> None:
    """Renew all resources twice through a pooler, and check that one order is placed for each."""

    async def renew_one(uuid: str) -> Any:
        return (await renewals.post_order(client.http, uuid)).json()["data"]["renewResource"]

    async with serve_in_process(url, pooler_url, pooler="on") as client:
        first_results = await renewals.for_each_key(renew_one)
        assert {each["__typename"] for each in first_results} == {"ResourceRenewed"}
        assert await renewals.for_each_key(renew_one) == first_results
    with psycopg.connect(url) as connection:
        assert (
            renewals.count_placed_orders(connection),
            renewals.count_incomplete_orders(connection),
        ) == (RENEWAL_COUNT, 0)


async def test_mutations_succeed_in_pooler_mode(new_database: DatabaseFactory) -> None:
    url = new_database()
    await renew_twice(RenewalWorkload(url, RENEWAL_COUNT), url, url)


@needs_pgbouncer
async def test_mutations_succeed_behind_pgbouncer(new_database: DatabaseFactory) -> None:
    url = new_database()
    renewals = RenewalWorkload(url, RENEWAL_COUNT)
    with run_pgbouncer(url) as pooler_url:
        await renew_twice(renewals, pooler_url, url)


async def test_transactions_set_their_options(new_database: DatabaseFactory) -> None:
    transaction_pool = TransactionPool(new_database(), statement_seconds=10, pooler=True)

    async def show_settings(writer: Transaction) -> list[Rows]:
        return await writer.fetch_rows(
            [build_request(f"show {name}") for name in EXPECTED_SETTINGS]
        )

    await transaction_pool.open()
    for _ in range(2):
        assert await transaction_pool.run_transaction(show_settings) == [
            [(each,)] for each in EXPECTED_SETTINGS.values()
        ]
    await transaction_pool.close()
