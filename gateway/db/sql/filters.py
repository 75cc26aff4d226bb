"""What filters are made of: conditions on a table's columns, or on what its references lead to.

Each is a function of the rules under which rows are seen and of the name of
the parameter that holds the wanted value.
"""

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import (
    ARRAY,
    Boolean,
    Column,
    ColumnElement,
    Integer,
    any_,
    bindparam,
    false,
    func,
    or_,
    select,
)

from gateway.db.driver.encoding import inline_literal
from gateway.db.installation.placeholders import version_rule_placeholder
from gateway.db.query_spec import RowCondition, RowFilterFactory

FilterPredicate = Callable[[RowFilterFactory, str], ColumnElement[bool]]
_ReferencePath = tuple[Column[Any], ...]
ColumnPredicate = Callable[[Column[Any], str], ColumnElement[bool]]


def equals_value(column: Column[Any], parameter: str) -> ColumnElement[bool]:
    """Hold where `column` has the value."""
    return column == bindparam(parameter, type_=column.type)


def in_values(column: Column[Any], parameter: str) -> ColumnElement[bool]:
    """Hold where `column` has one of the values."""
    return column == any_(bindparam(parameter, type_=ARRAY(column.type)))


def contains_text(column: Column[Any], parameter: str) -> ColumnElement[bool]:
    """Hold where `column` matches the `pattern`, in any case."""
    return column.ilike(bindparam(parameter, type_=column.type), escape="\\")


def at_least(column: Column[Any], parameter: str) -> ColumnElement[bool]:
    """Hold where `column` is the value or after it."""
    return column >= bindparam(parameter, type_=column.type)


def at_most(column: Column[Any], parameter: str) -> ColumnElement[bool]:
    """Hold where `column` is the value or before it."""
    return column <= bindparam(parameter, type_=column.type)


def has_value(column: Column[Any], parameter: str) -> ColumnElement[bool]:
    """Hold where `column` has any value, or where it has none, as the parameter says."""
    return matches_flag(column.is_not(None), parameter)


def matches_flag(condition: ColumnElement[bool], parameter: str) -> ColumnElement[bool]:
    """Hold where `condition` is as true as the parameter says; what is unknown is not true."""
    return func.coalesce(condition, false()) == bindparam(parameter, type_=Boolean)


def equals_constant(column: Column[Any], value: str | int) -> RowCondition:
    """Have `column` hold a value that stands in this program."""
    return lambda _row_filter: column == inline_literal(value)


def in_constants(column: Column[Any], values: Iterable[str | int]) -> RowCondition:
    """Have `column` hold one of some values that stand in this program."""
    return lambda _row_filter: column.in_([inline_literal(each) for each in values])


def is_null(column: Column[Any]) -> RowCondition:
    """Have `column` hold none."""
    return lambda _row_filter: column.is_(None)


def equals_viewer(column: Column[Any]) -> RowCondition:
    """Have `column` be the viewer's own id."""
    return lambda _row_filter: column == bindparam("viewer", type_=Integer)


def _month_start() -> ColumnElement[Any]:
    return func.date_trunc(
        inline_literal("month"), func.timezone(inline_literal("UTC"), func.now())
    )


def in_this_month(column: Column[Any]) -> RowCondition:
    """Have `column` hold the first day of the present month."""
    return lambda _row_filter: column == _month_start()


def since_this_month(column: Column[Any]) -> RowCondition:
    """Have `column` hold a moment of the present month or later, or none."""
    start = func.timezone(inline_literal("UTC"), _month_start())
    return lambda _row_filter: or_(column.is_(None), column >= start)


def in_version_rule(column: Column[Any], rule: str) -> RowCondition:
    """Have `column` hold one of the numbers that the installation's rules have under a name."""
    return lambda _row_filter: column == any_(version_rule_placeholder(rule))


def filter_column(
    predicate: ColumnPredicate, column: Column[Any], *path: Column[Any]
) -> FilterPredicate:
    """Compare `column` of the row that `path` leads to; of the row itself without one."""
    single = predicate is equals_value and bool(column.unique)
    return lambda _row_filter, parameter: _follow_path(
        path, predicate(column, parameter), single=single
    )


def any_predicate(*predicates: FilterPredicate) -> FilterPredicate:
    """Hold where one of them does."""
    return lambda row_filter, parameter: or_(
        *(predicate(row_filter, parameter) for predicate in predicates)
    )


def _follow_path(
    path: _ReferencePath, condition: ColumnElement[bool], *, single: bool
) -> ColumnElement[bool]:
    """Say that `path` leads to a row that meets `condition`; `single` if there is but one.

    Of one the database knows better how many rows refer to it than of several,
    and reads them in the order of an index.
    """
    for reference in reversed(path):
        (foreign_key,) = reference.foreign_keys
        target_keys = select(foreign_key.column).where(condition).correlate(None).scalar_subquery()
        condition = reference == (target_keys if single else any_(func.array(target_keys)))
        single = False
    return condition


def build_like_pattern(value: str) -> str:
    """Give the pattern that matches whatever has `value` in it."""
    for special in "\\%_":
        value = value.replace(special, "\\" + special)
    return f"%{value}%"
