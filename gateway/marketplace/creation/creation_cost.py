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
from gateway.marketplace.table_row import JsonObject
from gateway.marketplace.unit_of_work import UnitOfWork


class CreationCost(NamedTuple):
    """Costs of an order, without tax."""

    order_cost: Decimal
    """What the order costs: the first period, what is paid once, and what is paid in advance."""
    period_cost: Decimal
    """What each period of the plan costs."""


async def estimate_creation_cost(
    unit_of_work: UnitOfWork, draft: OrderDraft, limits: JsonObject, months: int
) -> CreationCost | None:
    """Return the costs of an order for `months` paid in advance.

    None without a plan, and if a price is not a number.
    """
    if draft.plan is None:
        return None
    plan_components = await unit_of_work.load_rows(PlanComponentRow, plan_id=draft.plan.id)
    amounts = parse_limits(limits)
    try:
        single_cost = sum(_list_single_costs(draft, plan_components), Fraction())
        order_cost, period_cost = (
            Fraction(sum_plan_cost(draft.plan, draft.priced_components, amounts, prepaid_months))
            for prepaid_months in (months, 0)
        )
    except UnpricedComponentError:
        return None
    return CreationCost(round_price(order_cost + single_cost), round_price(period_cost))


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
