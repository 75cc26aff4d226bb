"""Where a page starts and ends: conditions on the keys of its order that an index can serve.

PostgreSQL sorts nulls after all values, so a null key is the largest. One key
that is not null is compared as `k >= :k and (k > :k or id > :id)`, which uses
an index on the key where the comparison of rows does not.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, false, not_, or_

from gateway.db.query_spec import PageWindow


def build_page_bounds(
    page_window: PageWindow, sort_keys: Sequence[Any]
) -> list[ColumnElement[bool]]:
    """Give the conditions that `stretch` sets on `places`: its order's keys, and the row's."""
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
    """Say that `places` come after `bound`, or before it."""
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
