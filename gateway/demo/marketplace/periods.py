"""Plan periods, monthly usages and component quotas of resources."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import islice
from typing import NamedTuple

from gateway.db import tables
from gateway.db.tables.codes import ResourceState
from gateway.demo.marketplace.orders import PlanSwitch
from gateway.demo.marketplace.resources import DemoResource
from gateway.demo.marketplace.rows import RowWriter

_RECENT_MONTH_COUNT = 3
_RECENT_USAGE_DAYS = 31 * _RECENT_MONTH_COUNT
"""Minimum age in days of a resource with usages in all recent months."""
_FULL_HISTORY_COUNT, _FULL_HISTORY_INTERVAL = 40, 200
"""Number of the oldest resources with usages of all months, and one in so many of the others."""


class DemoPlanPeriod(NamedTuple):
    """Plan period of a resource: its key and start."""

    key: int
    start: datetime


def add_periods(writer: RowWriter, resource: DemoResource, switch: PlanSwitch | None) -> None:
    """Add the plan periods of a resource, the usages within them, and its component quotas."""
    if resource.state == ResourceState.CREATING:
        return
    periods = list(_add_plan_periods(writer, resource, switch))
    has_recent_usage = writer.days_ago(
        _RECENT_USAGE_DAYS
    ) > resource.created and writer.draw_chance(0.35)
    if has_recent_usage:
        _add_usages(
            writer, resource, periods, islice(_list_months(writer, resource), _RECENT_MONTH_COUNT)
        )
    if resource.key <= _FULL_HISTORY_COUNT or resource.key % _FULL_HISTORY_INTERVAL == 0:
        with writer.use_random_stream("usages"):
            earlier_months = islice(
                _list_months(writer, resource), _RECENT_MONTH_COUNT if has_recent_usage else 0, None
            )
            _add_usages(writer, resource, periods, earlier_months)
    for component in resource.placement.offering.limited_components:
        writer.add_row(
            tables.component_quota,
            resource_id=resource.key,
            component_id=resource.placement.offering.component_ids[component.component_type],
            limit=resource.limits[component.component_type],
            usage=resource.usages[component.component_type],
            created=resource.created,
        )


def _add_plan_periods(
    writer: RowWriter, resource: DemoResource, switch: PlanSwitch | None
) -> Iterator[DemoPlanPeriod]:
    """Add and yield the plan periods; the last one is open unless the resource is terminated."""
    if resource.plan is None:
        return
    start = resource.created
    if switch:
        yield _add_plan_period(writer, resource, switch.old_plan.key, start, switch.switched_at)
        start = switch.switched_at
    end = writer.days_ago(0) if resource.state == ResourceState.TERMINATED else None
    yield _add_plan_period(writer, resource, resource.plan.key, start, end)


def _add_plan_period(
    writer: RowWriter, resource: DemoResource, plan_id: int, start: datetime, end: datetime | None
) -> DemoPlanPeriod:
    period_id = writer.add_row(
        tables.plan_period,
        resource_id=resource.key,
        plan_id=plan_id,
        start=start,
        end=end,
        created=start,
    )
    return DemoPlanPeriod(period_id, start)


def _add_usages(
    writer: RowWriter,
    resource: DemoResource,
    periods: Sequence[DemoPlanPeriod],
    months: Iterable[date],
) -> None:
    """Add the usages of each component in `months`, each in the plan period of its time."""
    for month in months:
        reported_at = max(writer.days_ago((writer.reference_day - month).days), resource.created)
        period_id = next(
            (each.key for each in reversed(periods) if each.start <= reported_at), None
        )
        for component_type, typical_usage in resource.usages.items():
            writer.add_row(
                tables.component_usage,
                resource_id=resource.key,
                component_id=resource.placement.offering.component_ids[component_type],
                plan_period_id=period_id,
                usage=round(typical_usage * writer.random.random(), 2),
                date=reported_at,
                billing_period=month,
                recurring=False,
                modified_by_id=resource.ordered_by if writer.draw_chance(0.2) else None,
                created=reported_at,
            )


def _list_months(writer: RowWriter, resource: DemoResource) -> Iterator[date]:
    """Yield the first days of the months since the resource's creation, the present one first."""
    month, first_month = writer.reference_day.replace(day=1), resource.created.date().replace(day=1)
    while month >= first_month:
        yield month
        month = (month - timedelta(days=1)).replace(day=1)
