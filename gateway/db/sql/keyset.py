"""Keyset pagination: the conditions that bound a page by the values of its sort keys.

PostgreSQL sorts nulls after all values, so a null key is the largest. A key
that is not null is compared as `k >= :k and (k > :k or id > :id)`: that uses an
index on the key, where the row comparison `(k, id) > (:k, :id)` over a join
does not. Bounds that are null become constants, so their number and position is
part of the statement (`PageWindow.after_nulls`), while the values are parameters.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, false, not_, or_

from gateway.db.query_spec import PageWindow


def build_page_bounds(
    page_window: PageWindow, sort_keys: Sequence[Any]
) -> list[ColumnElement[bool]]:
    """Return the page's conditions on the sort keys, the last of which is the primary key."""
    conditions = []
    for name, nulls, is_after in (
        ("after", page_window.after_nulls, True),
        ("before", page_window.before_nulls, False),
    ):
        if nulls:
            larger = is_after != page_window.sort_order.descending
            bound_values = [
                None if null else bindparam(f"{name}{i}", type_=sort_key.type)
                for i, (sort_key, null) in enumerate(zip(sort_keys, nulls, strict=True))
            ]
            conditions.append(_compare_keys(sort_keys, bound_values, larger=larger))
    return conditions


def _compare_keys(
    sort_keys: Sequence[Any], bound_values: Sequence[Any], *, larger: bool
) -> ColumnElement[bool]:
    """Match rows whose sort keys are larger than the bound's, or smaller."""
    sort_key, value = sort_keys[0], bound_values[0]
    strict = _compare_strictly(sort_key, value, larger=larger)
    if len(sort_keys) == 1:
        return strict
    rest = _compare_keys(sort_keys[1:], bound_values[1:], larger=larger)
    if value is None:
        return or_(strict, and_(sort_key.is_(None), rest))
    inclusive: ColumnElement[bool] = sort_key >= value if larger else sort_key <= value
    inclusive = (
        or_(inclusive, sort_key.is_(None)) if larger and _is_nullable(sort_key) else inclusive
    )
    return and_(inclusive, or_(strict, rest))


def _compare_strictly(sort_key: Any, value: Any, *, larger: bool) -> ColumnElement[bool]:
    if value is None:
        return false() if larger else not_(sort_key.is_(None))
    strict: ColumnElement[bool] = sort_key > value if larger else sort_key < value
    return or_(strict, sort_key.is_(None)) if larger and _is_nullable(sort_key) else strict


def _is_nullable(sort_key: Any) -> bool:
    return bool(getattr(sort_key, "nullable", True))
