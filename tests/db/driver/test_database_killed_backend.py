"""A server whose backend is killed ends all connections and starts again; nobody waits for long."""

import asyncio
import os
import signal
from collections.abc import Iterator
from time import monotonic

import psycopg
import pytest

from gateway.db.driver.database import Database, UnavailableError
from gateway.demo.postgres import Postgres
from tests.support.database_queries import ask
from tests.support.embedded_postgres import open_folder

CLIENTS = 16
LONGEST = 8
"""Seconds for the slowest answer: the server itself takes one or two to be back."""


@pytest.fixture
def url() -> Iterator[str]:
    """Give the address of a server that may be killed."""
    with open_folder() as folder, Postgres.at(folder / "data") as running:
        yield running.url


def kill_one(url: str) -> None:
    """Kill a backend that serves the gateway, so that the server ends all of them."""
    mine = "select pid from pg_stat_activity where application_name = 'marketplace-gateway' limit 1"
    with psycopg.connect(url) as connection:
        ((pid,),) = connection.execute(mine).fetchall()
    os.kill(pid, signal.SIGKILL)


async def asking(database: Database, until: float) -> float:
    """Ask again and again until that time; give how long the slowest answer took."""
    slowest = 0.0
    while monotonic() < until:
        began = monotonic()
        try:
            await database.run([ask("select pg_sleep(0.005)"), ask("select 1")])
        except UnavailableError:
            await asyncio.sleep(0.05)
        slowest = max(slowest, monotonic() - began)
    return slowest


async def test_whoever_asks_while_a_backend_is_killed_is_answered_soon(url: str) -> None:
    database = await Database.at(url, size=8)
    clients = [asyncio.create_task(asking(database, monotonic() + 5)) for _ in range(CLIENTS)]
    await asyncio.sleep(1)
    await asyncio.to_thread(kill_one, url)
    slowest = await asyncio.gather(*clients)
    assert max(slowest) < LONGEST
    assert await database.run([ask("select 1")]) == [[(1,)]]
    await database.close()
