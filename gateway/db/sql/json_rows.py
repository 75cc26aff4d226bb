"""Nested rows: short lists aggregated to one JSON value of the row that they belong to.

A nested list saves a statement of its own. The JSON holds exactly the values
that the driver would return for separately selected rows: types that JSON
represents without loss stay as they are, the others are cast to text.
"""

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
"""Types that JSON represents without loss."""
_TEXT_TYPES = (Uuid, Numeric, JSONB, DateTime, Date)
"""Types that the driver returns as PostgreSQL's text, and that are cast to it here."""
_MAX_FUNCTION_ARGUMENTS = 100
"""PostgreSQL's limit of arguments of a function call."""


def can_nest_rows(query_spec: QuerySpec, parent_spec: QuerySpec) -> bool:
    """Return whether the rows of a specification can be nested without changing their values.

    A table can't be nested in itself, because its row filter refers to it by name.
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
    """Return the aggregate expression of rows as a JSON array of arrays."""
    values = [cast(each, Text) if isinstance(each.type, _TEXT_TYPES) else each for each in columns]
    return func.json_agg(func.json_build_array(*values)).aggregate_order_by(*sort_columns)
