"""Conditions on what a JSON column holds under its keys."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Column, ColumnElement, Text, bindparam, case, false, func, not_, select
from sqlalchemy import column as part
from sqlalchemy.dialects.postgresql import JSONB

from gateway.db.driver.encoding import constant
from gateway.db.sql.filters import Compare, as_said

Meets = Callable[[ColumnElement[Any], ColumnElement[Any]], ColumnElement[bool]]
"""Says whether what a key holds meets what is wanted of it."""


def inner(key: str, compare: Compare) -> Compare:
    """Compare the text under `key` of a column."""
    return lambda column, name: compare(_told(column, key), name)


def has(key: str) -> Compare:
    """Hold where a column has `key`, or where it has not, as the parameter says."""
    return lambda column, name: as_said(column.op("->")(constant(key)).is_not(None), name)


def is_true(key: str) -> Compare:
    """Hold where a column has a true under `key`, or where it has not, as the parameter says."""
    return lambda column, name: as_said(_told(column, key) == constant("true"), name)


def _told(column: ColumnElement[Any], key: str) -> Any:
    return column.op("->>", return_type=Text())(constant(key))


def all_of(column: Column[Any], name: str) -> ColumnElement[bool]:
    """Hold where `column` has all that is wanted: a value, or for a list one of its values."""
    return _each_meets(column, name, lambda held, wanted: held == wanted)


def all_in(column: Column[Any], name: str) -> ColumnElement[bool]:
    """Hold as `all_of`, also where a value of the list is only one of what `column` has."""
    return _each_meets(column, name, lambda held, wanted: held.contains(wanted))


def _each_meets(column: Column[Any], name: str, meets: Meets) -> ColumnElement[bool]:
    """Hold where no key of the wanted object is missed; the parameter is JSON."""
    given = func.jsonb_each(bindparam(name, type_=JSONB))
    wanted = given.table_valued(part("key", Text), part("value", JSONB), name="wanted")
    wanted = wanted.render_derived()
    key, value = wanted.c.key, wanted.c.value
    listed = func.jsonb_array_elements(value).table_valued(part("one", JSONB), name="listed")
    listed = listed.render_derived()
    held = column.op("->", return_type=JSONB())(key)
    among = select(constant(1)).select_from(listed).where(meets(held, listed.c.one))
    met = case(
        (
            func.jsonb_typeof(value) == constant("array"),
            among.correlate(column.table, wanted).exists(),
        ),
        else_=column.contains(func.jsonb_build_object(key, value, type_=JSONB)),
    )
    missed = select(constant(1)).select_from(wanted).where(not_(func.coalesce(met, false())))
    return not_(missed.correlate(column.table).exists())
