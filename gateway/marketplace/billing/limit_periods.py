"""Limit periods: next billing dates and usage within the current period (domain.md §3.2)."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import TypeVar

from gateway.db.tables.codes import LimitPeriod

T = TypeVar("T")
MONTHS_PER_YEAR = 12
MONTHS_PER_QUARTER = 3


def _first_day_of_month(year: int, month: int) -> date:
    """Return the first day of a month; months after 12 are in the next year."""
    return date(year + (month - 1) // MONTHS_PER_YEAR, (month - 1) % MONTHS_PER_YEAR + 1, 1)


NEXT_PERIOD_START: Mapping[str, Callable[[date], date]] = {
    LimitPeriod.MONTH: lambda today: _first_day_of_month(today.year, today.month + 1),
    LimitPeriod.QUARTERLY: lambda today: _first_day_of_month(
        today.year,
        (today.month - 1) // MONTHS_PER_QUARTER * MONTHS_PER_QUARTER + 1 + MONTHS_PER_QUARTER,
    ),
    LimitPeriod.ANNUAL: lambda today: date(today.year + 1, 1, 1),
}
"""First day of the next period, by the period's name; the period `total` never ends."""


def compute_billing_dates(periods: Mapping[str, str | None], today: date) -> dict[str, date] | None:
    """Return the next billing date by component type; None if no component has a period."""
    limit_periods = {
        component: period for component, period in periods.items() if period is not None
    }
    if not limit_periods:
        return None
    return {
        component: NEXT_PERIOD_START[period](today)
        for component, period in limit_periods.items()
        if period in NEXT_PERIOD_START
    }


def compute_usage_by_component(
    periods: Mapping[str, str | None],
    current_usages: Mapping[str, T],
    period_sums: Mapping[str, T],
) -> dict[str, T | None]:
    """Return the usage that counts towards the limit, by component type.

    It is the current usage for limits without a period or of a month, else the sum over the
    period; None if it is unknown.
    """
    return {
        component: (current_usages if period in (None, LimitPeriod.MONTH) else period_sums).get(
            component
        )
        for component, period in periods.items()
    }
