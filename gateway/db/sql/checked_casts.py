"""Expressions over stored values that give null, or a bound, where PostgreSQL would raise an error.

An expression that raises on one row takes the fields of all rows that its statement reads. So a
stored JSON value is cast, and a stored number of days is added to a time, only by these functions.

The planner evaluates no branch of a CASE whose condition is false, unless the branch is constant;
an AND or a WHERE clause has no such order.
"""

from typing import Any

from sqlalchemy import ColumnElement, Numeric, case, cast, func

from gateway.db.driver.encoding import inline_literal

MAX_DAYS = 1_000_000
"""Days, about 2,700 years, that can be subtracted from today within PostgreSQL's range of times."""


def cast_json_number(value: ColumnElement[Any], upper_bound: int) -> ColumnElement[Any]:
    """Return a JSON value as a number; null for another JSON type, and for a number out of range.

    The number is less than `upper_bound`, and greater than its negative.
    """
    is_number = func.jsonb_typeof(value) == inline_literal("number")
    number = case((is_number, cast(value, Numeric)))
    return case((func.abs(number) < inline_literal(upper_bound), number))


def null_if_nan(number: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return a number; null instead of NaN, which is larger than all numbers."""
    return func.nullif(number, cast(inline_literal("NaN"), Numeric))


def is_older_than_days(time: ColumnElement[Any], days: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return whether a time is more than a stored number of days ago.

    `time + days` may be out of range, `now() - days` is not: longer periods count as `MAX_DAYS`.
    """
    bounded_days = func.least(days, inline_literal(MAX_DAYS))
    zero = inline_literal(0)
    return time < func.now() - func.make_interval(zero, zero, zero, bounded_days)
