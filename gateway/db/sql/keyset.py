"""Where a page starts and ends: conditions on the keys of its order that an index can serve.

PostgreSQL sorts nulls after all values, so a null key is the largest. One key
that is not null is compared as `k >= :k and (k > :k or id > :id)`, which uses
an index on the key where the comparison of rows does not.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, false, not_, or_

from gateway.db.query_spec import Stretch


def bounds(stretch: Stretch, places: Sequence[Any]) -> list[ColumnElement[bool]]:
    """Give the conditions that `stretch` sets on `places`: its order's keys, and the row's."""
    found = []
    for name, nulls, onward in (("after", stretch.after, True), ("before", stretch.before, False)):
        if nulls:
            larger = onward != stretch.order.descending
            bound = [
                None if null else bindparam(f"{name}{i}", type_=place.type)
                for i, (place, null) in enumerate(zip(places, nulls, strict=True))
            ]
            found.append(_beyond(places, bound, larger=larger))
    return found


def _beyond(places: Sequence[Any], bound: Sequence[Any], *, larger: bool) -> ColumnElement[bool]:
    """Say that `places` come after `bound`, or before it."""
    place, value = places[0], bound[0]
    strictly = _strictly(place, value, larger=larger)
    if len(places) == 1:
        return strictly
    rest = _beyond(places[1:], bound[1:], larger=larger)
    if value is None:
        return or_(strictly, and_(place.is_(None), rest))
    reached: ColumnElement[bool] = place >= value if larger else place <= value
    reached = or_(reached, place.is_(None)) if larger and _nullable(place) else reached
    return and_(reached, or_(strictly, rest))


def _strictly(place: Any, value: Any, *, larger: bool) -> ColumnElement[bool]:
    if value is None:
        return false() if larger else not_(place.is_(None))
    strictly: ColumnElement[bool] = place > value if larger else place < value
    return or_(strictly, place.is_(None)) if larger and _nullable(place) else strictly


def _nullable(place: Any) -> bool:
    return bool(getattr(place, "nullable", True))
