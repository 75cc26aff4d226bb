"""Under which plans resources were, and what they used then."""

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
"""Periods that have not ended before this month (domain.md §5.20)."""
BILLING_MONTH_ARGUMENTS = {
    "from_": FilterArgument(
        "from",
        Date,
        "No months before this day.",
        FilterCondition(filter_column(at_least, usage.billing_period)),
    ),
    "to": FilterArgument(
        "to",
        Date,
        "No months after this day.",
        FilterCondition(filter_column(at_most, usage.billing_period)),
    ),
}
"""How usages are narrowed."""


@object_type
class ComponentUsage(Row, tables=(tables.component_usage,)):
    """How much of a component was used in a month."""

    uuid: UUID
    """Identifies the report of it for good."""
    component: Component = one(usage.component_id)
    """What was used."""
    usage: Decimal
    """How much of it was used."""
    billing_period: Date
    """The first day of the month."""
    date: DateTime
    """When it was reported."""
    description: str
    """What was said of it; empty if nothing was."""
    recurring: bool
    """Whether the next months are taken to be the same."""
    created: DateTime
    """When it was first reported."""


@object_type
class PlanPeriod(Row, tables=(tables.plan_period,)):
    """The time in which a resource was under a plan."""

    uuid: UUID
    """Identifies the period for good."""
    plan: Plan = one(period.plan_id)
    """The plan."""
    start: DateTime | None
    """When it began; null if nobody knows."""
    end: DateTime | None
    """When it ended; null if it goes on."""
    usages: list[ComponentUsage] = many(
        usage.plan_period_id, conditions=(in_this_month(usage.billing_period),)
    )
    """What was used in it in the present month."""
