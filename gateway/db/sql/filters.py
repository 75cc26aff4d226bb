"""Predicates of list filters: conditions on columns of a table or of rows that it refers to.

A `ColumnPredicate` makes a condition of a column and the name of the parameter
that holds the filter's value. `filter_column` binds it to a column and gives a
`FilterPredicate`, which also takes the row filters of the viewer. Predicates and
conditions that are made of equal arguments are equal.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    ARRAY,
    Boolean,
    Column,
    ColumnElement,
    Integer,
    Text,
    any_,
    bindparam,
    false,
    func,
    or_,
    select,
    true,
)

from gateway.db.driver.encoding import inline_literal
from gateway.db.installation.placeholders import version_rule_placeholder
from gateway.db.query_spec import BoundFunction, RowFilterFactory, declare_condition

FilterPredicate = Callable[[RowFilterFactory, str], ColumnElement[bool]]
_ReferencePath = tuple[Column[Any], ...]
ColumnPredicate = Callable[[Column[Any], str], ColumnElement[bool]]
TRIGRAM_LENGTH = 3
"""Letters and digits of the texts that pg_trgm indexes."""


def equals_value(column: Column[Any], parameter: str) -> ColumnElement[bool]:
    """Match rows where `column` equals the parameter."""
    return column == bindparam(parameter, type_=column.type)


def in_values(column: Column[Any], parameter: str) -> ColumnElement[bool]:
    """Match rows where `column` is an element of the array parameter."""
    return column == any_(bindparam(parameter, type_=ARRAY(column.type)))


def contains_text(column: ColumnElement[Any], parameter: str) -> ColumnElement[bool]:
    """Match rows where `column` matches the LIKE pattern, ignoring case as Django's icontains."""
    return upper_text(column).like(_upper_parameter(parameter))


def contains_short_text(column: ColumnElement[Any], parameter: str) -> ColumnElement[bool]:
    """Match rows as `contains_text`, without an index: none is used for a condition IS TRUE."""
    return contains_text(column, parameter).is_(true())


def is_short_text(value: str) -> bool:
    """Return whether a text has too few letters and digits for an index of trigrams.

    PostgreSQL would read the whole index, and then all rows.
    """
    return sum(map(str.isalnum, value)) < TRIGRAM_LENGTH


def equals_ignoring_case(column: ColumnElement[Any], parameter: str) -> ColumnElement[bool]:
    """Match rows where `column` equals the parameter, ignoring case as Django's iexact."""
    return upper_text(column) == _upper_parameter(parameter)


def upper_text(column: ColumnElement[Any]) -> ColumnElement[str]:
    """Return the upper case of `column`, which comparisons use that ignore case.

    ILIKE compares lower cases, which is not the same: a dotless i has the upper case of `i`, but
    another lower case.
    """
    return func.upper(column, type_=Text)


def _upper_parameter(parameter: str) -> ColumnElement[str]:
    """Return the upper case of a parameter: a subselect is evaluated once, not for each row."""
    return select(func.upper(bindparam(parameter, type_=Text), type_=Text)).scalar_subquery()


def at_least(column: Column[Any], parameter: str) -> ColumnElement[bool]:
    """Match rows where `column` is greater than or equal to the parameter."""
    return column >= bindparam(parameter, type_=column.type)


def at_most(column: Column[Any], parameter: str) -> ColumnElement[bool]:
    """Match rows where `column` is less than or equal to the parameter."""
    return column <= bindparam(parameter, type_=column.type)


def has_value(column: Column[Any], parameter: str) -> ColumnElement[bool]:
    """Match rows where `column` is not null (parameter true) or is null (false)."""
    return matches_flag(column.is_not(None), parameter)


def matches_flag(condition: ColumnElement[bool], parameter: str) -> ColumnElement[bool]:
    """Match rows where `condition` equals the boolean parameter; an unknown condition is false."""
    return func.coalesce(condition, false()) == bindparam(parameter, type_=Boolean)


