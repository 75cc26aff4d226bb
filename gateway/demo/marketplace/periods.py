"""What resources cost and used over time: plan periods, usages, quotas."""

from collections.abc import Iterator
from datetime import date, timedelta

from gateway.db import tables
from gateway.demo.marketplace.orders import Switch
from gateway.demo.marketplace.resources import CREATING, TERMINATED, Resource
from gateway.demo.marketplace.rows import Rows

_MONTHS = 3
_LONG_USED = 31 * _MONTHS
"""So many days ago a resource was made that it was used in all these months."""


def add(rows: Rows, resource: Resource, switch: Switch | None) -> None:
    """Add a resource's plan periods, the usages within the last, and its quotas."""
    if resource.state == CREATING:
        return
    period = _periods(rows, resource, switch)
    if rows.ago(_LONG_USED) > resource.created and rows.chance(0.35):
        _usages(rows, resource, period)
    for each in resource.place.offering.limited:
        rows.add(
            tables.component_quota,
            resource_id=resource.key,
            component_id=resource.place.offering.components[each.type],
            limit=resource.limits[each.type],
            usage=resource.usages[each.type],
            created=resource.created,
        )


def _periods(rows: Rows, resource: Resource, switch: Switch | None) -> int | None:
    """Add the plan periods and give the last, which is open while the resource lives."""
    if resource.plan is None:
        return None
    start = resource.created
    if switch:
        rows.add(
            tables.plan_period,
            resource_id=resource.key,
            plan_id=switch.old.key,
            start=start,
            end=switch.at,
            created=start,
        )
        start = switch.at
    return rows.add(
        tables.plan_period,
        resource_id=resource.key,
        plan_id=resource.plan.key,
        start=start,
        end=rows.ago(0) if resource.state == TERMINATED else None,
        created=start,
    )


def _usages(rows: Rows, resource: Resource, period: int | None) -> None:
    for month in _months(rows.day):
        at = rows.ago((rows.day - month).days)
        for kind, used in resource.usages.items():
            rows.add(
                tables.component_usage,
                resource_id=resource.key,
                component_id=resource.place.offering.components[kind],
                plan_period_id=period,
                usage=round(used * rows.random.random(), 2),
                date=at,
                billing_period=month,
                recurring=False,
                modified_by_id=resource.orderer if rows.chance(0.2) else None,
                created=at,
            )


def _months(day: date) -> Iterator[date]:
    """Give the first days of the last months."""
    month = day.replace(day=1)
    for _ in range(_MONTHS):
        yield month
        month = (month - timedelta(days=1)).replace(day=1)
