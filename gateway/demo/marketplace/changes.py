"""What orders change of resources: their limits, options, plans and end dates (domain.md §5)."""

from datetime import date
from typing import Any, TypeAlias

from gateway.demo.marketplace.prices import Priced
from gateway.demo.marketplace.questions import answers
from gateway.demo.marketplace.resources import Resource
from gateway.demo.marketplace.rows import Rows

Wanted: TypeAlias = dict[str, Any]
"""Columns of an order that say what is to change."""
_TERM = 12
"""For how many months something is renewed where no rule says anything."""


def made(resource: Resource) -> Wanted:
    """Want the resource itself."""
    return {"attributes": {"name": resource.name}}


def grown_limits(resource: Resource) -> Wanted:
    """Want the limits that the resource has, which were half as much."""
    halves = {name: value // 2 for name, value in resource.limits.items()}
    return {"attributes": {"old_limits": halves}}


def more_limits(resource: Resource) -> Wanted:
    """Want twice the limits that the resource has, as far as its bounds allow."""
    wanted = {}
    for each in resource.place.offering.limited:
        twice, highest = resource.limits[each.type] * 2, each.bounds[1]
        wanted[each.type] = twice if highest is None else min(twice, highest)
    return {"attributes": {"old_limits": resource.limits}, "limits": wanted}


def new_options(rows: Rows, resource: Resource) -> Wanted:
    """Want another answer to the first question about the resource."""
    asked = resource.place.offering.offer.resource_options[:1]
    with rows.apart("options"):
        old, new = answers(asked, rows.random), answers(asked, rows.random)
    return {"attributes": {"old_options": old, "new_options": new}}


def renewal(resource: Resource, *, done: bool) -> Wanted:
    """Want a resource that is paid in advance for longer, up to its end or beyond it."""
    months, end = _term(resource), resource.end
    old = end and (shifted(end, -months) if done else end)
    new = end and (end if done else shifted(end, months))
    return {
        "attributes": {
            "name": resource.name,
            "action": "renew",
            "extension_months": months,
            "old_limits": resource.limits,
            "old_end_date": old and old.isoformat(),
            "new_end_date": new and new.isoformat(),
        }
    }


def renewable(resource: Resource) -> bool:
    """Tell whether a resource may have been renewed: it was there before the end that it had."""
    end = resource.end
    return end is not None and shifted(end, -_term(resource)) > resource.created.date()


def _term(resource: Resource) -> int:
    """Give the fewest months for which a resource may be renewed."""
    components = resource.place.offering.offer.kind.components
    rules = [each.traits for each in components if "is_prepaid" in each.traits]
    months: int = max(each.get("min_renewal_duration", _TERM) for each in rules)
    return months


def switch(old: Priced, new: Priced) -> Wanted:
    """Want another plan."""
    return {"attributes": {}, "old_plan_id": old.key, "plan_id": new.key}


def shifted(day: date, months: int) -> date:
    """Give the day so many months later, or earlier; all months have as many as 28 days."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, 28))
