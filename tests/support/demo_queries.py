"""Questions to a marketplace, in SQL."""

from typing import Any

import psycopg


def every(connection: psycopg.Connection, statement: str, *values: Any) -> set[Any]:
    """Give the first column of what a statement finds."""
    return {row[0] for row in connection.execute(statement.encode(), values or None)}


def count(connection: psycopg.Connection, source: str) -> int:
    """Count the rows of a table, or of what follows it in a `from` clause."""
    (found,) = every(connection, f"select count(*) from {source}")
    return int(found)
