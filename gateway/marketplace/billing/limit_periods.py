"""The periods of limits: when they are billed anew, how much is used of them (domain.md §3.2)."""

from collections.abc import Callable, Mapping
from datetime import date

MONTHS = 12
QUARTER = 3


def _first_of(year: int, month: int) -> date:
    """Give the first of a month, which may be beyond December."""
    return date(year + (month - 1) // MONTHS, (month - 1) % MONTHS + 1, 1)


NEXT: Mapping[str, Callable[[date], date]] = {
    "month": lambda today: _first_of(today.year, today.month + 1),
    "quarterly": lambda today: _first_of(
        today.year, (today.month - 1) // QUARTER * QUARTER + 1 + QUARTER
    ),
    "annual": lambda today: date(today.year + 1, 1, 1),
}
"""The day on which the next period begins; what counts in total has none."""


def renewals(periods: Mapping[str, str | None], today: date) -> dict[str, date] | None:
    """Give by component when its limit is billed anew; None if none has a period."""
    given = {component: each for component, each in periods.items() if each is not None}
    if not given:
        return None
    return {component: NEXT[each](today) for component, each in given.items() if each in NEXT}


def limit_usage(
    periods: Mapping[str, str | None], present: Mapping[str, float], sums: Mapping[str, float]
) -> dict[str, float | None]:
    """Give by component how much of its limit is used: at present, or summed up over its period."""
    return {
        component: (present if each in (None, "month") else sums).get(component)
        for component, each in periods.items()
    }
