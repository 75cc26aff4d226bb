"""Write transactions, with a connection pool of their own.

All writes of a process use it: mutations, the demo's provider, token refreshes and the
deletion of old events. So there is no connection while nothing is written.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NoReturn, TypeVar

import psycopg
from psycopg import AsyncConnection, AsyncRawCursor, errors
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout

from gateway.db.driver.connection_options import ConnectionOptions
from gateway.db.driver.database import Rows, StatementRequest
from gateway.db.driver.encoding import encode_text
from gateway.db.driver.errors import UnavailableError, map_error, map_write_error
from gateway.db.driver.row_access import RowAccess
from gateway.db.driver.statement import Statement

T = TypeVar("T")
MAX_TRANSACTION_ATTEMPTS = 3
"""Maximum number of attempts when a transaction conflicts with others."""
MAX_CONNECTIONS, CONNECTION_WAIT_SECONDS, MAX_IDLE_SECONDS = 4, 5, 120
"""Maximum number of connections; seconds to wait for one; seconds until an idle one is closed.

The last is longer than the interval of token refreshes: while tokens are used, a
connection stays.
"""
_SERIALIZATION_ERRORS = (errors.DeadlockDetected, errors.SerializationFailure)


class Transaction(RowAccess):
    """Database transaction in which rows are read and written."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        """Use a connection on which a transaction has begun."""
        self._cursor = AsyncRawCursor(connection)
        self.is_finished = False
        """Whether the transaction has ended; its connection may then be used by another one."""
        self.failure: psycopg.Error | None = None
        """The error of a statement, after which PostgreSQL rejects all further ones."""
        self._reading_task: asyncio.Task[Any] | None = None
        """A loader's task while it reads; it may be another one than that of the transaction."""

    def end_transaction(self) -> None:
        """Reject further statements, and cancel a loader's, which the rollback would wait for."""
        self.is_finished = True
        if self._reading_task is not None:
            self._reading_task.cancel()

    async def fetch_rows(self, requests: Sequence[StatementRequest]) -> list[Rows]:
        """Run statements one after the other and return the rows of each.

        Raises UnreadableTableError if the role may not read a table.
        """
        self._reading_task = asyncio.current_task()
        try:
            return [
                await self._execute_sql(statement.sql, parameters)
                for statement, parameters in requests
            ]
        except errors.InsufficientPrivilege as error:
            raise map_error(error) from error
        finally:
            self._reading_task = None

    async def fetch_outcomes(self, requests: Sequence[StatementRequest]) -> Sequence[Rows]:
        """Run statements like `fetch_rows`: an error ends the transaction, so it is raised."""
        return await self.fetch_rows(requests)

    async def execute_statement(self, statement: Statement, values: Mapping[str, Any]) -> Rows:
        """Run a statement with its parameters' values and return its rows, if it returns any."""
        parameters = [encode_text(values[name]) for name in statement.parameter_names]
        return await self._execute_sql(statement.sql, parameters)

    async def _execute_sql(self, sql: str, parameters: Sequence[str | None]) -> Rows:
        if self.is_finished:
            raise UnavailableError("The transaction has ended.")
        if self.failure is not None:
            raise self.failure
        try:
            await self._cursor.execute(sql.encode(), parameters)
        except psycopg.Error as error:
            self.failure = error
            raise
        return await self._cursor.fetchall() if self._cursor.description else []


class TransactionPool:
    """Pool of the connections for write transactions."""

    def __init__(self, url: str, *, statement_seconds: float, pooler: bool = False) -> None:
        """Configure the pool; connections are opened on demand."""
        options = ConnectionOptions(url, statement_seconds, pooler=pooler, allow_writes=True)
        self._options = options
        self._pool: AsyncConnectionPool[AsyncConnection[Any]] = AsyncConnectionPool(
            url,
            kwargs=options.connect_arguments,
            configure=options.configure_connection,
            check=AsyncConnectionPool.check_connection,
            min_size=0,
            max_size=MAX_CONNECTIONS,
            timeout=CONNECTION_WAIT_SECONDS,
            max_idle=MAX_IDLE_SECONDS,
            open=False,
        )

    async def open(self) -> None:
        """Open the pool."""
        await self._pool.open()

    async def close(self) -> None:
        """Close the pool."""
        await self._pool.close()

    async def run_transaction(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run `work` in a transaction, commit it, and return the result of `work`.

        An exception of `work` rolls the transaction back and is raised. After a
        deadlock or a serialization failure `work` is called again, at most
        `MAX_TRANSACTION_ATTEMPTS` times in total. Raises UnavailableError if the
        database can't be reached or the connection is lost before the commit is
        confirmed, UnwritableError if it refuses writes, TimedOutError if a statement
        takes too long.
        """
        cancellation_count = _count_cancellations()
        try:
            return await self._attempt_transaction(work, cancellation_count)
        finally:
            _raise_lost_cancellation(cancellation_count)

    async def _attempt_transaction(
        self, work: Callable[[Transaction], Awaitable[T]], cancellation_count: int
    ) -> T:
        for attempt in range(1, MAX_TRANSACTION_ATTEMPTS + 1):
            try:
                async with self._begin_transaction(cancellation_count) as transaction:
                    return await work(transaction)
            except _SERIALIZATION_ERRORS as error:
                if attempt == MAX_TRANSACTION_ATTEMPTS:
                    raise UnavailableError(str(error)) from error
            except (PoolTimeout, PoolClosed) as error:
                raise UnavailableError(str(error)) from error
            except psycopg.Error as error:
                _raise_mapped_error(error)
        raise AssertionError

    @asynccontextmanager
    async def _begin_transaction(self, cancellation_count: int) -> AsyncIterator[Transaction]:
        async with self._pool.connection() as connection:
            _raise_lost_cancellation(cancellation_count)
            async with connection.transaction(), self._options.begin_batch(connection):
                transaction = Transaction(connection)
                try:
                    yield transaction
                finally:
                    transaction.end_transaction()


def _raise_mapped_error(error: psycopg.Error) -> NoReturn:
    """Raise the error that callers handle; an unmapped one must not be its own cause."""
    mapped_error = map_write_error(error)
    if mapped_error is error:
        raise error
    raise mapped_error from error


def _count_cancellations() -> int:
    task = asyncio.current_task()
    assert task is not None
    return task.cancelling()


def _raise_lost_cancellation(earlier_count: int) -> None:
    """Raise CancelledError if the task was cancelled after `earlier_count` was taken.

    `asyncio.wait_for`, by which psycopg waits, loses a cancellation that comes together
    with the awaited result in Python 3.11.
    """
    if _count_cancellations() > earlier_count:
        raise asyncio.CancelledError
