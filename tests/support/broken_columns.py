"""Columns of a database that can't be read, for tests of internal errors."""

from typing import Any

import psycopg
from psycopg.sql import SQL, Composed, Identifier

_COLUMN_TYPES_SQL = """
select attname, format_type(atttypid, atttypmod) from pg_attribute
where attrelid = %s::regclass and attnum > 0 and not attisdropped order by attnum
"""


def break_column(connection: psycopg.Connection[Any], table: str, column: str) -> None:
    """Replace a table by a view of it: a statement that reads the column of any row fails.

    Unlike a missing column, that is an error that the gateway does not expect.
    """
    column_types = connection.execute(_COLUMN_TYPES_SQL, [table]).fetchall()
    columns = [
        _build_failing_value(name, type_name) if name == column else Identifier(name)
        for name, type_name in column_types
    ]
    former_table = Identifier(f"{table}_former")
    rename_statement = SQL("alter table {} rename to {}").format(Identifier(table), former_table)
    connection.execute(rename_statement)
    view_statement = SQL("create view {} as select {} from {}")
    connection.execute(
        view_statement.format(Identifier(table), SQL(", ").join(columns), former_table)
    )


def _build_failing_value(name: str, type_name: str) -> Composed:
    """Return an expression that fails for each row: a subquery in it returns two values."""
    return SQL(
        "cast((select {name}::text from (values (1), (2)) two_rows) as {type}) {name}"
    ).format(name=Identifier(name), type=SQL(type_name))
