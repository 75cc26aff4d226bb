"""Optimisation fences: row filters that the planner does not use for its estimates.

PostgreSQL assumes that two conditions on one column are independent. For
`project_id = 5 and project_id = any(:projects)` it expects very few rows, and
sorts all of them instead of reading a page in the order of an index. Written as
`cast(filter as integer) != 0`, the row filter selects the same rows, but the planner does
not recognise it as a condition on the column, and expects that nearly all rows meet it.
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
    """Return the row filter, fenced if another condition fixes a column that it compares.

    `known_fixed_columns` are columns that have one value for other reasons, such
    as the key column of a page.
    """
    fixed_columns = {
        *known_fixed_columns,
        *(each.left for each in _flatten_conjunction(conditions) if _is_equality(each)),
    }
    if fixed_columns.isdisjoint(each for each in iterate(row_filter) if isinstance(each, Column)):
        return row_filter
    return cast(row_filter, Integer) != inline_literal(0)


def _flatten_conjunction(conditions: Iterable[Any]) -> Iterator[Any]:
    """Yield the operands of nested AND expressions."""
    for condition in conditions:
        if isinstance(condition, BooleanClauseList) and condition.operator is and_:
            yield from _flatten_conjunction(condition.clauses)
        else:
            yield condition


def _is_equality(condition: Any) -> bool:
    return isinstance(condition, BinaryExpression) and condition.operator is eq
