"""Limits of the end dates of resources, which an offering may set (domain.md §5.13)."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date, timedelta
from typing import Any

from gateway.marketplace.problems import InvalidField, build_invalid_field

OptionGetter = Callable[[str], Any]
"""Function that returns a plugin option of an offering by name; None if there is none."""


def check_end_date(
    end_date: date, get_option: OptionGetter, first_day: date, today: date, *path: str
) -> Iterator[InvalidField]:
    """Yield the problem of an end date that is past, or later than the offering allows.

    `first_day` is the day from which the offering counts, `path` that of the date in the input.
    """
    latest_day = min(_iterate_latest_days(get_option, first_day), default=date.max)
    if end_date < today:
        yield build_invalid_field(*path, message=f"must not be before today, {today}.")
    elif end_date > latest_day:
        message = f"must be at most {latest_day}: the offering limits end dates."
        yield build_invalid_field(*path, message=message)


def _iterate_latest_days(get_option: OptionGetter, first_day: date) -> Iterator[date]:
    """Yield the latest end dates by the offering's options; invalid options set no limit."""
    with suppress(TypeError, ValueError):
        yield date.fromisoformat(get_option("latest_date_for_resource_termination"))
    max_end = _add_days(first_day, get_option("max_resource_termination_offset_in_days"))
    if max_end is not None:
        yield max_end


def find_default_end(get_option: OptionGetter, first_day: date) -> date | None:
    """Return the end date of a resource that needs one, and for which none was chosen."""
    if get_option("is_resource_termination_date_required") is not True:
        return None
    return _add_days(first_day, get_option("default_resource_termination_offset_in_days"))


def _add_days(first_day: date, days: Any) -> date | None:
    """Return a later day; None if the number of days is not a number, or too large."""
    with suppress(TypeError, OverflowError):
        return first_day + timedelta(days=days)
    return None
