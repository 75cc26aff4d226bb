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

from gateway.db.driver.encoding import constant
from gateway.db.installation.placeholders import of_rule
from gateway.db.query_spec import Condition, Rules

Holds = Callable[[Rules, str], ColumnElement[bool]]
Path = tuple[Column[Any], ...]
Compare = Callable[[Column[Any], str], ColumnElement[bool]]


def equal(column: Column[Any], name: str) -> ColumnElement[bool]:
    """Hold where `column` has the value."""
    return column == bindparam(name, type_=column.type)


def among(column: Column[Any], name: str) -> ColumnElement[bool]:
    """Hold where `column` has one of the values."""
    return column == any_(bindparam(name, type_=ARRAY(column.type)))


def contains(column: Column[Any], name: str) -> ColumnElement[bool]:
    """Hold where `column` matches the `pattern`, in any case."""
    return column.ilike(bindparam(name, type_=column.type), escape="\\")


def at_least(column: Column[Any], name: str) -> ColumnElement[bool]:
    """Hold where `column` is the value or after it."""
    return column >= bindparam(name, type_=column.type)


def at_most(column: Column[Any], name: str) -> ColumnElement[bool]:
    """Hold where `column` is the value or before it."""
    return column <= bindparam(name, type_=column.type)


def given(column: Column[Any], name: str) -> ColumnElement[bool]:
    """Hold where `column` has any value, or where it has none, as the parameter says."""
    return as_said(column.is_not(None), name)


def as_said(condition: ColumnElement[bool], name: str) -> ColumnElement[bool]:
    """Hold where `condition` is as true as the parameter says; what is unknown is not true."""
    return func.coalesce(condition, false()) == bindparam(name, type_=Boolean)


def is_value(column: Column[Any], value: str | int) -> Condition:
    """Have `column` hold a value that stands in this program."""
    return lambda _rules: column == constant(value)


def one_of(column: Column[Any], values: Iterable[str | int]) -> Condition:
    """Have `column` hold one of some values that stand in this program."""
    return lambda _rules: column.in_([constant(each) for each in values])


def unset(column: Column[Any]) -> Condition:
    """Have `column` hold none."""
    return lambda _rules: column.is_(None)


def by_viewer(column: Column[Any]) -> Condition:
    """Have `column` be the viewer's own id."""
    return lambda _rules: column == bindparam("viewer", type_=Integer)


def _month() -> ColumnElement[Any]:
    return func.date_trunc(constant("month"), func.timezone(constant("UTC"), func.now()))


def this_month(column: Column[Any]) -> Condition:
    """Have `column` hold the first day of the present month."""
    return lambda _rules: column == _month()


def from_this_month(column: Column[Any]) -> Condition:
    """Have `column` hold a moment of the present month or later, or none."""
    start = func.timezone(constant("UTC"), _month())
    return lambda _rules: or_(column.is_(None), column >= start)


def among_rules(column: Column[Any], name: str) -> Condition:
    """Have `column` hold one of the numbers that the installation's rules have under a name."""
    return lambda _rules: column == any_(of_rule(name))


def where(compare: Compare, column: Column[Any], *path: Column[Any]) -> Holds:
    """Compare `column` of the row that `path` leads to; of the row itself without one."""
    single = compare is equal and bool(column.unique)
    return lambda _rules, name: _led(path, compare(column, name), single=single)


def either(*holds: Holds) -> Holds:
    """Hold where one of them does."""
    return lambda rules, name: or_(*(each(rules, name) for each in holds))


def _led(path: Path, condition: ColumnElement[bool], *, single: bool) -> ColumnElement[bool]:
    """Say that `path` leads to a row that meets `condition`; `single` if there is but one.

    Of one the database knows better how many rows refer to it than of several,
    and reads them in the order of an index.
    """
    for reference in reversed(path):
        (foreign_key,) = reference.foreign_keys
        found = select(foreign_key.column).where(condition).correlate(None).scalar_subquery()
        condition = reference == (found if single else any_(func.array(found)))
        single = False
    return condition


def pattern(value: str) -> str:
    """Give the pattern that matches whatever has `value` in it."""
    for special in "\\%_":
        value = value.replace(special, "\\" + special)
    return f"%{value}%"