@declare_condition
def equals_constant(
    _row_filter: RowFilterFactory, column: Column[Any], value: str | int
) -> ColumnElement[bool]:
    """Match rows where `column` equals a constant, which is inlined."""
    return column == inline_literal(value)


@declare_condition
def in_constants(
    _row_filter: RowFilterFactory, column: Column[Any], values: tuple[str | int, ...]
) -> ColumnElement[bool]:
    """Match rows where `column` is one of some constants, which are inlined."""
    return column.in_([inline_literal(each) for each in values])


@declare_condition
def is_null(_row_filter: RowFilterFactory, column: Column[Any]) -> ColumnElement[bool]:
    """Match rows where `column` is null."""
    return column.is_(None)


@declare_condition
def equals_viewer(_row_filter: RowFilterFactory, column: Column[Any]) -> ColumnElement[bool]:
    """Match rows where `column` is the viewer's user id."""
    return column == bindparam("viewer", type_=Integer)


def _month_start() -> ColumnElement[Any]:
    return func.date_trunc(
        inline_literal("month"), func.timezone(inline_literal("UTC"), func.now())
    )


@declare_condition
def in_this_month(_row_filter: RowFilterFactory, column: Column[Any]) -> ColumnElement[bool]:
    """Match rows where `column` is the first day of the current month (UTC)."""
    return column == _month_start()


@declare_condition
def since_this_month(_row_filter: RowFilterFactory, column: Column[Any]) -> ColumnElement[bool]:
    """Match rows where `column` is in the current month (UTC) or later, or null."""
    return or_(column.is_(None), column >= func.timezone(inline_literal("UTC"), _month_start()))


@declare_condition
def in_version_rule(
    _row_filter: RowFilterFactory, column: Column[Any], rule: str
) -> ColumnElement[bool]:
    """Match rows where `column` is one of the numbers in a field of the version rules."""
    return column == any_(version_rule_placeholder(rule))


def filter_column(
    predicate: ColumnPredicate, column: Column[Any], *path: Column[Any]
) -> FilterPredicate:
    """Apply `predicate` to `column` of the row at the end of `path`, a list of foreign keys."""
    return BoundFunction(_apply_predicate, predicate, column, path)


def _apply_predicate(
    _row_filter: RowFilterFactory,
    parameter: str,
    predicate: ColumnPredicate,
    column: Column[Any],
    path: _ReferencePath,
) -> ColumnElement[bool]:
    single = predicate is equals_value and bool(column.unique)
    return _follow_path(path, predicate(column, parameter), single=single)


def any_predicate(*predicates: FilterPredicate) -> FilterPredicate:
    """Match rows that one of the predicates matches."""
    return BoundFunction(_join_alternatives, predicates)


def _join_alternatives(
    row_filter: RowFilterFactory, parameter: str, predicates: tuple[FilterPredicate, ...]
) -> ColumnElement[bool]:
    return or_(*(predicate(row_filter, parameter) for predicate in predicates))


def _follow_path(
    path: _ReferencePath, condition: ColumnElement[bool], *, single: bool
) -> ColumnElement[bool]:
    """Match rows whose `path` leads to a row that meets `condition`.

    If at most one target row can match (`single`), a scalar subselect is used: the
    planner estimates the number of referring rows better than for an array, and can
    read them in the order of an index.
    """
    for reference in reversed(path):
        (foreign_key,) = reference.foreign_keys
        target_keys = select(foreign_key.column).where(condition).correlate(None).scalar_subquery()
        condition = reference == (target_keys if single else any_(func.array(target_keys)))
        single = False
    return condition


def build_like_pattern(value: str) -> str:
    """Return the LIKE pattern for texts that contain `value`."""
    for special in "\\%_":
        value = value.replace(special, "\\" + special)
    return f"%{value}%"


def strip_text(value: str) -> str | None:
    """Return the text without blanks around it, as Django's forms do; None if nothing is left."""
    return value.strip() or None


def strip_texts(values: list[str]) -> list[str]:
    """Return the texts of a list without blanks around them."""
    return [each.strip() for each in values]
