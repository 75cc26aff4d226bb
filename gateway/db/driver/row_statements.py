"""Statements on the rows of one table, compiled once for each shape.

The shape is what decides the text: the table, the names of the columns, and the kinds of
conditions. Shapes are written in this program, never by clients, so there are few; values are
parameters, named after their column.
"""

from collections.abc import Iterator, Mapping
from enum import Enum
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    BindParameter,
    Column,
    ColumnElement,
    Delete,
    String,
    Table,
    TableValuedAlias,
    Text,
    Update,
    any_,
    bindparam,
    cast,
    delete,
    func,
    insert,
    null,
    select,
    update,
)

from gateway.db.driver.statement import Statement

MAX_CACHED_STATEMENTS = 500
"""Maximum number of statements of each kind that are cached."""
KEY_PARAMETER = "row_key"
"""Name of the parameter for primary keys, which no column has."""
_ORDINAL = "ordinality"


class Comparison(Enum):
    """How a condition compares a column."""

    EQUAL = "equal"
    """With a value."""
    AMONG = "among"
    """With the elements of an array."""
    NULL = "null"
    """With null; there is no parameter."""


ConditionShape = tuple[tuple[str, Comparison], ...]
"""Names of columns, each with its comparison."""


def get_comparison(value: Any) -> Comparison:
    """Return the comparison with a value, a list of values, or None for null."""
    if isinstance(value, list):
        return Comparison.AMONG
    return Comparison.NULL if value is None else Comparison.EQUAL


def get_condition_shape(criteria: Mapping[str, Any]) -> ConditionShape:
    """Return the shape of conditions on columns, which are given by name with their values."""
    return tuple([(name, get_comparison(value)) for name, value in criteria.items()])


@lru_cache(MAX_CACHED_STATEMENTS)
def compile_selection(
    table: Table[Any], columns: tuple[Column[Any], ...], condition_shape: ConditionShape
) -> Statement:
    """Return the SELECT of columns of the rows that meet all conditions, by primary key."""
    conditions = [
        _build_condition(table.c[name], comparison, name) for name, comparison in condition_shape
    ]
    return Statement.from_element(select(*columns).where(*conditions).order_by(*table.primary_key))


@lru_cache(MAX_CACHED_STATEMENTS)
def compile_locking(table: Table[Any]) -> Statement:
    """Return the SELECT … FOR UPDATE of the rows whose keys are in an array."""
    (key,) = table.primary_key
    condition = _build_condition(key, Comparison.AMONG, KEY_PARAMETER)
    return Statement.from_element(select(key).where(condition).order_by(key).with_for_update())


@lru_cache(MAX_CACHED_STATEMENTS)
def compile_insertion(table: Table[Any], names: tuple[str, ...]) -> Statement:
    """Return the INSERT of one row with these columns, which returns its key."""
    (key,) = table.primary_key
    return Statement.from_element(insert(table).values(_bind_columns(table, names)).returning(key))


@lru_cache(MAX_CACHED_STATEMENTS)
def compile_insertion_of_many(table: Table[Any], names: tuple[str, ...]) -> Statement:
    """Return the INSERT of rows, which returns their keys; each parameter is an array of texts.

    The rows get their keys in the order of the arrays.
    """
    (key,) = table.primary_key
    arrays = _unnest_arrays(*names)
    rows = select(*_cast_columns(table, arrays, names).values()).order_by(arrays.c[_ORDINAL])
    return Statement.from_element(insert(table).from_select(names, rows).returning(key))


@lru_cache(MAX_CACHED_STATEMENTS)
def compile_update(table: Table[Any], names: tuple[str, ...], comparison: Comparison) -> Statement:
    """Return the UPDATE of these columns in the rows whose key meets a condition."""
    (key,) = table.primary_key
    condition = _build_condition(key, comparison, KEY_PARAMETER)
    return Statement.from_element(
        update(table).where(condition).values(_bind_columns(table, names))
    )


@lru_cache(MAX_CACHED_STATEMENTS)
def compile_update_of_many(table: Table[Any], names: tuple[str, ...]) -> Statement:
    """Return the UPDATE of rows to values of their own; each parameter is an array of texts."""
    (key,) = table.primary_key
    arrays = _unnest_arrays(KEY_PARAMETER, *names)
    return Statement.from_element(
        update(table)
        .where(key == cast(arrays.c[KEY_PARAMETER], key.type))
        .values(_cast_columns(table, arrays, names))
    )


@lru_cache(MAX_CACHED_STATEMENTS)
def compile_deletion(table: Table[Any], comparison: Comparison) -> Statement:
    """Return the DELETE of the rows whose key meets a condition."""
    (key,) = table.primary_key
    condition = _build_condition(key, comparison, KEY_PARAMETER)
    return Statement.from_element(delete(table).where(condition))


@lru_cache(MAX_CACHED_STATEMENTS)
def compile_cascade(table: Table[Any]) -> tuple[tuple[Table[Any], Statement], ...]:
    """Return the statements that delete the row with a key and what refers to it, by table.

    Referring rows are deleted, too, if their foreign key may not be null or is declared with
    `cascade`; else it becomes null.
    """
    (key,) = table.primary_key
    condition = _build_condition(key, Comparison.EQUAL, KEY_PARAMETER)
    return tuple(
        (changed_table, Statement.from_element(element))
        for changed_table, element in _iterate_cascade(table, condition)
    )


def _iterate_cascade(
    table: Table[Any], condition: ColumnElement[bool]
) -> Iterator[tuple[Table[Any], Update | Delete]]:
    (key,) = table.primary_key
    keys = select(key).where(condition)
    for referring_table in reversed(table.metadata.sorted_tables):
        for column in referring_table.c:
            if not column.references(key):
                continue
            is_referring = column.in_(keys)
            if column.nullable and not column.info.get("cascade"):
                cleared = update(referring_table).where(is_referring).values({column.name: null()})
                yield referring_table, cleared
            else:
                yield from _iterate_cascade(referring_table, is_referring)
    yield table, delete(table).where(condition)


def _build_condition(
    column: Column[Any], comparison: Comparison, parameter: str
) -> ColumnElement[bool]:
    if comparison is Comparison.NULL:
        return column.is_(None)
    if comparison is Comparison.AMONG:
        return column == any_(bindparam(parameter, type_=ARRAY(column.type)))
    return column == bindparam(parameter, type_=column.type)


def _bind_columns(table: Table[Any], names: tuple[str, ...]) -> dict[str, BindParameter[Any]]:
    return {name: bindparam(name, type_=table.c[name].type) for name in names}


def _unnest_arrays(*names: str) -> TableValuedAlias:
    """Return arrays of texts, which are parameters, as the columns of a table."""
    parameters = [bindparam(name, type_=ARRAY(Text)) for name in names]
    arrays = func.unnest(*parameters).table_valued(*names, with_ordinality=_ORDINAL, name="arrays")
    return arrays.render_derived()


def _cast_columns(
    table: Table[Any], arrays: TableValuedAlias, names: tuple[str, ...]
) -> dict[str, ColumnElement[Any]]:
    """Return texts as values of a table's columns.

    Texts stay texts: a cast would cut them to the length of the column, where the assignment
    raises an error.
    """
    return {
        name: arrays.c[name]
        if isinstance(table.c[name].type, String)
        else cast(arrays.c[name], table.c[name].type)
        for name in names
    }
