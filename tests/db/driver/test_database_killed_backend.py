"""Test recovery after a killed backend, on which the server ends all connections and restarts."""

import asyncio
import os
import signal
from collections.abc import Iterator
from time import monotonic

import psycopg
import pytest

from gateway.db.driver.database import Database, UnavailableError
from gateway.demo.postgres import EmbeddedPostgres
from tests.support.database_queries import build_request
from tests.support.embedded_postgres import create_public_folder
from tests.support.time_limits import assert_duration, get_machine_factor

CLIENT_COUNT = 16
MAX_RESPONSE_SECONDS = 8
"""Longest duration of a query, in seconds; the restart itself takes one or two."""


@pytest.fixture
def url() -> Iterator[str]:
    """Yield the URL of a server of this test's own."""
    with create_public_folder() as folder, EmbeddedPostgres.start(folder / "data") as postgres:
        yield postgres.url


def kill_backend(url: str) -> None:
    """Kill a backend of the gateway, so that the server ends all of them."""
    backends_sql = (
        "select pid from pg_stat_activity where application_name = 'marketplace-gateway' limit 1"
    )
    with psycopg.connect(url) as connection:
        ((pid,),) = connection.execute(backends_sql).fetchall()
    os.kill(pid, signal.SIGKILL)


async def run_queries_until(database: Database, deadline: float) -> float:
    """Run queries until `deadline`; return the duration of the slowest in seconds."""
    slowest = 0.0
    while monotonic() < deadline:
        started_at = monotonic()
        try:
            await database.fetch_rows(
                [build_request("select pg_sleep(0.005)"), build_request("select 1")]
            )
        except UnavailableError:
            await asyncio.sleep(0.05)
        slowest = max(slowest, monotonic() - started_at)
    return slowest


async def test_queries_during_backend_kill_finish_soon(url: str) -> None:
    database = await Database.connect(url, size=8)
    clients = [
        asyncio.create_task(run_queries_until(database, monotonic() + 5 * get_machine_factor()))
        for _ in range(CLIENT_COUNT)
    ]
    await asyncio.sleep(1)
    await asyncio.to_thread(kill_backend, url)
    slowest = await asyncio.gather(*clients)
    assert_duration(max(slowest), MAX_RESPONSE_SECONDS, "the slowest query")
    assert await database.fetch_rows([build_request("select 1")]) == [[(1,)]]
    await database.close()
