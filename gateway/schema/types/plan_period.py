"""Plan periods of resources, and the usage reported in them."""

from gateway.db import tables
from gateway.db.sql.filters import at_least, at_most, filter_column, in_this_month, since_this_month
from gateway.db.sql.row_types import Row
from gateway.schema.framework.declarations import many, one
from gateway.schema.framework.filtered_lists import FilterArgument
from gateway.schema.framework.filters import FilterCondition
from gateway.schema.framework.publish import object_type
from gateway.schema.framework.scalars import UUID, Date, DateTime, Decimal
from gateway.schema.types.component import Component
from gateway.schema.types.plan import Plan

period, usage = tables.plan_period.c, tables.component_usage.c
CURRENT_PERIODS_FILTER = (since_this_month(period.end),)
"""Condition for periods that have no end, or end in this month or later (domain.md §5.20)."""
BILLING_MONTH_ARGUMENTS = {
    "from_": FilterArgument(
        "from",
        Date,
        "Lower bound: billing months that start on this date or later.",
        FilterCondition(filter_column(at_least, usage.billing_period)),
    ),
    "to": FilterArgument(
        "to",
        Date,
        "Upper bound: billing months that start on this date or earlier.",
        FilterCondition(filter_column(at_most, usage.billing_period)),
    ),
}
"""Arguments that restrict usages to a range of billing months."""


@object_type
class ComponentUsage(Row, tables=(tables.component_usage,)):
    """The reported usage of a component in one billing month."""

    uuid: UUID
    """UUID of the usage report."""
    component: Component | None = one(usage.component_id)
    """The component that was used; null only if its record was deleted meanwhile."""
    usage: Decimal
    """The amount that was used in the month, in measured units."""
    billing_period: Date
    """The billing month, as its first day."""
    date: DateTime
    """Time at which the usage of the month was last reported."""
    description: str
    """Comment of the reporter; may be empty."""
    recurring: bool
    """Whether the same usage is assumed for the following months."""
    created: DateTime
    """Time at which the usage of the month was first reported."""


@object_type
class PlanPeriod(Row, tables=(tables.plan_period,)):
    """A period in which a resource had the same plan."""

    uuid: UUID
    """UUID of the period."""
    plan: Plan | None = one(period.plan_id)
    """The plan in this period; null only if its record was deleted meanwhile."""
    start: DateTime | None
    """Start of the period; null if it is unknown."""
    end: DateTime | None
    """End of the period; null for the current period."""
    usages: list[ComponentUsage] = many(
        usage.plan_period_id, conditions=(in_this_month(usage.billing_period),)
    )
    """The usage of the current month that was reported in this period."""
