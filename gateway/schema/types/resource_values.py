"""Values of resource fields that are computed from stored columns."""

from datetime import date
from typing import Any

import msgspec

from gateway.db.installation.version_rules import VersionRules
from gateway.exact_json import decode_json_or_none, decode_members, encode_json
from gateway.marketplace.billing.limit_periods import (
    compute_billing_dates,
    compute_usage_by_component,
)
from gateway.marketplace.plugins import get_plugin
from gateway.schema.framework.publish import object_type
from gateway.schema.framework.scalars import Date


def is_limit_based(offering_type: str, has_limit_components: bool) -> bool:  # noqa: FBT001 - a column's value
    """Return whether limits are billed and the plugin can change them."""
    return has_limit_components and get_plugin(offering_type).can_update_limits


@object_type
class RenewalDate:
    """The next billing date of a component's limit."""

    component: str
    """Type of the component: its key in `limits`."""
    date: Date
    """First day of the next limit period (`Component.limitPeriod`)."""


def compute_renewal_dates(limit_periods: str | None, today: date) -> list[RenewalDate] | None:
    """Return the next billing dates of limits; None without limits that have a period."""
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
    """Return the usage within the current period of each limit, as JSON (domain.md §3.2)."""
    if plan_id is None or not is_limit_based(offering_type, limit_periods is not None):
        return version_rules.unlimited_usage
    usage_by_component = compute_usage_by_component(
        msgspec.json.decode(limit_periods or "{}"),
        decode_members(current_usages) or {},
        decode_members(reported_sums or "{}") or {},
    )
    unreported_usage = msgspec.Raw(version_rules.unreported_usage.encode())
    return encode_json(
        {
            component: unreported_usage if usage is None else usage
            for component, usage in usage_by_component.items()
        }
    ).decode()


@object_type
class ReportSection:
    """A section of a provider's report."""

    header: str
    """Heading of the section."""
    body: str
    """Text of the section."""


def parse_report_sections(report_json: str | None) -> list[ReportSection] | None:
    """Return the sections of a stored report, skipping malformed ones.

    None without a report, and if Python can't decode it.
    """
    decoded = decode_json_or_none(report_json)
    if decoded is None and report_json != "null":
        return None
    items = decoded if isinstance(decoded, list) else []
    sections: list[dict[str, Any]] = [each for each in items if isinstance(each, dict)]
    return [
        ReportSection(header=str(each.get("header", "")), body=str(each.get("body", "")))
        for each in sections
    ]
