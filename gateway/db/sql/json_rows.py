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

from gateway.db.query_spec import ColumnRef, IsVisible, QuerySpec

_JSON_TYPES = (Integer, String, Boolean)
"""What JSON tells as it is."""
_TEXT_TYPES = (Uuid, Numeric, JSONB, DateTime, Date)
"""What is read as PostgreSQL's text, and so is told as that."""
_MAX_FUNCTION_ARGUMENTS = 100
"""PostgreSQL's functions take no more arguments."""


def can_nest_rows(query_spec: QuerySpec, parent_spec: QuerySpec) -> bool:
    """Say whether what `read` finds can stand in a row of `above`, with the values unchanged.

    A table can't stand within itself: its rule speaks of it by its name.
    """
    return (
        query_spec.table is not parent_spec.table
        and len(query_spec.columns) < _MAX_FUNCTION_ARGUMENTS
        and all(isinstance(each, IsVisible) or _is_json_safe(each) for each in query_spec.columns)
    )


def _is_json_safe(select_item: Any) -> bool:
    return isinstance(select_item, ColumnRef) and isinstance(
        select_item.column.type, (*_JSON_TYPES, *_TEXT_TYPES)
    )


def aggregate_json_rows(
    columns: list[ColumnElement[Any]], sort_columns: list[ColumnElement[Any]]
) -> Any:
    """Give the aggregate that lists rows."""
    values = [cast(each, Text) if isinstance(each.type, _TEXT_TYPES) else each for each in columns]
    return func.json_agg(func.json_build_array(*values)).aggregate_order_by(*sort_columns)
