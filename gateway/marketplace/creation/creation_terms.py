"""Duration of a new resource: its end date, and the months that are paid in advance."""

from collections.abc import Iterator
from datetime import date
from typing import Any, NamedTuple

from gateway.marketplace.billing.renewal_pricing import (
    MAX_RENEWAL_MONTHS as _MAX_MONTHS,
    count_started_months,
)
from gateway.marketplace.creation.order_draft import OrderDraft
from gateway.marketplace.end_dates import check_end_date, find_default_end
from gateway.marketplace.problems import InvalidField, build_invalid_field, describe_value
from gateway.marketplace.rows import ComponentRow

_END_DATE_PATH = ("attributes", "end_date")
_MONTHS_PATH = ("attributes", "prepaid_duration_months")


class CreationTerms(NamedTuple):
    """How long a resource is ordered for."""

    end_date: date | None = None
    """None without an end."""
    months: int = 0
    """Number of months that are paid in advance; 0 unless the offering is prepaid."""
    invalid_fields: tuple[InvalidField, ...] = ()


def find_creation_terms(draft: OrderDraft, first_day: date, today: date) -> CreationTerms:
    """Return the terms that the order form asks for, with what is invalid in them.

    The months count from `first_day`, the day on which the resource begins.
    """
    value = draft.attributes.get("end_date")
    end_date = _parse_date(value)
    if value is not None and end_date is None:
        return _refuse(_END_DATE_PATH, "must be written like 2026-01-31.")
    if draft.is_prepaid:
        return _find_prepaid_terms(draft, end_date, first_day, today)
    get_option = draft.offering.plugin_options.get
    if end_date is None:
        return CreationTerms(find_default_end(get_option, first_day))
    problems = check_end_date(end_date, get_option, first_day, today, *_END_DATE_PATH)
    return CreationTerms(end_date, invalid_fields=tuple(problems))


def _refuse(path: tuple[str, ...], message: str) -> CreationTerms:
    return CreationTerms(invalid_fields=(build_invalid_field(*path, message=message),))


def _parse_date(value: Any) -> date | None:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        return None


def _find_prepaid_terms(
    draft: OrderDraft, end_date: date | None, first_day: date, today: date
) -> CreationTerms:
    if end_date is None:
        return _refuse(_END_DATE_PATH, "is required: the resource is paid in advance.")
    first_day = max(first_day, today)
    if end_date <= first_day:
        return _refuse(_END_DATE_PATH, f"must be after {first_day}, on which the resource starts.")
    value = draft.attributes.get("prepaid_duration_months")
    months = count_started_months(first_day, end_date) if value is None else value
    path = _END_DATE_PATH if value is None else _MONTHS_PATH
    if isinstance(months, bool) or not isinstance(months, int) or not 1 <= months <= _MAX_MONTHS:
        return _refuse(path, f"must be 1 to {_MAX_MONTHS} months, got {describe_value(months)}.")
    problems = [
        build_invalid_field(*path, message=message)
        for component in draft.components
        if component.is_prepaid
        for message in _check_duration(months, component)
    ]
    return CreationTerms(end_date, months, tuple(problems))


def _check_duration(months: int, component: ComponentRow) -> Iterator[str]:
    """Yield what a number of months must be for a prepaid component."""
    minimum, maximum = component.min_prepaid_duration, component.max_prepaid_duration
    step = component.prepaid_duration_step or 1
    if minimum is not None and months < minimum:
        yield f"must be at least {minimum} months for `{component.type}`, got {months}."
    elif maximum is not None and months > maximum:
        yield f"must be at most {maximum} months for `{component.type}`, got {months}."
    elif (months - (minimum or 0)) % step:
        start = f"from {minimum} " if minimum else ""
        yield (
            f"must be a number of months in steps of {step} {start}for `{component.type}`,"
            f" got {months}."
        )
