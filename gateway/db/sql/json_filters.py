"""Conditions on what a JSON column holds under its keys."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Column, ColumnElement, Text, bindparam, case, false, func, not_, select
from sqlalchemy import column as part
from sqlalchemy.dialects.postgresql import JSONB

from gateway.db.driver.encoding import inline_literal
from gateway.db.sql.filters import ColumnPredicate, matches_flag

_ValuePredicate = Callable[[ColumnElement[Any], ColumnElement[Any]], ColumnElement[bool]]
"""Says whether what a key holds meets what is wanted of it."""


def compare_json_text(key: str, predicate: ColumnPredicate) -> ColumnPredicate:
    """Compare the text under `key` of a column."""
    return lambda column, parameter: predicate(_json_text(column, key), parameter)


def has_json_key(key: str) -> ColumnPredicate:
    """Hold where a column has `key`, or where it has not, as the parameter says."""
    return lambda column, parameter: matches_flag(
        column.op("->")(inline_literal(key)).is_not(None), parameter
    )


def is_json_true(key: str) -> ColumnPredicate:
    """Hold where a column has a true under `key`, or where it has not, as the parameter says."""
    return lambda column, parameter: matches_flag(
        _json_text(column, key) == inline_literal("true"), parameter
    )


def _json_text(column: ColumnElement[Any], key: str) -> Any:
    return column.op("->>", return_type=Text())(inline_literal(key))


def json_equals_all(column: Column[Any], parameter: str) -> ColumnElement[bool]:
    """Hold where `column` has all that is wanted: a value, or for a list one of its values."""
    return _all_keys_meet(
        column, parameter, lambda stored_value, filter_value: stored_value == filter_value
    )


def json_contains_all(column: Column[Any], parameter: str) -> ColumnElement[bool]:
    """Hold as `all_of`, also where a value of the list is only one of what `column` has."""
    return _all_keys_meet(
        column, parameter, lambda stored_value, filter_value: stored_value.contains(filter_value)
    )


def _all_keys_meet(
    column: Column[Any], parameter: str, predicate: _ValuePredicate
) -> ColumnElement[bool]:
    """Hold where no key of the wanted object is missed; the parameter is JSON."""
    filter_object = func.jsonb_each(bindparam(parameter, type_=JSONB))
    filter_entries = filter_object.table_valued(
        part("key", Text), part("value", JSONB), name="wanted"
    )
    filter_entries = filter_entries.render_derived()
    key, filter_value = filter_entries.c.key, filter_entries.c.value
    list_items = func.jsonb_array_elements(filter_value).table_valued(
        part("one", JSONB), name="listed"
    )
    list_items = list_items.render_derived()
    stored_value = column.op("->", return_type=JSONB())(key)
    matching_items = (
        select(inline_literal(1))
        .select_from(list_items)
        .where(predicate(stored_value, list_items.c.one))
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
