"""Requested changes of orders: limits, options, plans and end dates (domain.md §5)."""

from datetime import date
from typing import Any, TypeAlias

from gateway.demo.marketplace.prices import PricedPlan
from gateway.demo.marketplace.questions import generate_answers
from gateway.demo.marketplace.resources import DemoResource
from gateway.demo.marketplace.rows import RowWriter

ChangeColumns: TypeAlias = dict[str, Any]
"""Columns of an order that describe the requested change."""
_DEFAULT_TERM_MONTHS = 12
"""Months of a renewal where no rule sets a minimum."""


def request_creation(resource: DemoResource) -> ChangeColumns:
    """Return the columns of an order that creates a resource."""
    return {"attributes": {"name": resource.name}}


def request_grown_limits(resource: DemoResource) -> ChangeColumns:
    """Return the columns of a past order that doubled the limits to their present values."""
    old_limits = {name: value // 2 for name, value in resource.limits.items()}
    return {"attributes": {"old_limits": old_limits}}


def request_more_limits(resource: DemoResource) -> ChangeColumns:
    """Return the columns of an order that doubles the limits, up to the components' maxima."""
    new_limits = {}
    for component in resource.placement.offering.limited_components:
        doubled, max_value = resource.limits[component.component_type] * 2, component.bounds[1]
        new_limits[component.component_type] = (
            doubled if max_value is None else min(doubled, max_value)
        )
    return {"attributes": {"old_limits": resource.limits}, "limits": new_limits}


def request_new_options(writer: RowWriter, resource: DemoResource) -> ChangeColumns:
    """Return the columns of an order that changes the first resource option."""
    questions = resource.placement.offering.spec.resource_options[:1]
    with writer.use_random_stream("options"):
        old_options, new_options = (
            generate_answers(questions, writer.random),
            generate_answers(questions, writer.random),
        )
    return {"attributes": {"old_options": old_options, "new_options": new_options}}


def request_renewal(resource: DemoResource, *, is_done: bool) -> ChangeColumns:
    """Return the columns of a renewal of a prepaid resource.

    A renewal that is done ends at the resource's end date; another begins there.
    """
    months, end_date = _minimum_term(resource), resource.end_date
    old_end_date = end_date and (shift_months(end_date, -months) if is_done else end_date)
    new_end_date = end_date and (end_date if is_done else shift_months(end_date, months))
    return {
        "attributes": {
            "name": resource.name,
            "action": "renew",
            "extension_months": months,
            "old_limits": resource.limits,
            "old_end_date": old_end_date and old_end_date.isoformat(),
            "new_end_date": new_end_date and new_end_date.isoformat(),
        }
    }


def can_be_renewed(resource: DemoResource) -> bool:
    """Return whether a resource can have been renewed: it was created before its former end."""
    end_date = resource.end_date
    return (
        end_date is not None
        and shift_months(end_date, -_minimum_term(resource)) > resource.created.date()
    )


def _minimum_term(resource: DemoResource) -> int:
    """Return the minimum number of months of a renewal."""
    components = resource.placement.offering.spec.kind.components
    rules = [each.extra_columns for each in components if "is_prepaid" in each.extra_columns]
    months: int = max(each.get("min_renewal_duration", _DEFAULT_TERM_MONTHS) for each in rules)
    return months


def request_plan_switch(old_plan: PricedPlan, new_plan: PricedPlan) -> ChangeColumns:
    """Return the columns of an order that switches the plan."""
    return {"attributes": {}, "old_plan_id": old_plan.key, "plan_id": new_plan.key}


def shift_months(start: date, months: int) -> date:
    """Return the day `months` later (earlier if negative), at most the 28th of its month."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return date(year, month + 1, min(start.day, 28))
