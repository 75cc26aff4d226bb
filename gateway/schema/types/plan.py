"""Plans: the price lists of offerings."""

from decimal import Decimal as Number
from typing import TYPE_CHECKING, Annotated

import strawberry

from gateway.db import tables
from gateway.db.queries.aggregates import (
    PRICES_BY_PLAN,
    RESOURCE_COUNTS_BY_PLAN,
    RESOURCE_STATES_BY_PLAN,
)
from gateway.db.sql.aggregate import AggregateValue
from gateway.db.sql.row_types import Row
from gateway.db.views import registry
from gateway.marketplace.eligibility import has_plan_capacity
from gateway.schema.enums import BillingType, PlanUnit
from gateway.schema.framework.connection_type import Page
from gateway.schema.framework.declarations import computed, many, one, pages
from gateway.schema.framework.node import Node, node_id
from gateway.schema.framework.publish import object_type
from gateway.schema.framework.scalars import UUID, Decimal
from gateway.schema.lists.resources import ResourceFilter, ResourceOrder
from gateway.schema.types.component import Component
from gateway.schema.types.resource_count import ResourceCount, declare_resource_counts

if TYPE_CHECKING:
    from gateway.schema.types.offering import Offering
    from gateway.schema.types.resource import Resource

plan, plan_component = tables.plan.c, tables.plan_component.c


def format_price(amount: str | int) -> str:
    """Format a price with the ten decimal places of the database."""
    return f"{Number(amount):.10f}"


@object_type
class PlanComponent(Row, tables=(tables.plan_component,)):
    """The price of a component in a plan."""

    component: Component | None = one(plan_component.component_id)
    """The component that is priced; null if it was deleted."""
    amount: int
    """Number of measured units that are billed, for billing types with a fixed number.

    For `FIXED` it is billed in every plan period, for `ONE` when the resource is created, and for
    `FEW` at each switch to the plan. Not used for other types and for prepaid components.
    """
    price: Decimal
    """Price of one measured unit.

    The period depends on the component: for `FIXED` it is the plan's `unit`; for `LIMIT` it is
    `Component.limitPeriod`, or the plan's `unit` without one (`Resource.cost` counts the limit once
    per plan period); for prepaid components it is one month. For `USAGE`, `ONE` and `FEW` there is
    no period.
    """
    future_price: Decimal | None
    """Announced price of one measured unit, as in `price`; null if no change is announced."""


@object_type
class Plan(Row, Node, tables=(tables.plan, registry.effective_plan)):
    """A price list that resources of an offering can be ordered with."""

    id: strawberry.ID = node_id("Plan", plan.uuid)
    """Global id."""
    uuid: UUID
    """UUID of the plan."""
    offering: Annotated["Offering", strawberry.lazy("gateway.schema.types.offering")] | None = one(
        plan.offering_id
    )
    """The offering that the plan belongs to; null only if its record was deleted meanwhile."""
    name: str
    """Display name."""
    description: str
    """Description of the plan; may be empty."""
    article_code: str
    """Article code for accounting; may be empty."""
    backend_id: str
    """Identifier of the plan in the provider's backend; may be empty."""
    max_amount: int | None
    """Maximum number of resources that are not terminated; null without a bound."""
    archived: bool
    """Whether the plan is archived: it keeps its resources and can't be ordered."""
    is_active: bool = computed(
        has_plan_capacity,
        plan.max_amount,
        AggregateValue(RESOURCE_COUNTS_BY_PLAN, "live", plan.id, 0),
    )
    """Whether `maxAmount` permits another resource; true if it is null.

    All resources with the plan that are not terminated are counted, those hidden from the viewer,
    too.
    """
    unit_price: Decimal
    """Price of the fixed components per plan period."""
    unit: PlanUnit | None
    """The billing period (plan period); null if this version of the API does not know the value."""
    init_price: Decimal = computed(
        format_price, AggregateValue(PRICES_BY_PLAN, BillingType.ONE, plan.id, 0)
    )
    """One-time price of creating a resource: the components of billing type `ONE`."""
    switch_price: Decimal = computed(
        format_price, AggregateValue(PRICES_BY_PLAN, BillingType.FEW, plan.id, 0)
    )
    """One-time price of switching a resource to the plan: the components of type `FEW`."""
    resources_count: int = computed(int, AggregateValue(RESOURCE_COUNTS_BY_PLAN, "all", plan.id, 0))
    """Number of resources with the plan.

    All resources are counted: terminated ones and those hidden from the viewer, too.
    """
    components: list[PlanComponent] = many(plan_component.plan_id)
    """The prices of the plan, one for each component that it prices."""
    resources: Page[Annotated["Resource", strawberry.lazy("gateway.schema.types.resource")]] = (
        pages(tables.resource.c.plan_id, ResourceOrder, ResourceFilter)
    )
    """The resources with the plan that are visible to the viewer."""
    resource_counts: list[ResourceCount] = declare_resource_counts(RESOURCE_STATES_BY_PLAN, plan.id)
    """Number of visible `resources` by state; states without resources are left out."""
