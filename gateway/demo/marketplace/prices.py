"""Components and plans of offerings, with the prices of the components in each plan."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from gateway.db import tables
from gateway.db.tables.codes import FIXED_PRICE_TYPES, BillingType
from gateway.demo.marketplace.catalogue import ComponentSpec, PlanSpec
from gateway.demo.marketplace.offers import OfferingSpec
from gateway.demo.marketplace.rows import RowWriter


@dataclass(frozen=True)
class PricedPlan:
    """Plan of an offering with the prices of its components, by component type."""

    key: int
    spec: PlanSpec
    unit_price: Decimal
    prices: Mapping[str, Decimal]


def add_components(writer: RowWriter, offering_id: int, spec: OfferingSpec) -> dict[str, int]:
    """Add the components; return their keys by type.

    Components that others' overage is billed by come first.
    """
    component_ids: dict[str, int] = {}
    for component in sorted(
        spec.kind.components, key=lambda component: component.overage_type is not None
    ):
        min_value, max_value = component.bounds
        component_ids[component.component_type] = writer.add_row(
            tables.component,
            offering_id=offering_id,
            type=component.component_type,
            name=component.name,
            description=f"{component.name} of {spec.name}",
            measured_unit=component.unit,
            article_code=f"A-{offering_id:02}-{component.component_type[:12]}",
            billing_type=component.billing_type,
            limit_period=component.limit_period,
            min_value=min_value,
            max_value=max_value,
            unit_factor=component.factor,
            overage_component_id=component.overage_type and component_ids[component.overage_type],
            **component.extra_columns,
        )
    return component_ids


def add_plan(
    writer: RowWriter,
    offering_id: int,
    spec: OfferingSpec,
    plan_spec: PlanSpec,
    component_ids: Mapping[str, int],
) -> PricedPlan:
    """Add a plan with the prices of its components."""
    prices = _compute_prices(spec, plan_spec)
    unit_price = _sum_fixed_prices(spec, prices)
    plan_id = writer.add_row(
        tables.plan,
        offering_id=offering_id,
        name=plan_spec.name,
        description=f"{plan_spec.name} of {spec.name}",
        article_code=f"P-{offering_id:02}",
        unit=plan_spec.unit,
        unit_price=unit_price,
        archived=plan_spec.is_archived,
        max_amount=plan_spec.max_amount,
        created=writer.days_ago(writer.random.randrange(810, 829)),
    )
    for component in spec.kind.components:
        price = prices[component.component_type]
        _add_plan_component(
            writer,
            plan_id,
            component_ids[component.component_type],
            component,
            price,
            future_price=price * 2 if plan_spec.name == "Premium" else None,
        )
    return PricedPlan(plan_id, plan_spec, unit_price, prices)


def _compute_prices(spec: OfferingSpec, plan_spec: PlanSpec) -> dict[str, Decimal]:
    """Return the price of each component under a plan, by type."""
    return {
        component.component_type: Decimal(component.price) * plan_spec.factor
        for component in spec.kind.components
    }


def _sum_fixed_prices(spec: OfferingSpec, prices: Mapping[str, Decimal]) -> Decimal:
    fixed_prices = (
        prices[component.component_type]
        for component in spec.kind.components
        if component.billing_type == BillingType.FIXED
    )
    return sum(fixed_prices, Decimal())


def _add_plan_component(
    writer: RowWriter,
    plan_id: int,
    component_id: int,
    component: ComponentSpec,
    price: Decimal,
    *,
    future_price: Decimal | None,
) -> None:
    has_discount = component.component_type == "node_hours"
    writer.add_row(
        tables.plan_component,
        plan_id=plan_id,
        component_id=component_id,
        amount=1 if component.billing_type in FIXED_PRICE_TYPES else 0,
        price=price,
        future_price=future_price,
        discount_threshold=100 if has_discount else None,
        discount_rate=10 if has_discount else None,
    )
