"""Numbers about many rows, by the key of what they are about; whoever sees that is told them.

They are REST's (domain.md §3.2, §3.5): none of them depends on the viewer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, func

from gateway.db import tables
from gateway.db.read import At, Door, Of, Read
from gateway.db.values import constant

TERMINATED = 6


@dataclass(frozen=True, eq=False)
class Total:
    """What the rows amount to that have the same `match`."""

    match: Column[Any]
    values: Mapping[str, Of]

    @property
    def read(self) -> Read:
        """Describe the statement; its columns are in the order of `values`."""
        table: Any = self.match.table
        columns = tuple(self.values.values())
        return Read(table, columns, Door.PARTS, At(self.match), grouped=True)


def _live(state: ColumnElement[int]) -> ColumnElement[Any]:
    return func.count().filter(state != constant(TERMINATED))


def _priced(billing_type: str) -> Of:
    """Sum what the components of a billing type cost: price by amount."""
    part = tables.plan_component.c
    columns = (
        At(part.price),
        At(part.amount),
        At(tables.component.c.billing_type, (part.component_id,)),
    )
    wanted = constant(billing_type)
    return Of(lambda price, amount, kind: func.sum(price * amount).filter(kind == wanted), columns)


def _has(billing_type: str) -> Of:
    wanted = constant(billing_type)
    return Of(lambda kind: func.bool_or(kind == wanted), (At(tables.component.c.billing_type),))


RESOURCES_OF_PLAN = Total(
    tables.resource.c.plan_id,
    {
        "all": Of(func.count),
        "live": Of(_live, (At(tables.resource.c.state),)),
    },
)
"""How many resources a plan has: of any state, and such as are not terminated."""

PRICES_OF_PLAN = Total(
    tables.plan_component.c.plan_id, {kind: _priced(kind) for kind in ("fixed", "one", "few")}
)
"""What a plan costs in a period, once, and on each switch to it."""

BILLING_OF_OFFERING = Total(
    tables.component.c.offering_id, {"usage": _has("usage"), "limit": _has("limit")}
)
"""Whether an offering has components of a billing type."""
