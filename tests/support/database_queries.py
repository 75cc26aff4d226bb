"""Asking a database as tests do it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import psycopg

from gateway.db.driver.database import Database, PendingResult, StatementRequest
from gateway.db.driver.statement import Statement

GATEWAY_BACKENDS_SQL = (
    "where application_name = 'marketplace-gateway' and datname = current_database()"
)


def build_request(sql: str, *parameters: str | None) -> StatementRequest:
    """Give a statement with its parameters."""
    return Statement(sql), parameters


async def fetch_value(database: Database, sql: str, *parameters: str | None) -> object:
    """Give the first value that a statement reads."""
    ((row,),) = await database.fetch_rows([build_request(sql, *parameters)])
    return row[0]


def send_batch(database: Database, *requests: StatementRequest) -> list[PendingResult]:
    """Send a batch; give what its rows will settle."""
    loop = asyncio.get_running_loop()
    futures: list[PendingResult] = [loop.create_future() for _ in requests]
    database.send(list(zip(requests, futures, strict=True)))
    return futures


@asynccontextmanager
async def open_database(url: str, **options: Any) -> AsyncIterator[Database]:
    """Give a database, and close it in the end."""
    database = await Database.connect(url, **options)
    try:
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def open_warm_database(
    url: str, *, size: int, statement_seconds: float = 10
) -> AsyncIterator[Database]:
    """Give a database whose connections are all open."""
    async with open_database(url, size=size, statement_seconds=statement_seconds) as database:
        slow_request = build_request(
            "select pg_backend_pid(), pg_sleep(0.05)::text"
        )  # known as slow, once it ran
        pids: set[object] = set()
        while len(pids) < size:
            rows = await asyncio.gather(*[database.fetch_rows([slow_request]) for _ in range(size)])
            pids |= {row[0] for ((row,),) in rows}
        yield database


async def wait_until_async(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something is true, for five seconds at most."""
    for _ in range(250):
        if await condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("It did not come true.")


class BackendAdmin:
    """A connection that looks at those of the gateway, and ends them."""

    def __init__(self, connection: psycopg.AsyncConnection) -> None:
        self.connection = connection

    async def list_pids(self, condition: str = "true") -> list[int]:
        """Give the backends of the gateway's connections for which `condition` holds."""
        pids_sql = (
            f"select pid from pg_stat_activity {GATEWAY_BACKENDS_SQL} and {condition} order by pid"
        )
        rows = await (await self.connection.execute(pids_sql.encode())).fetchall()
        return [pid for (pid,) in rows]

    async def is_idle(self) -> bool:
        """Tell whether none of them does anything."""
        return await self.list_pids("state = 'active'") == []

    async def terminate_backends(self, pids: list[int]) -> None:
        """End backends."""
        terminate_sql = "select pg_terminate_backend(pid) from unnest(%s::int[]) pid"
        await self.connection.execute(terminate_sql, [pids])


@asynccontextmanager
async def connect_admin(url: str) -> AsyncIterator[BackendAdmin]:
    """Give a root's connection to a database."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        yield BackendAdmin(connection)
