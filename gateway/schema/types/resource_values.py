"""What is worked out of what is stored of resources."""

from datetime import date
from typing import Any

import msgspec

from gateway.db.installation.version_rules import Rules
from gateway.marketplace.billing.limit_periods import limit_usage, renewals
from gateway.marketplace.plugins import plugin
from gateway.schema.framework.publish import published
from gateway.schema.framework.scalars import Date


def is_limit_based(offering_type: str, has_limits: bool) -> bool:  # noqa: FBT001 - a column's value
    """Say whether a resource's limits are billed and can be changed."""
    return has_limits and plugin(offering_type).limits_updatable


def same(value: Any) -> Any:
    """Give a value as it is."""
    return value


@published
class RenewalDate:
    """When the limit of a component is billed anew."""

    component: str
    """The component's type."""
    date: Date
    """The first day of the next period."""


def renewal_dates(periods: str | None, today: date) -> list[RenewalDate] | None:
    """Give when limits are billed anew, by the periods of the components."""
    if periods is None:
        return None
    found = renewals(msgspec.json.decode(periods), today)
    if found is None:
        return None
    return [RenewalDate(component=name, date=Date(day.isoformat())) for name, day in found.items()]


def limits_used(
    offering_type: str,
    plan: int | None,
    present: str,
    periods: str | None,
    sums: str | None,
    rules: Rules,
) -> str | None:
    """Give how much of its limits a resource has used in their periods (domain.md §3.2)."""
    if plan is None or not is_limit_based(offering_type, periods is not None):
        return rules.unlimited_usage
    return msgspec.json.encode(limit_usage(*map(_object, (periods, present, sums)))).decode()


def _object(stored: str | None) -> dict[str, Any]:
    """Read a stored object; empty if it is none."""
    given = msgspec.json.decode(stored or "{}")
    return given if isinstance(given, dict) else {}


@published
class ReportSection:
    """A part of what a provider reports about a resource."""

    header: str
    """What the part is about."""
    body: str
    """What is reported."""


def sections(report: str | None) -> list[ReportSection] | None:
    """Read a stored report."""
    if report is None:
        return None
    given = msgspec.json.decode(report)
    listed = given if isinstance(given, list) else []
    parts: list[dict[str, Any]] = [each for each in listed if isinstance(each, dict)]
    return [
        ReportSection(header=str(each.get("header", "")), body=str(each.get("body", "")))
        for each in parts
    ]
