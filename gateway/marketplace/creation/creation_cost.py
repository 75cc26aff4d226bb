"""Cost of an order for a new resource (rules.md §3)."""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from gateway.db.tables.codes import BillingType
from gateway.marketplace.billing.plan_cost import sum_plan_cost
from gateway.marketplace.billing.renewal_pricing import (
    UnpricedComponentError,
    parse_limits,
    parse_price,
    round_price,
)
from gateway.marketplace.creation.order_draft import OrderDraft
from gateway.marketplace.rows import PlanComponentRow
from gateway.marketplace.unit_of_work import UnitOfWork


class CreationCost(NamedTuple):
    """Costs of an order, without tax."""

    order_cost: Decimal
    """What the order costs: that of the resource, and what is paid once."""
    resource_cost: Decimal
    """What the first period of the plan costs, with what is paid in advance."""
    period_cost: Decimal
    """What each period of the plan costs."""


async def estimate_creation_cost(
    unit_of_work: UnitOfWork, draft: OrderDraft, months: int
) -> CreationCost | None:
    """Return the costs of an order for `months` paid in advance.

    None without a plan, and if a price is not a number.
    """
    if draft.plan is None:
        return None
    plan_components = await unit_of_work.load_rows(PlanComponentRow, plan_id=draft.plan.id)
    amounts = parse_limits(draft.limits)
    try:
        single_cost = sum(_list_single_costs(draft, plan_components), Fraction())
        resource_cost, period_cost = (
            parse_price(sum_plan_cost(draft.plan, draft.priced_components, amounts, each))
            for each in (months, 0)
        )
    except UnpricedComponentError:
        return None
    costs = (resource_cost + single_cost, resource_cost, period_cost)
    return CreationCost(*map(round_price, costs))


def _list_single_costs(
    draft: OrderDraft, plan_components: list[PlanComponentRow]
) -> Iterator[Fraction]:
    """Yield the prices of what is billed once; prepaid components are paid by the month."""
    single_ids = {
        each.id
        for each in draft.components
        if each.billing_type == BillingType.ONE and not each.is_prepaid
    }
    for each in plan_components:
        if each.component_id in single_ids:
            yield parse_price(each.price) * each.amount
