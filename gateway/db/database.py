"""The database: runs statements, a batch at a time. Values that the API prints as text stay so."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any, TypeVar

import psycopg
from psycopg import AsyncConnection, AsyncRawCursor, errors
from psycopg.conninfo import conninfo_to_dict
from psycopg.types.string import TextLoader
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from gateway.db.statement import Statement

T = TypeVar("T")
Rows = list[tuple[Any, ...]]
Ask = tuple[Statement, tuple[str | None, ...]]
"""A statement and its parameters."""

AS_TEXT = ("uuid", "numeric", "jsonb", "json", "timestamptz", "date", "cidr")
WAIT = 2
"""Seconds to wait for a connection, and for a sign of life on one."""
PATIENCE = 3
"""Seconds without any answer after which the database counts as gone."""


class UnavailableError(Exception):
    """The database can't be reached at present."""


class TimedOutError(Exception):
    """A statement took too long."""


class Database:
    """A pool of connections that only read; a batch is a pipeline on one of them."""

    def __init__(self, pool: AsyncConnectionPool[Any], statement_seconds: float) -> None:
        self._pool, self._seconds = pool, statement_seconds
        self._answered = 0.0

    @classmethod
    async def at(cls, url: str, *, size: int = 8, statement_seconds: float = 10) -> "Database":
        """Open a pool of `size` connections to `url`, in the background."""
        settings = {
            "autocommit": True,
            "prepare_threshold": 0,
            "cursor_factory": AsyncRawCursor,
            "options": _options(url, statement_seconds),
            "connect_timeout": WAIT,
            "tcp_user_timeout": WAIT * 1000,
            "keepalives_idle": 60,
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
        return cls(pool, statement_seconds)

    async def run(self, asks: Sequence[Ask]) -> list[Rows]:
        """Run `asks` together and give the rows of each; once more if the connection was lost.

        UnavailableError if there is no connection to be had, TimedOutError if a
        statement takes too long.
        """
        try:
            return await self._twice(asks)
        except (errors.QueryCanceled, TimeoutError) as error:
            raise TimedOutError(str(error)) from error
        except psycopg.OperationalError as error:
            raise UnavailableError(str(error)) from error

    async def _twice(self, asks: Sequence[Ask]) -> list[Rows]:
        try:
            return await self._run(asks)
        except psycopg.OperationalError as error:
            if isinstance(error, (PoolTimeout, errors.QueryCanceled, errors.ProgramLimitExceeded)):
                raise
        # What broke one connection may have broken all: the second try is to get a new one.
        await self._pool.drain()
        return await self._run(asks)

    async def _run(self, asks: Sequence[Ask]) -> list[Rows]:
        """Run `asks` on one connection; a server that says nothing any more is not waited for."""
        async with asyncio.timeout(WAIT + self._seconds * len(asks)), self._connection() as open_:
            if len(asks) == 1:
                ((statement, parameters),) = asks
                return [await (await open_.execute(statement.sql, parameters)).fetchall()]
            async with open_.pipeline():
                cursors = [await open_.execute(each.sql, given) for each, given in asks]
                return [await cursor.fetchall() for cursor in cursors]

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection[Any]]:
        """Lend a connection, and note that the database answers on it."""
        lent = await self._free()
        try:
            yield lent
            self._answered = monotonic()
        finally:
            await self._pool.putconn(lent)

    async def _free(self) -> AsyncConnection[Any]:
        """Wait for a connection as long as the database answers others."""
        while True:
            try:
                free: AsyncConnection[Any] = await self._pool.getconn()
            except PoolTimeout:
                if monotonic() - self._answered > WAIT:
                    raise
            else:
                return free

    async def soon(self, answer: Awaitable[T]) -> T:
        """Wait for an answer as long as others get theirs; UnavailableError if it does not come."""
        coming, began = asyncio.ensure_future(answer), monotonic()
        while not coming.done():
            await asyncio.wait({coming}, timeout=0.5)
            if not coming.done() and monotonic() - max(began, self._answered) > PATIENCE:
                coming.add_done_callback(_overheard)
                raise UnavailableError("The database does not answer.")
        return coming.result()

    async def ready(self) -> None:
        """Return if the marketplace can be read; UnavailableError if it can't."""
        try:
            await self.soon(self.run([(_READY, ())]))
        except psycopg.Error as error:
            raise UnavailableError(str(error)) from error

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.close()


_READY = Statement("select from core_user limit 1", b"ready", ())


def _options(url: str, statement_seconds: float) -> str:
    """Give what a connection sets at its start, after what `url` has it set."""
    ours = {
        "jit": "off",
        "timezone": "UTC",
        "default_transaction_read_only": "on",
        "plan_cache_mode": "force_generic_plan",
        "statement_timeout": str(int(statement_seconds * 1000)),
    }
    given = str(conninfo_to_dict(url).get("options", ""))
    return " ".join([given, *(f"-c {name}={value}" for name, value in ours.items())])


def _overheard(late: "asyncio.Future[Any]") -> None:
    """Take note of what an answer that nobody waits for any more came to."""
    if not late.cancelled():
        late.exception()


async def _configure(connection: AsyncConnection[Any]) -> None:
    for name in AS_TEXT:
        connection.adapters.register_loader(name, TextLoader)
