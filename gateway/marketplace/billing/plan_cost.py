"""Cost of a resource for one period of its plan (domain.md §3.4)."""

from collections.abc import Iterable
from fractions import Fraction

from gateway.db import tables
from gateway.db.driver.date_spelling import parse_stored_date
from gateway.db.queries.aggregates import (
    COMPONENT_PRICES_BY_PLAN,
    PRICES_BY_PLAN,
    RENEWAL_COMPONENTS_BY_OFFERING,
)
from gateway.db.sql.aggregate import Aggregate, AggregateValue
from gateway.db.tables.codes import BillingType
from gateway.marketplace.billing.metered_components import decode_priced_components
from gateway.marketplace.billing.renewal_pricing import (
    LimitAmounts,
    PricedComponent,
    UnpricedComponentError,
    count_started_months,
    parse_limits,
    parse_price,
    round_price,
)
from gateway.marketplace.resource_facts import load_aggregate_value
from gateway.marketplace.rows import OfferingRow, PlanRow, ResourceRow
from gateway.marketplace.unit_of_work import UnitOfWork

_SWITCH_PRICE = AggregateValue(PRICES_BY_PLAN, BillingType.FEW, tables.plan.c.id, 0)


async def load_priced_components(
    unit_of_work: UnitOfWork, offering_id: int, plan_id: int | None
) -> tuple[PricedComponent, ...]:
    """Return the limited or prepaid components of an offering with their prices under a plan."""
    offering_type = (await unit_of_work.load_row(OfferingRow, offering_id)).type
    components_json = await _load_aggregate(
        unit_of_work, RENEWAL_COMPONENTS_BY_OFFERING, offering_id
    )
    prices_json = (
        None
        if plan_id is None
        else await _load_aggregate(unit_of_work, COMPONENT_PRICES_BY_PLAN, plan_id)
    )
    return decode_priced_components(components_json or "[]", prices_json or "{}", offering_type)


async def _load_aggregate(unit_of_work: UnitOfWork, aggregate: Aggregate, key: int) -> str | None:
    rows = await unit_of_work.loader.load_rows(aggregate.query_spec, key)
    value: str | None = rows[0][1] if rows else None
    return value


async def estimate_plan_cost(unit_of_work: UnitOfWork, resource: ResourceRow) -> str | None:
    """Return the cost of a resource with its plan and limits.

    Prepaid components count for the months until its end date, or for one month without it. None
    without a plan, and if a price is not a number.
    """
    plan_id = resource.plan_id
    if plan_id is None:
        return None
    plan = await unit_of_work.load_row(PlanRow, plan_id)
    components = await load_priced_components(unit_of_work, resource.offering_id, plan_id)
    months = (
        count_started_months(unit_of_work.today, parse_stored_date(resource.end_date))
        if resource.end_date
        else 1
    )
    try:
        return sum_plan_cost(plan, components, parse_limits(resource.limits), months)
    except UnpricedComponentError:
        return None


async def estimate_update_cost(unit_of_work: UnitOfWork, updated: ResourceRow) -> str | None:
    """Return the cost of an order after which a resource has the plan and limits of `updated`.

    It includes the components that are billed for each switch of the plan. None without a plan,
    and if a price is not a number.
    """
    plan_cost = await estimate_plan_cost(unit_of_work, updated)
    if plan_cost is None or updated.plan_id is None:
        return None
    switch_price = await load_aggregate_value(unit_of_work.loader, _SWITCH_PRICE, updated.plan_id)
    try:
        return str(round_price(parse_price(plan_cost) + parse_price(switch_price)))
    except UnpricedComponentError:
        return None


def sum_plan_cost(
    plan: PlanRow,
    components: Iterable[PricedComponent],
    limit_amounts: LimitAmounts,
    prepaid_months: int,
) -> str:
    """Return the cost of one period of a plan, with prepaid components for a number of months.

    Raises UnpricedComponentError if a price is not a number.
    """
    cost = parse_price(plan.unit_price)
    for component in components:
        if component.can_have_limit:
            cost += (
                parse_price(component.price)
                * Fraction(limit_amounts.get(component.type, 0))
                * (prepaid_months if component.prepaid else 1)
                / component.backend_factor
            )
    return str(round_price(cost))
