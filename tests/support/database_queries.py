"""Asking a database as tests do it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import psycopg

from gateway.db.driver.database import Ask, Coming, Database
from gateway.db.driver.statement import Statement

OURS = "where application_name = 'marketplace-gateway' and datname = current_database()"


def ask(sql: str, *parameters: str | None) -> Ask:
    """Give a statement with its parameters."""
    return Statement(sql), parameters


async def value(database: Database, sql: str, *parameters: str | None) -> object:
    """Give the first value that a statement reads."""
    ((row,),) = await database.run([ask(sql, *parameters)])
    return row[0]


def sent(database: Database, *asks: Ask) -> list[Coming]:
    """Send a batch; give what its rows will settle."""
    loop = asyncio.get_running_loop()
    futures: list[Coming] = [loop.create_future() for _ in asks]
    database.send(list(zip(asks, futures, strict=True)))
    return futures


@asynccontextmanager
async def opened(url: str, **how: Any) -> AsyncIterator[Database]:
    """Give a database, and close it in the end."""
    database = await Database.at(url, **how)
    try:
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def at(url: str, *, size: int, seconds: float = 10) -> AsyncIterator[Database]:
    """Give a database whose connections are all open."""
    async with opened(url, size=size, statement_seconds=seconds) as database:
        holding = ask("select pg_backend_pid(), pg_sleep(0.05)::text")  # known as slow, once it ran
        found: set[object] = set()
        while len(found) < size:
            rows = await asyncio.gather(*[database.run([holding]) for _ in range(size)])
            found |= {row[0] for ((row,),) in rows}
        yield database


async def eventually(true: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something is true, for five seconds at most."""
    for _ in range(250):
        if await true():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("It did not come true.")


class Root:
    """A connection that looks at those of the gateway, and ends them."""

    def __init__(self, connection: psycopg.AsyncConnection) -> None:
        self.connection = connection

    async def pids(self, condition: str = "true") -> list[int]:
        """Give the backends of the gateway's connections for which `condition` holds."""
        looking = f"select pid from pg_stat_activity {OURS} and {condition} order by pid"
        found = await (await self.connection.execute(looking.encode())).fetchall()
        return [pid for (pid,) in found]

    async def idle(self) -> bool:
        """Tell whether none of them does anything."""
        return await self.pids("state = 'active'") == []

    async def end(self, pids: list[int]) -> None:
        """End backends."""
        ending = "select pg_terminate_backend(pid) from unnest(%s::int[]) pid"
        await self.connection.execute(ending, [pids])


@asynccontextmanager
async def root_at(url: str) -> AsyncIterator[Root]:
    """Give a root's connection to a database."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        yield Root(connection)
