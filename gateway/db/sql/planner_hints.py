"""Rules beside conditions that say the same more narrowly: the database is to look for those.

PostgreSQL takes two conditions on a column for independent. It then expects
very few rows, and sorts all of them instead of reading a page in the order of
an index. A rule that is written as a number is no condition on a column, and
is expected to hold.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import BinaryExpression, Column, ColumnElement, Integer, cast
from sqlalchemy.sql.elements import BooleanClauseList
from sqlalchemy.sql.operators import and_, eq
from sqlalchemy.sql.visitors import iterate

from gateway.db.driver.encoding import inline_literal


def fence_row_filter(
    row_filter: ColumnElement[bool],
    conditions: Iterable[ColumnElement[bool]],
    *known_fixed_columns: Column[Any],
) -> ColumnElement[bool]:
    """Give `rule` so that only its rows are seen, but not found by it.

    That is if it compares a column whose one value `conditions` give; `more`
    columns have one, too.
    """
    fixed_columns = {
        *known_fixed_columns,
        *(each.left for each in _flatten_conjunction(conditions) if _is_equality(each)),
    }
    if fixed_columns.isdisjoint(each for each in iterate(row_filter) if isinstance(each, Column)):
        return row_filter
    return cast(row_filter, Integer) != inline_literal(0)


def _flatten_conjunction(conditions: Iterable[Any]) -> Iterator[Any]:
    """Give what must hold, all of it, one by one."""
    for condition in conditions:
        if isinstance(condition, BooleanClauseList) and condition.operator is and_:
            yield from _flatten_conjunction(condition.clauses)
        else:
            yield condition


def _is_equality(condition: Any) -> bool:
    return isinstance(condition, BinaryExpression) and condition.operator is eq
