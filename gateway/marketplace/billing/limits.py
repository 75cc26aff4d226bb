"""Which limits a resource can have (domain.md §5.14)."""

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from gateway.db import tables
from gateway.db.queries.marketplace_checks import granted, taken
from gateway.marketplace.problems import InvalidField, InvalidInput, invalid_fields
from gateway.marketplace.resource_facts import Facts
from gateway.marketplace.unit_of_work import Change

_QUARTER = 3


async def check_limits(
    change: Change, facts: Facts, limits: Mapping[str, Any]
) -> InvalidInput | None:
    """Give the problem of limits that the resource can't have.

    Nobody else can use up meanwhile what is shared with other resources.
    """
    known = await change.rows(tables.component, offering_id=facts.offering_id)
    limited = {each.type: each for each in known if _takes_limit(each)}
    shared = [each.id for each in limited.values() if _is_shared(each) and each.type in limits]
    if shared:
        await change.writer.lock(tables.component, *shared)
    fields: list[InvalidField] = []
    for name, value in limits.items():
        messages = await _troubles(change, facts, limited.get(name), Decimal(str(value)))
        fields += [InvalidField(path=["limits", name], message=each) for each in messages]
    return invalid_fields(*fields) if fields else None


def _takes_limit(component: Any) -> bool:
    """Tell whether a component can have a limit: such as are billed by it, or paid in advance."""
    prepaid = component.is_prepaid and component.billing_type == "one"
    return bool(prepaid or component.billing_type == "limit")


def _is_shared(component: Any) -> bool:
    return component.limit_amount is not None or component.max_available_limit is not None


async def _troubles(change: Change, facts: Facts, component: Any, value: Decimal) -> list[str]:
    if component is None:
        return ["The offering has no component of that type with a limit."]
    found = [*_bounds(component, value)]
    if component.limit_amount is not None:
        asked = granted(component.id, _start(component.limit_period, change.today))
        found += _over(await _sum(change, asked), value, component.limit_amount, "all resources")
    if component.max_available_limit is not None:
        asked = taken(facts.offering_id, component.type, facts.id)
        most = component.max_available_limit - 1
        found += _over(await _sum(change, asked), value, most, "the offering's resources")
    return found


async def _sum(change: Change, asked: Any) -> Decimal:
    ((total,),) = await change.writer.find(asked)
    return Decimal(total)


def _over(used: Decimal, value: Decimal, most: int, whose: str) -> list[str]:
    if used + value <= most:
        return []
    return [f"Together {whose} can have {most}; {max(most - used, Decimal())} is left."]


def _bounds(component: Any, value: Decimal) -> Iterator[str]:
    if component.max_value and value > component.max_value:
        yield f"It can be at most {component.max_value}."
    if component.min_value and value < component.min_value:
        yield f"It must be at least {component.min_value}."


def _start(period: str | None, today: date) -> date | None:
    """Give when the present period began; None if it never ends."""
    if period == "annual":
        return date(today.year, 1, 1)
    if period == "quarterly":
        return date(today.year, (today.month - 1) // _QUARTER * _QUARTER + 1, 1)
    return None if period == "total" else today.replace(day=1)
