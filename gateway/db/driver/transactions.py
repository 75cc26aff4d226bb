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

from gateway.db.driver.connection_options import Session
from gateway.db.driver.database import Ask, Rows
from gateway.db.driver.encoding import text
from gateway.db.driver.errors import UnavailableError, meant
from gateway.db.driver.statement import DIALECT

T = TypeVar("T")
ATTEMPTS = 3
"""How often a transaction is tried when others are in its way."""
CONNECTIONS, WAIT, IDLE = 4, 5, 60
"""Connections that write, at most; seconds to wait for one, and that an idle one is kept."""
_CROSSED = (errors.DeadlockDetected, errors.SerializationFailure)


class Writer:
    """One transaction."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        """Write on a connection that has begun a transaction."""
        self._cursor = AsyncRawCursor(connection)
        self.ended = False
        """Whether the transaction is over: the connection is then another's."""

    async def run(self, asks: Sequence[Ask]) -> list[Rows]:
        """Run `asks` one after the other and give the rows of each."""
        return [await self._rows(statement.sql, parameters) for statement, parameters in asks]

    async def find(self, chosen: Any) -> Rows:
        """Give the rows of a select, or those that another statement returns."""
        compiled = chosen.compile(dialect=DIALECT)
        given = [text(compiled.params[name]) for name in compiled.positiontup or ()]
        return await self._rows(str(compiled), given)

    async def rows(
        self, table: Table[Any], columns: Sequence[Column[Any]], given: Mapping[str, Any]
    ) -> Rows:
        """Give columns of the rows that hold what is given: a value, null, or one of a list."""
        conditions = [_holds(table.c[name], value) for name, value in given.items()]
        chosen = select(*columns).where(*conditions).order_by(*table.primary_key)
        return await self.find(chosen)

    async def lock(self, table: Table[Any], *ids: int) -> bool:
        """Have nobody else change rows before this transaction ends; say whether all are there."""
        (key,) = table.primary_key
        wanted = bindparam(None, [*ids], ARRAY(Integer))
        chosen = select(key).where(key == any_(wanted)).order_by(key).with_for_update()
        return len(await self.find(chosen)) == len(set(ids))

    async def insert(self, table: Table[Any], **values: Any) -> int:
        """Add a row and give its key; what is not given is null or, where it can't be, empty."""
        (key,) = table.primary_key
        usual = {each.name: blank(each) for each in table.c if not each.nullable}
        del usual[key.name]
        whole = _written(table, {**usual, **values})
        ((made,),) = await self.find(insert(table).values(whole).returning(key))
        return int(made)

    async def update(self, table: Table[Any], id_: int | list[int], **values: Any) -> None:
        """Change columns of a row, or of several at once."""
        (key,) = table.primary_key
        await self.find(update(table).where(_holds(key, id_)).values(_written(table, values)))

    async def delete(self, table: Table[Any], id_: int) -> None:
        """Remove a row."""
        (key,) = table.primary_key
        await self.find(delete(table).where(key == id_))

    async def _rows(self, sql: str, parameters: Sequence[str | None]) -> Rows:
        if self.ended:
            raise UnavailableError("The transaction is over.")
        await self._cursor.execute(sql.encode(), parameters)
        return await self._cursor.fetchall() if self._cursor.description else []


class Writing:
    """The connections that write."""

    def __init__(self, url: str, *, statement_seconds: float, pooler: bool = False) -> None:
        """Connect to `url` when there is something to write."""
        session = Session(url, statement_seconds, pooler=pooler, writes=True)
        self._first = session.first
        self._pool: AsyncConnectionPool[AsyncConnection[Any]] = AsyncConnectionPool(
            url,
            kwargs=session.given,
            configure=session.prepare,
            check=AsyncConnectionPool.check_connection,
            min_size=0,
            max_size=CONNECTIONS,
            timeout=WAIT,
            max_idle=IDLE,
            open=False,
        )

    async def open(self) -> None:
        """Be ready to connect."""
        await self._pool.open()

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.close()

    async def change(self, work: Callable[[Writer], Awaitable[T]]) -> T:
        """Do `work` in a transaction, all of it or nothing, and give what it gives.

        What it raises is raised, and undoes all. UnavailableError if the
        database can't be reached, or was lost before it said that all is done;
        TimedOutError if a statement takes too long. If transactions cross, the
        work is done anew.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                async with self._transaction() as writer:
                    return await work(writer)
            except _CROSSED as error:
                if attempt == ATTEMPTS:
                    raise UnavailableError(str(error)) from error
            except (PoolTimeout, PoolClosed) as error:
                raise UnavailableError(str(error)) from error
            except psycopg.Error as error:
                raise meant(error) from error
        raise AssertionError

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Writer]:
        async with self._pool.connection() as connection, connection.transaction():
            if self._first is not None:
                await connection.execute(self._first)
            writer = Writer(connection)
            try:
                yield writer
            finally:
                writer.ended = True


def _holds(column: Column[Any], value: Any) -> ColumnElement[bool]:
    if isinstance(value, list):
        return column == any_(bindparam(None, value, ARRAY(column.type)))
    return column.is_(None) if value is None else column == value


def _written(table: Table[Any], values: dict[str, Any]) -> dict[str, Any]:
    """Write values as the columns of a table take them."""
    return {
        name: _json(value) if isinstance(table.c[name].type, JSONB) else value
        for name, value in values.items()
    }


def _json(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else msgspec.json.encode(value).decode()


_EMPTIES = ((String, ""), (Boolean, False), (JSONB, "{}"), (Integer, 0), (Numeric, 0))


def blank(column: Column[Any]) -> Any:
    """Give what a new row holds where nothing is given: null or, where it can't be, empty."""
    if column.nullable or column.primary_key:
        return None
    return next((empty for kind, empty in _EMPTIES if isinstance(column.type, kind)), None)
