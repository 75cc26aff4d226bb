"""What resources cost and used over time: plan periods, usages, quotas."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import islice
from typing import NamedTuple

from gateway.db import tables
from gateway.demo.marketplace.orders import Switch
from gateway.demo.marketplace.resources import CREATING, TERMINATED, Resource
from gateway.demo.marketplace.rows import Rows

_MONTHS = 3
_LONG_USED = 31 * _MONTHS
"""So many days ago a resource was made that it was used in all these months."""
_OLDEST, _EVERY = 40, 200
"""Of so many of the oldest resources, and one in so many others, all months are known."""


class Period(NamedTuple):
    """A time in which a resource was on one plan."""

    key: int
    start: datetime


def add(rows: Rows, resource: Resource, switch: Switch | None) -> None:
    """Add a resource's plan periods, the usages within them, and its quotas."""
    if resource.state == CREATING:
        return
    periods = list(_periods(rows, resource, switch))
    used = rows.ago(_LONG_USED) > resource.created and rows.chance(0.35)
    if used:
        _usages(rows, resource, periods, islice(_months(rows, resource), _MONTHS))
    if resource.key <= _OLDEST or resource.key % _EVERY == 0:
        with rows.apart("usages"):
            rest = islice(_months(rows, resource), _MONTHS if used else 0, None)
            _usages(rows, resource, periods, rest)
    for each in resource.place.offering.limited:
        rows.add(
            tables.component_quota,
            resource_id=resource.key,
            component_id=resource.place.offering.components[each.type],
            limit=resource.limits[each.type],
            usage=resource.usages[each.type],
            created=resource.created,
        )


def _periods(rows: Rows, resource: Resource, switch: Switch | None) -> Iterator[Period]:
    """Add the plan periods, the last of which is open while the resource lives."""
    if resource.plan is None:
        return
    start = resource.created
    if switch:
        yield _period(rows, resource, switch.old.key, start, switch.at)
        start = switch.at
    end = rows.ago(0) if resource.state == TERMINATED else None
    yield _period(rows, resource, resource.plan.key, start, end)


def _period(
    rows: Rows, resource: Resource, plan: int, start: datetime, end: datetime | None
) -> Period:
    key = rows.add(
        tables.plan_period,
        resource_id=resource.key,
        plan_id=plan,
        start=start,
        end=end,
        created=start,
    )
    return Period(key, start)


def _usages(
    rows: Rows, resource: Resource, periods: Sequence[Period], months: Iterable[date]
) -> None:
    """Add how much was used of each component in some months, in the period of then."""
    for month in months:
        at = max(rows.ago((rows.day - month).days), resource.created)
        period = next((each.key for each in reversed(periods) if each.start <= at), None)
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


def _months(rows: Rows, resource: Resource) -> Iterator[date]:
    """Give the first days of the months in which there was the resource, the last one first."""
    month, first = rows.day.replace(day=1), resource.created.date().replace(day=1)
    while month >= first:
        yield month
        month = (month - timedelta(days=1)).replace(day=1)
