"""Changing the marketplace: one transaction at a time, in which rows are read by the usual doors.

What is written has the form of what is read: what the API prints as text is
given as text.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import msgspec
import psycopg
from psycopg import AsyncConnection, AsyncRawCursor, errors
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout
from sqlalchemy import (
    ARRAY,
    Boolean,
    Column,
    ColumnElement,
    Integer,
    Numeric,
    String,
    Table,
    any_,
    bindparam,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB

from gateway.db.driver.connection_options import ConnectionOptions
from gateway.db.driver.database import Rows, StatementRequest
from gateway.db.driver.encoding import encode_text
from gateway.db.driver.errors import UnavailableError, map_error
from gateway.db.driver.statement import DIALECT

T = TypeVar("T")
MAX_TRANSACTION_ATTEMPTS = 3
"""How often a transaction is tried when others are in its way."""
MAX_CONNECTIONS, CONNECTION_WAIT_SECONDS, MAX_IDLE_SECONDS = 4, 5, 60
"""Connections that write, at most; seconds to wait for one, and that an idle one is kept."""
_SERIALIZATION_ERRORS = (errors.DeadlockDetected, errors.SerializationFailure)


class Transaction:
    """One transaction."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        """Write on a connection that has begun a transaction."""
        self._cursor = AsyncRawCursor(connection)
        self.is_finished = False
        """Whether the transaction is over: the connection is then another's."""

    async def fetch_rows(self, requests: Sequence[StatementRequest]) -> list[Rows]:
        """Run `asks` one after the other and give the rows of each."""
        return [
            await self._execute_sql(statement.sql, parameters) for statement, parameters in requests
        ]

    async def execute_statement(self, statement: Any) -> Rows:
        """Give the rows of a select, or those that another statement returns."""
        compiled = statement.compile(dialect=DIALECT)
        parameters = [encode_text(compiled.params[name]) for name in compiled.positiontup or ()]
        return await self._execute_sql(str(compiled), parameters)

    async def select_rows(
        self, table: Table[Any], columns: Sequence[Column[Any]], criteria: Mapping[str, Any]
    ) -> Rows:
        """Give columns of the rows that hold what is given: a value, null, or one of a list."""
        conditions = [_build_condition(table.c[name], value) for name, value in criteria.items()]
        statement = select(*columns).where(*conditions).order_by(*table.primary_key)
        return await self.execute_statement(statement)

    async def lock_rows(self, table: Table[Any], *ids: int) -> bool:
        """Have nobody else change rows before this transaction ends; say whether all are there."""
        (key,) = table.primary_key
        key_array = bindparam(None, [*ids], ARRAY(Integer))
        statement = select(key).where(key == any_(key_array)).order_by(key).with_for_update()
        return len(await self.execute_statement(statement)) == len(set(ids))

    async def insert_row(self, table: Table[Any], **values: Any) -> int:
        """Add a row and give its key; what is not given is null or, where it can't be, empty."""
        (key,) = table.primary_key
        defaults = {
            column.name: column_default(column) for column in table.c if not column.nullable
        }
        del defaults[key.name]
        encoded_values = _encode_values(table, {**defaults, **values})
        ((new_key,),) = await self.execute_statement(
            insert(table).values(encoded_values).returning(key)
        )
        return int(new_key)

    async def update_rows(self, table: Table[Any], id_: int | list[int], **values: Any) -> None:
        """Change columns of a row, or of several at once."""
        (key,) = table.primary_key
        await self.execute_statement(
            update(table).where(_build_condition(key, id_)).values(_encode_values(table, values))
        )

    async def delete_row(self, table: Table[Any], id_: int) -> None:
        """Remove a row."""
        (key,) = table.primary_key
        await self.execute_statement(delete(table).where(key == id_))

    async def _execute_sql(self, sql: str, parameters: Sequence[str | None]) -> Rows:
        if self.is_finished:
            raise UnavailableError("The transaction is over.")
        await self._cursor.execute(sql.encode(), parameters)
        return await self._cursor.fetchall() if self._cursor.description else []


class TransactionPool:
    """The connections that write."""

    def __init__(self, url: str, *, statement_seconds: float, pooler: bool = False) -> None:
        """Connect to `url` when there is something to write."""
        options = ConnectionOptions(url, statement_seconds, pooler=pooler, allow_writes=True)
        self._preamble = options.batch_preamble
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
        """Be ready to connect."""
        await self._pool.open()

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.close()

    async def run_transaction(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Do `work` in a transaction, all of it or nothing, and give what it gives.

        What it raises is raised, and undoes all. UnavailableError if the
        database can't be reached, or was lost before it said that all is done;
        TimedOutError if a statement takes too long. If transactions cross, the
        work is done anew.
        """
        for attempt in range(1, MAX_TRANSACTION_ATTEMPTS + 1):
            try:
                async with self._begin_transaction() as transaction:
                    return await work(transaction)
            except _SERIALIZATION_ERRORS as error:
                if attempt == MAX_TRANSACTION_ATTEMPTS:
                    raise UnavailableError(str(error)) from error
            except (PoolTimeout, PoolClosed) as error:
                raise UnavailableError(str(error)) from error
            except psycopg.Error as error:
                raise map_error(error) from error
        raise AssertionError

    @asynccontextmanager
    async def _begin_transaction(self) -> AsyncIterator[Transaction]:
        async with self._pool.connection() as connection, connection.transaction():
            if self._preamble is not None:
                await connection.execute(self._preamble)
            transaction = Transaction(connection)
            try:
                yield transaction
            finally:
                transaction.is_finished = True


def _build_condition(column: Column[Any], value: Any) -> ColumnElement[bool]:
    if isinstance(value, list):
        return column == any_(bindparam(None, value, ARRAY(column.type)))
    return column.is_(None) if value is None else column == value


def _encode_values(table: Table[Any], values: dict[str, Any]) -> dict[str, Any]:
    """Write values as the columns of a table take them."""
    return {
        name: _encode_json(value) if isinstance(table.c[name].type, JSONB) else value
        for name, value in values.items()
    }


def _encode_json(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else msgspec.json.encode(value).decode()


_EMPTY_VALUES = ((String, ""), (Boolean, False), (JSONB, "{}"), (Integer, 0), (Numeric, 0))


def column_default(column: Column[Any]) -> Any:
    """Give what a new row holds where nothing is given: null or, where it can't be, empty."""
    if column.nullable or column.primary_key:
        return None
    return next(
        (
            empty_value
            for type_class, empty_value in _EMPTY_VALUES
            if isinstance(column.type, type_class)
        ),
        None,
    )
