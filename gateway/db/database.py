"""The database: runs statements, a batch at a time. Values that the API prints as text stay text."""

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import AsyncConnection, AsyncRawCursor, errors
from psycopg.types.string import TextLoader
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from gateway.db.statement import Statement

Rows = list[tuple[Any, ...]]
Ask = tuple[Statement, tuple[str | None, ...]]
"""A statement and its parameters."""

AS_TEXT = ("uuid", "numeric", "jsonb", "json", "timestamptz", "date", "cidr")
WAIT = 2
"""Seconds to wait for a connection."""


class UnavailableError(Exception):
    """The database can't be reached at present."""


class TimedOutError(Exception):
    """A statement took too long."""


class Database:
    """A pool of connections that only read; a batch is a pipeline on one of them."""

    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool

    @classmethod
    async def at(cls, url: str, *, size: int = 8, statement_seconds: float = 10) -> "Database":
        """Open a pool of `size` connections to `url`, in the background."""
        milliseconds = int(statement_seconds * 1000)
        options = (
            f"-c jit=off -c timezone=UTC -c default_transaction_read_only=on"
            f" -c plan_cache_mode=force_generic_plan -c statement_timeout={milliseconds}"
        )
        settings = {
            "autocommit": True,
            "prepare_threshold": 0,
            "cursor_factory": AsyncRawCursor,
            "options": options,
            "connect_timeout": WAIT,
            "application_name": "marketplace-gateway",
        }
        pool = AsyncConnectionPool(
            url,
            min_size=1,
            max_size=size,
            kwargs=settings,
            configure=_configure,
            timeout=WAIT,
            reconnect_timeout=WAIT,
            open=False,
        )
        await pool.open()
        return cls(pool)

    async def run(self, asks: Sequence[Ask]) -> list[Rows]:
        """Run `asks` together and give the rows of each; once more if the connection was lost.

        UnavailableError if there is no connection to be had, TimedOutError if a
        statement takes too long.
        """
        try:
            try:
                return await self._run(asks)
            except psycopg.OperationalError as error:
                if isinstance(error, (PoolTimeout, errors.QueryCanceled)):
                    raise
                await self._pool.check()
                return await self._run(asks)
        except errors.QueryCanceled as error:
            raise TimedOutError(str(error)) from error
        except psycopg.OperationalError as error:
            raise UnavailableError(str(error)) from error

    async def _run(self, asks: Sequence[Ask]) -> list[Rows]:
        async with self._pool.connection() as connection:
            if len(asks) == 1:
                ((statement, parameters),) = asks
                return [await (await connection.execute(statement.sql, parameters)).fetchall()]
            async with connection.pipeline():
                cursors = [await connection.execute(each.sql, given) for each, given in asks]
                return [await cursor.fetchall() for cursor in cursors]

    async def ready(self) -> None:
        """Return if the database answers; UnavailableError if it does not."""
        await self.run([(_ONE, ())])

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.close()


_ONE = Statement("select 1", b"one", ())


async def _configure(connection: AsyncConnection[Any]) -> None:
    for name in AS_TEXT:
        connection.adapters.register_loader(name, TextLoader)
