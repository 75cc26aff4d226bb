"""Test that a stall of the event loop is not taken for a silent database."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from gateway.db.driver.database import Database, TimedOutError, UnavailableError
from gateway.db.driver.timer import PeriodicTimer
from tests.conftest import DatabaseFactory
from tests.support.database_proxy import DatabaseProxy, open_proxy
from tests.support.database_queries import build_request, open_warm_database
from tests.support.time_limits import assert_within


@pytest_asyncio.fixture
async def proxy(new_database: DatabaseFactory) -> AsyncIterator[DatabaseProxy]:
    """Yield a proxy of an empty database; it stalls with the event loop."""
    async with open_proxy(new_database()) as database_proxy:
        yield database_proxy


@pytest_asyncio.fixture
async def database(proxy: DatabaseProxy) -> AsyncIterator[Database]:
    """Yield a database with one connection, whose server counts as silent after 2 seconds."""
    async with open_warm_database(
        proxy.url, size=1, statement_seconds=1, wait_seconds=1
    ) as warm_database:
        yield warm_database


def stall_loop(seconds: float) -> None:
    """Block the event loop, as a garbage collection or a stopped process does."""
    time.sleep(seconds)


async def test_waiting_for_a_result_outlives_a_stall(database: Database) -> None:
    request = build_request("select pg_sleep(0.2)::text")
    waiting = asyncio.create_task(database.wait_for_result(database.fetch_rows([request])))
    await asyncio.sleep(0.05)
    stall_loop(4)
    assert await waiting == [[("",)]]


async def test_running_and_waiting_batches_outlive_a_stall(
    database: Database, proxy: DatabaseProxy
) -> None:
    proxy.freeze_traffic()
    batches = [
        asyncio.create_task(database.fetch_rows([build_request(f"select {number}")]))
        for number in range(20)
    ]
    await asyncio.sleep(0.3)
    stall_loop(3)
    await asyncio.sleep(0.5)
    connection_count = proxy.connection_count
    await proxy.restore_traffic()
    assert await asyncio.gather(*batches) == [[[(number,)]] for number in range(20)]
    assert proxy.connection_count == connection_count


async def test_dead_database_is_noticed_after_a_stall(
    database: Database, proxy: DatabaseProxy
) -> None:
    proxy.freeze_traffic()
    request = build_request("select 1")
    with assert_within(7, "noticing a silent database"):
        waiting = asyncio.create_task(database.fetch_rows([request]))
        await asyncio.sleep(0.1)
        stall_loop(2)
        with pytest.raises((UnavailableError, TimedOutError)):
            await waiting


async def test_clock_counts_a_stall_as_two_periods() -> None:
    checks: list[float] = []

    def record_check(now: float) -> bool:
        checks.append(now)
        return len(checks) < 2

    timer = PeriodicTimer(record_check)
    started_at = timer.read_clock()
    timer.ensure_started()
    stall_loop(1)
    during_stall = timer.read_clock() - started_at
    assert during_stall == pytest.approx(0.2, abs=0.01)
    await asyncio.sleep(0)
    assert timer.read_clock() - started_at == pytest.approx(0.2, abs=0.09)
    assert checks == []
    timer.stop()
