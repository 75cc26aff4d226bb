"""Helpers of tests that query a database through the driver."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg

from gateway.db.driver.database import Database, PendingResult, StatementRequest
from gateway.db.driver.statement import Statement
from gateway.db.driver.transactions import TransactionPool
from tests.support.time_limits import scale_seconds

GATEWAY_BACKENDS_SQL = (
    "where application_name = 'marketplace-gateway' and datname = current_database()"
)


def build_request(sql: str, *parameters: str | None) -> StatementRequest:
    """Return a statement with its parameters."""
    return Statement(sql), parameters


async def fetch_value(database: Database, sql: str, *parameters: str | None) -> object:
    """Return the first value of a statement's rows."""
    ((row,),) = await database.fetch_rows([build_request(sql, *parameters)])
    return row[0]


def send_batch(database: Database, *requests: StatementRequest) -> list[PendingResult]:
    """Send a batch; return the futures of its results."""
    loop = asyncio.get_running_loop()
    futures: list[PendingResult] = [loop.create_future() for _ in requests]
    database.send(list(zip(requests, futures, strict=True)))
    return futures


@asynccontextmanager
async def open_database(url: str, **options: Any) -> AsyncIterator[Database]:
    """Yield a database with these options of `Database.connect`."""
    database = await Database.connect(url, **options)
    try:
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def open_write_pool(url: str) -> AsyncIterator[TransactionPool]:
    """Yield a pool for write transactions."""
    transaction_pool = TransactionPool(url, statement_seconds=10)
    await transaction_pool.open()
    try:
        yield transaction_pool
    finally:
        await transaction_pool.close()


@asynccontextmanager
async def open_warm_database(
    url: str, *, size: int, statement_seconds: float | None = None, **options: Any
) -> AsyncIterator[Database]:
    """Yield a database whose connections are all open."""
    statement_seconds = statement_seconds or scale_seconds(10)
    async with open_database(
        url, size=size, statement_seconds=statement_seconds, **options
    ) as database:
        # Slow once it ran, so that each batch gets a connection of its own.
        slow_request = build_request("select pg_backend_pid(), pg_sleep(0.05)::text")
        pids: set[object] = set()
        while len(pids) < size:
            rows = await asyncio.gather(*[database.fetch_rows([slow_request]) for _ in range(size)])
            pids |= {row[0] for ((row,),) in rows}
        yield database


class BackendAdmin:
    """Superuser's connection that lists and terminates the gateway's backends."""

    def __init__(self, connection: psycopg.AsyncConnection) -> None:
        self.connection = connection

    async def list_pids(self, condition: str = "true") -> list[int]:
        """Return the process ids of the gateway's backends that match `condition`."""
        pids_sql = (
            f"select pid from pg_stat_activity {GATEWAY_BACKENDS_SQL} and {condition} order by pid"
        )
        rows = await (await self.connection.execute(pids_sql.encode())).fetchall()
        return [pid for (pid,) in rows]

    async def is_idle(self) -> bool:
        """Return whether no backend of the gateway runs a statement."""
        return await self.list_pids("state = 'active'") == []

    async def terminate_backends(self, pids: list[int]) -> None:
        """Terminate backends."""
        terminate_sql = "select pg_terminate_backend(pid) from unnest(%s::int[]) pid"
        await self.connection.execute(terminate_sql, [pids])


@asynccontextmanager
async def connect_admin(url: str) -> AsyncIterator[BackendAdmin]:
    """Yield a superuser's connection to a database."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        yield BackendAdmin(connection)
