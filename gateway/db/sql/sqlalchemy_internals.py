"""The part of SQLAlchemy that is not documented, used here only: its adapter of columns.

A new version of SQLAlchemy may change it, so pyproject.toml has an upper bound, and
tests/test_library_internals.py names what is gone.
"""

from typing import Any

from sqlalchemy import ColumnElement, FromClause
from sqlalchemy.sql.util import ClauseAdapter


def replace_table(expression: ColumnElement[Any], table: FromClause) -> ColumnElement[Any]:
    """Return a copy of an expression with the columns of `table`, such as those of an alias."""
    return ClauseAdapter(table).traverse(expression)
