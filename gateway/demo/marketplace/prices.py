"""The components of offerings, and what they cost by which plan."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from gateway.db import tables
from gateway.demo.marketplace.catalogue import Plan
from gateway.demo.marketplace.offers import Offer
from gateway.demo.marketplace.rows import Rows


@dataclass(frozen=True)
class Priced:
    """A plan of an offering, with what its components cost."""

    key: int
    plan: Plan
    unit_price: Decimal
    prices: Mapping[str, Decimal]


def components(rows: Rows, offering: int, offer: Offer) -> dict[str, int]:
    """Add the components, those last that others' overage goes to first."""
    made: dict[str, int] = {}
    for each in sorted(offer.kind.components, key=lambda each: each.overage is not None):
        lowest, highest = each.bounds
        made[each.type] = rows.add(
            tables.component,
            offering_id=offering,
            type=each.type,
            name=each.name,
            description=f"{each.name} of {offer.name}",
            measured_unit=each.unit,
            article_code=f"A-{offering:02}-{each.type[:12]}",
            billing_type=each.billing,
            limit_period=each.period,
            min_value=lowest,
            max_value=highest,
            unit_factor=each.factor,
            overage_component_id=each.overage and made[each.overage],
            **each.traits,
        )
    return made


def plan(rows: Rows, offering: int, offer: Offer, plan: Plan, counted: Mapping[str, int]) -> Priced:
    """Add a plan with the prices of the components in it."""
    prices = {each.type: Decimal(each.price) * plan.factor for each in offer.kind.components}
    fixed = [each.type for each in offer.kind.components if each.billing == "fixed"]
    unit_price = sum((prices[each] for each in fixed), Decimal())
    key = rows.add(
        tables.plan,
        offering_id=offering,
        name=plan.name,
        description=f"{plan.name} of {offer.name}",
        article_code=f"P-{offering:02}",
        unit=plan.unit,
        unit_price=unit_price,
        archived=plan.archived,
        max_amount=plan.max_amount,
        created=rows.ago(rows.random.randrange(810, 829)),
    )
    for each in offer.kind.components:
        rows.add(
            tables.plan_component,
            plan_id=key,
            component_id=counted[each.type],
            amount=1 if each.billing in {"fixed", "one", "few"} else 0,
            price=prices[each.type],
            future_price=prices[each.type] * 2 if plan.name == "Premium" else None,
            discount_threshold=100 if each.type == "node_hours" else None,
            discount_rate=10 if each.type == "node_hours" else None,
        )
    return Priced(key, plan, unit_price, prices)
