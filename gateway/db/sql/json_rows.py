"""Rows within a row: a short list as one value, so that it needs no statement of its own."""

from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Date,
    DateTime,
    Integer,
    Numeric,
    String,
    Text,
    Uuid,
    cast,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB

from gateway.db.query_spec import At, Read, Seen

_SAME = (Integer, String, Boolean)
"""What JSON tells as it is."""
_WRITTEN = (Uuid, Numeric, JSONB, DateTime, Date)
"""What is read as PostgreSQL's text, and so is told as that."""
_MOST = 100
"""PostgreSQL's functions take no more arguments."""


def nests(read: Read, above: Read) -> bool:
    """Say whether what `read` finds can stand in a row of `above`, with the values unchanged.

    A table can't stand within itself: its rule speaks of it by its name.
    """
    return (
        read.table is not above.table
        and len(read.columns) < _MOST
        and all(isinstance(each, Seen) or _told(each) for each in read.columns)
    )


def _told(wanted: Any) -> bool:
    return isinstance(wanted, At) and isinstance(wanted.column.type, (*_SAME, *_WRITTEN))


def listed(columns: list[ColumnElement[Any]], order: list[ColumnElement[Any]]) -> Any:
    """Give the aggregate that lists rows."""
    values = [cast(each, Text) if isinstance(each.type, _WRITTEN) else each for each in columns]
    return func.json_agg(func.json_build_array(*values)).aggregate_order_by(*order)
