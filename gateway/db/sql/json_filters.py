"""Predicates on the keys and values of JSON columns."""

import operator
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Text,
    bindparam,
    case,
    column as sql_column,
    false,
    func,
    not_,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB

from gateway.db.driver.encoding import inline_literal
from gateway.db.query_spec import BoundFunction
from gateway.db.sql.filters import ColumnPredicate, matches_flag

MAX_CACHED_CONDITIONS = 200
"""Conditions that are kept: two columns with the parameters of the longest filter."""
_ValuePredicate = Callable[[ColumnElement[Any], ColumnElement[Any]], ColumnElement[bool]]
"""Compares a stored value with the filter's value of the same key."""


def compare_json_text(key: str, predicate: ColumnPredicate) -> ColumnPredicate:
    """Apply `predicate` to the text value of `key` in a JSON column."""
    return BoundFunction(_compare_text, key, predicate)


def _compare_text(
    column: Column[Any], parameter: str, key: str, predicate: ColumnPredicate
) -> ColumnElement[bool]:
    return predicate(get_json_text(column, key), parameter)


def equals_json_text(key: str) -> ColumnPredicate:
    """Match rows whose JSON column has a string for `key`, and this text in it."""
    return BoundFunction(_equals_json_text, key)


def _equals_json_text(column: Column[Any], parameter: str, key: str) -> ColumnElement[bool]:
    stored_value = column.op("->", return_type=JSONB())(inline_literal(key))
    is_equal: ColumnElement[bool] = stored_value == func.to_jsonb(bindparam(parameter, type_=Text))
    return is_equal


def has_json_key(key: str) -> ColumnPredicate:
    """Match rows whose JSON column has `key` (parameter true) or lacks it (false)."""
    return BoundFunction(_has_key, key)


def _has_key(column: Column[Any], parameter: str, key: str) -> ColumnElement[bool]:
    return matches_flag(column.op("->")(inline_literal(key)).is_not(None), parameter)


def is_json_true(key: str) -> ColumnPredicate:
    """Match rows whose JSON column has the value true for `key`, or not, as the parameter says."""
    return BoundFunction(_is_true, key)


def _is_true(column: Column[Any], parameter: str, key: str) -> ColumnElement[bool]:
    return matches_flag(get_json_text(column, key) == inline_literal("true"), parameter)


def get_json_text(column: ColumnElement[Any], key: str) -> Any:
    """Return the value of `key` in a JSON column as text."""
    return column.op("->>", return_type=Text())(inline_literal(key))


def json_equals_all(column: Column[Any], parameter: str) -> ColumnElement[bool]:
    """Match rows whose JSON column has all keys of the filter object with equal values.

    A list in the filter matches if the stored value equals one of its items.
    """
    return _all_keys_meet(column, parameter, operator.eq)


def json_contains_all(column: Column[Any], parameter: str) -> ColumnElement[bool]:
    """Match rows as `json_equals_all`, but compare list items by containment.

    A list in the filter matches if the stored value contains one of its items.
    """
    return _all_keys_meet(column, parameter, _contains_value)


def _contains_value(
    stored_value: ColumnElement[Any], filter_value: ColumnElement[Any]
) -> ColumnElement[bool]:
    return stored_value.contains(filter_value)


@lru_cache(MAX_CACHED_CONDITIONS)
def _all_keys_meet(
    column: Column[Any], parameter: str, predicate: _ValuePredicate
) -> ColumnElement[bool]:
    """Match rows where no entry of the filter object is unmet; the parameter is a JSON object.

    The conditions are built as `not exists (select … from jsonb_each(:parameter)
    where not met)`, so the statement does not depend on the filter's keys.
    """
    filter_object = func.jsonb_each(bindparam(parameter, type_=JSONB))
    filter_entries = filter_object.table_valued(
        sql_column("key", Text), sql_column("value", JSONB), name="filter_entries"
    ).render_derived()
    key, filter_value = filter_entries.c.key, filter_entries.c.value
    list_items = (
        func.jsonb_array_elements(filter_value)
        .table_valued(sql_column("item", JSONB), name="list_items")
        .render_derived()
    )
    stored_value = column.op("->", return_type=JSONB())(key)
    matching_items = (
        select(inline_literal(1))
        .select_from(list_items)
        .where(predicate(stored_value, list_items.c.item))
    )
    is_met = case(
        (
            func.jsonb_typeof(filter_value) == inline_literal("array"),
            matching_items.correlate(column.table, filter_entries).exists(),
        ),
        else_=column.contains(func.jsonb_build_object(key, filter_value, type_=JSONB)),
    )
    unmet_entries = (
        select(inline_literal(1))
        .select_from(filter_entries)
        .where(not_(func.coalesce(is_met, false())))
    )
    return not_(unmet_entries.correlate(column.table).exists())
