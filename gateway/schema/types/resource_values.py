"""What is worked out of what is stored of resources."""

from datetime import date
from typing import Any

import msgspec

from gateway.db.installation.version_rules import VersionRules
from gateway.marketplace.billing.limit_periods import (
    compute_billing_dates,
    compute_usage_by_component,
)
from gateway.marketplace.plugins import get_plugin
from gateway.schema.framework.publish import object_type
from gateway.schema.framework.scalars import Date


def is_limit_based(offering_type: str, has_limit_components: bool) -> bool:  # noqa: FBT001 - a column's value
    """Say whether a resource's limits are billed and can be changed."""
    return has_limit_components and get_plugin(offering_type).can_update_limits


def pass_through(value: Any) -> Any:
    """Give a value as it is."""
    return value


@object_type
class RenewalDate:
    """When the limit of a component is billed anew."""

    component: str
    """The component's type."""
    date: Date
    """The first day of the next period."""


def compute_renewal_dates(limit_periods: str | None, today: date) -> list[RenewalDate] | None:
    """Give when limits are billed anew, by the periods of the components."""
    if limit_periods is None:
        return None
    next_dates = compute_billing_dates(msgspec.json.decode(limit_periods), today)
    if next_dates is None:
        return None
    return [
        RenewalDate(component=name, date=Date(day.isoformat())) for name, day in next_dates.items()
    ]


def compute_limit_usage(
    offering_type: str,
    plan_id: int | None,
    current_usages: str,
    limit_periods: str | None,
    reported_sums: str | None,
    version_rules: VersionRules,
) -> str | None:
    """Give how much of its limits a resource has used in their periods (domain.md §3.2)."""
    if plan_id is None or not is_limit_based(offering_type, limit_periods is not None):
        return version_rules.unlimited_usage
    return msgspec.json.encode(
        compute_usage_by_component(
            *map(_decode_object, (limit_periods, current_usages, reported_sums))
        )
    ).decode()


def _decode_object(stored_json: str | None) -> dict[str, Any]:
    """Read a stored object; empty if it is none."""
    decoded = msgspec.json.decode(stored_json or "{}")
    return decoded if isinstance(decoded, dict) else {}


@object_type
class ReportSection:
    """A part of what a provider reports about a resource."""

    header: str
    """What the part is about."""
    body: str
    """What is reported."""


def parse_report_sections(report_json: str | None) -> list[ReportSection] | None:
    """Read a stored report."""
    if report_json is None:
        return None
    decoded = msgspec.json.decode(report_json)
    items = decoded if isinstance(decoded, list) else []
    sections: list[dict[str, Any]] = [each for each in items if isinstance(each, dict)]
    return [
        ReportSection(header=str(each.get("header", "")), body=str(each.get("body", "")))
        for each in sections
    ]
