"""The ways to pay for offerings."""

from decimal import Decimal as Number
from enum import Enum
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
from gateway.schema.framework.connection_type import Page
from gateway.schema.framework.declarations import computed, many, one, pages
from gateway.schema.framework.node import Node, node_id
from gateway.schema.framework.publish import enum, object_type
from gateway.schema.framework.scalars import UUID, Decimal
from gateway.schema.lists.resources import ResourceFilter, ResourceOrder
from gateway.schema.types.component import Component
from gateway.schema.types.resource_count import ResourceCount, declare_resource_counts

if TYPE_CHECKING:
    from gateway.schema.types.offering import Offering
    from gateway.schema.types.resource import Resource

plan, plan_component = tables.plan.c, tables.plan_component.c


@enum
class PlanUnit(Enum):
    """The period that a plan's price is for."""

    MONTH = "month"
    """A month."""
    QUARTER = "quarter"
    """A quarter of a year."""
    HALF_MONTH = "half_month"
    """Half a month."""
    DAY = "day"
    """A day."""
    HOUR = "hour"
    """An hour."""
    QUANTITY = "quantity"
    """No period: each piece."""


def has_plan_capacity(max_resources: int | None, live_resources: int) -> bool:
    """Say whether new resources can have a plan (domain.md §1.4)."""
    return max_resources is None or max_resources > live_resources


def format_price(amount: str | int) -> str:
    """Write a sum of prices to ten places, as prices are stored."""
    return f"{Number(amount):.10f}"


@object_type
class PlanComponent(Row, tables=(tables.plan_component,)):
    """What a component costs under a plan."""

    component: Component | None = one(plan_component.component_id)
    """What is priced; null if the component was removed."""
    amount: int
    """How much of the component the plan includes."""
    price: Decimal
    """What one unit costs."""
    future_price: Decimal | None
    """What one unit will cost from the next period on; null if that does not change."""


@object_type
class Plan(Row, Node, tables=(tables.plan, registry.effective_plan)):
    """A way to pay for an offering."""

    id: strawberry.ID = node_id("Plan", plan.uuid)
    """Identifies the plan among all nodes."""
    uuid: UUID
    """Identifies the plan for good."""
    offering: Annotated["Offering", strawberry.lazy("gateway.schema.types.offering")] = one(
        plan.offering_id
    )
    """What it pays for."""
    name: str
    """What people call the plan."""
    description: str
    """What the plan is."""
    article_code: str
    """Its code in the accounts."""
    backend_id: str
    """What the backend calls it."""
    max_amount: int | None
    """How many resources can have the plan; null if there is no bound."""
    archived: bool
    """Whether the plan is out of use."""
    is_active: bool = computed(
        has_plan_capacity,
        plan.max_amount,
        AggregateValue(RESOURCE_COUNTS_BY_PLAN, "live", plan.id, 0),
    )
    """Whether there is room for another resource on the plan."""
    unit_price: Decimal
    """What the fixed components cost in a period."""
    unit: PlanUnit | None
    """The period that the price is for."""
    init_price: Decimal = computed(format_price, AggregateValue(PRICES_BY_PLAN, "one", plan.id, 0))
    """What is paid once, when a resource is made."""
    switch_price: Decimal = computed(
        format_price, AggregateValue(PRICES_BY_PLAN, "few", plan.id, 0)
    )
    """What is paid on each switch to the plan."""
    resources_count: int = computed(int, AggregateValue(RESOURCE_COUNTS_BY_PLAN, "all", plan.id, 0))
    """How many resources have the plan, terminated ones and unseen ones too."""
    components: list[PlanComponent] = many(plan_component.plan_id)
    """The prices, component by component."""
    resources: Page[Annotated["Resource", strawberry.lazy("gateway.schema.types.resource")]] = (
        pages(tables.resource.c.plan_id, ResourceOrder, ResourceFilter)
    )
    """The resources with the plan that the viewer sees."""
    resource_counts: list[ResourceCount] = declare_resource_counts(RESOURCE_STATES_BY_PLAN, plan.id)
    """How many of `resources` are in each state; states without any are left out."""
