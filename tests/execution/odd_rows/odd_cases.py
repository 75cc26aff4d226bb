"""Odd cases: a column of a row with an odd value, for all columns that documents read."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import psycopg
from sqlalchemy import Column
from sqlalchemy.dialects import postgresql

from gateway.db.tables.columns import metadata
from tests.execution.odd_rows.odd_values import list_odd_values

MAX_CANDIDATES = 7
"""Rows of a table that get odd values in turn."""
_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


class OddCase(NamedTuple):
    """A column of a row, and the value that is stored there."""

    column: Column[Any]
    row_id: int
    value: str | None

    def __str__(self) -> str:
        return f"{self.column} of row {self.row_id} is {self.value!r:.150}"


def reads_column(sql: Iterable[str], column: Column[Any]) -> bool:
    """Return whether one of the statements mentions a column."""
    pattern = re.compile(rf'\."?{column.key}\b')
    return any(column.table.name in each and pattern.search(each) for each in sql)


class OddCases:
    """The odd cases of a database, stored and restored one after the other."""

    def __init__(
        self, connection: psycopg.Connection[Any], ids_by_table: Mapping[str, Sequence[int]]
    ) -> None:
        """Use some rows of each table; constraints on references are not checked."""
        self._connection, self._ids_by_table = connection, ids_by_table
        connection.execute("set session_replication_role = replica")

    def list_cases(self, is_read: Callable[[Column[Any]], bool]) -> Iterator[OddCase]:
        """Yield the cases of all columns that are read."""
        for table in metadata.tables.values():
            for column in table.c:
                if (
                    table.name in self._ids_by_table
                    and not (column.primary_key or column.system)
                    and is_read(column)
                ):
                    yield from self._list_column_cases(column)

    def _list_column_cases(self, column: Column[Any]) -> Iterator[OddCase]:
        """Yield a case for each odd value; every second one is in the fullest row."""
        is_empty = f"""coalesce("{column.key}"::text, '') in ('', '{{}}', '[]', 'null')"""
        rows = self._connection.execute(
            f"select id from {column.table.name} where id = any(%s)"
            f" order by {is_empty}, id limit {MAX_CANDIDATES}".encode(),
            [list(self._ids_by_table[column.table.name])],
        )
        row_ids = [id_ for (id_,) in rows]
        current_value = self.load_value(OddCase(column, row_ids[0], None))
        for index, value in enumerate(list_odd_values(column, current_value)):
            yield OddCase(column, row_ids[index % len(row_ids) * (index % 2)], value)

    def load_value(self, case: OddCase) -> str | None:
        """Return the value that the column of a case holds now."""
        statement = f'select "{case.column.key}"::text from {case.column.table.name} where id = %s'
        row = self._connection.execute(statement.encode(), [case.row_id]).fetchone()
        assert row is not None
        value: str | None = row[0]
        return value

    def store_value(self, case: OddCase) -> bool:
        """Store the value of a case; return whether the table's constraints allow it."""
        type_name = case.column.type.compile(dialect=_DIALECT)
        statement = (
            f'update {case.column.table.name} set "{case.column.key}" = %s::{type_name}'
            " where id = %s"
        )
        try:
            self._connection.execute(statement.encode(), [case.value, case.row_id])
        except psycopg.errors.IntegrityError:
            return False
        return True
