"""SQL queries about a marketplace, for the tests of the demo's data."""

from typing import Any

import psycopg


def fetch_values(connection: psycopg.Connection, statement: str, *parameters: Any) -> set[Any]:
    """Return the values in the first column of a statement's rows."""
    return {row[0] for row in connection.execute(statement.encode(), parameters or None)}


def count_rows(connection: psycopg.Connection, source: str) -> int:
    """Return the number of rows of a `from` clause, such as `core_user where is_staff`."""
    (row_count,) = fetch_values(connection, f"select count(*) from {source}")
    return int(row_count)
