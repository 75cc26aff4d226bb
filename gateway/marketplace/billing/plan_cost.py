"""What a resource costs in a period of its plan (domain.md §3.4)."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from gateway.db import tables
from gateway.db.queries.aggregates import PRICES_BY_TYPE, RENEWALS
from gateway.db.sql.aggregate import Total
from gateway.marketplace.billing.metered_components import metered
from gateway.marketplace.billing.renewal_pricing import Metered, money, numbers
from gateway.marketplace.unit_of_work import Change


async def priced(change: Change, offering: int, plan: int | None) -> tuple[Metered, ...]:
    """Give the components of an offering that have limits, with their prices under a plan."""
    type_ = (await change.row(tables.offering, offering)).type
    known = await _total(change, RENEWALS, offering)
    prices = None if plan is None else await _total(change, PRICES_BY_TYPE, plan)
    return metered(known or "[]", prices or "{}", type_)


async def _total(change: Change, total: Total, key: int) -> Any:
    rows = await change.loads.rows(total.read, key)
    return rows[0][1] if rows else None


async def estimate(
    change: Change, resource: Any, plan: int | None, limits: Mapping[str, Any]
) -> str | None:
    """Give what a resource costs with such limits under a plan; None without one."""
    if plan is None:
        return None
    given = numbers(limits)
    total = Fraction((await change.row(tables.plan, plan)).unit_price)
    for each in await priced(change, resource.offering_id, plan):
        if each.billing == "limit":
            total += Fraction(each.price) * Fraction(given.get(each.type, 0)) / each.factor
    return str(money(total))
