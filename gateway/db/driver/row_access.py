"""Access to rows by shape: select, lock, insert, update and delete, in a transaction.

Values are written in the form in which they are read: the types that the API
prints as text (`TEXT_LOADED_TYPES`) are passed as text.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Boolean, Column, Integer, Numeric, String, Table
from sqlalchemy.dialects.postgresql import JSONB

from gateway.db.driver.database import Rows, StatementRequest
from gateway.db.driver.row_statements import (
    KEY_PARAMETER,
    compile_cascade,
    compile_deletion,
    compile_insertion,
    compile_locking,
    compile_selection,
    compile_update,
    get_comparison,
    get_condition_shape,
)
from gateway.db.driver.statement import Statement
from gateway.exact_json import encode_json

_LOCK_TEXT = Statement.from_named_sql(
    "select pg_advisory_xact_lock(hashtextextended(:locked_text, 0))"
)


class RowAccess(ABC):
    """Reads and writes of rows; a subclass runs the statements."""

    takes_locks = True
    """Whether rows are locked when that is asked for."""

    @abstractmethod
    async def fetch_outcomes(
        self, requests: Sequence[StatementRequest]
    ) -> Sequence[Rows | Exception]:
        """Run statements of a loader and return the rows of each, or the error it failed by."""

    @abstractmethod
    async def execute_statement(self, statement: Statement, values: Mapping[str, Any]) -> Rows:
        """Run a statement with its parameters' values and return its rows, if it returns any."""

    async def select_rows(
        self, table: Table[Any], columns: Sequence[Column[Any]], criteria: Mapping[str, Any]
    ) -> Rows:
        """Return columns of the rows that match all `criteria`, ordered by primary key.

        A criterion is a value, None for null, or a list of values.
        """
        statement = compile_selection(table, tuple(columns), get_condition_shape(criteria))
        return await self.execute_statement(statement, criteria)

    async def lock_rows(self, table: Table[Any], *ids: int) -> bool:
        """Lock rows until the transaction ends; return whether all of them exist."""
        rows = await self.execute_statement(compile_locking(table), {KEY_PARAMETER: ids})
        return len(rows) == len(set(ids))

    async def lock_shared_rows(self, table: Table[Any], *ids: int) -> bool:
        """Lock rows like `lock_rows`; the other changes of a batch may hold them, too.

        For rows from which a change only reads, or which it changes by `SharedWork`.
        """
        return await self.lock_rows(table, *ids)

    async def lock_text(self, text: str) -> None:
        """Lock a text that has to be unique until the transaction ends."""
        await self.execute_statement(_LOCK_TEXT, {"locked_text": text})

    async def insert_row(self, table: Table[Any], **values: Any) -> int:
        """Insert a row and return its key; other columns get `column_default`."""
        encoded_values = encode_insertion(table, values)
        statement = compile_insertion(table, tuple(encoded_values))
        ((new_key,),) = await self.execute_statement(statement, encoded_values)
        return int(new_key)

    async def update_rows(self, table: Table[Any], id_: int | list[int], **values: Any) -> None:
        """Update columns of one or more rows to the same values."""
        statement = compile_update(table, tuple(values), get_comparison(id_))
        await self.execute_statement(
            statement, {KEY_PARAMETER: id_, **encode_columns(table, values)}
        )

    async def delete_rows(self, table: Table[Any], id_: int | list[int]) -> None:
        """Delete one or more rows."""
        statement = compile_deletion(table, get_comparison(id_))
        await self.execute_statement(statement, {KEY_PARAMETER: id_})

    async def delete_cascade(
        self, table: Table[Any], id_: int, missing_tables: Collection[Table[Any]]
    ) -> None:
        """Delete a row and what refers to it; see `compile_cascade`."""
        for changed_table, statement in compile_cascade(table):
            if changed_table not in missing_tables:
                await self.execute_statement(statement, {KEY_PARAMETER: id_})


def encode_insertion(table: Table[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a new row: those given, and the defaults of other columns."""
    return {**_insert_defaults(table), **encode_columns(table, values)}


def encode_columns(table: Table[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values as the columns of a table accept them: JSON as text, but None as null."""
    return {
        name: _encode_json(value) if isinstance(table.c[name].type, JSONB) else value
        for name, value in values.items()
    }


def _encode_json(value: Any) -> str | None:
    return None if value is None else encode_json(value).decode()


_EMPTY_VALUES = ((String, ""), (Boolean, False), (JSONB, "{}"), (Integer, 0), (Numeric, 0))


def column_default(column: Column[Any]) -> Any:
    """Return the value of a column that an insert leaves out: None, or empty if not nullable."""
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


@cache
def _insert_defaults(table: Table[Any]) -> Mapping[str, Any]:
    """Return the values that an insert gives to columns which must not be null, but the key."""
    return {
        column.name: column_default(column)
        for column in table.c
        if not column.nullable and not column.primary_key
    }
