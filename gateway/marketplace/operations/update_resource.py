"""Updating a resource's name, description and end date (rules.md §1)."""

from collections.abc import Iterator, Mapping
from datetime import date
from functools import partial
from typing import Any

from gateway.db.driver.date_spelling import parse_stored_timestamp
from gateway.marketplace.eligibility import get_option
from gateway.marketplace.end_dates import check_end_date
from gateway.marketplace.operation_rules import ResourceOperation
from gateway.marketplace.operations.set_end_date import build_end_date_request, log_end_date
from gateway.marketplace.operations.setter import ResourceChange, declare_setter
from gateway.marketplace.problems import (
    InvalidField,
    NotPossible,
    Reason,
    raise_problem,
)
from gateway.marketplace.rows import ResourceRow
from gateway.marketplace.table_row import ColumnValues
from gateway.marketplace.text_values import (
    MAX_DESCRIPTION_LENGTH,
    MAX_NAME_LENGTH,
    find_text_problem,
    raise_invalid_fields,
)


@declare_setter(ResourceOperation.UPDATE_RESOURCE)
async def update_details(
    change: ResourceChange,
    name: str | None = None,
    description: str | None = None,
    **end_date: Any,
) -> None:
    """Update what is given: `name`, `description`, and `end_date`, which None clears."""
    texts = {"name": name, "description": description}
    given_texts: dict[str, Any] = {
        field: text.strip() for field, text in texts.items() if text is not None
    }
    values = ColumnValues(ResourceRow, **given_texts, **end_date)
    is_new_date = ColumnValues(ResourceRow, **end_date).differ_from(change.before)
    if is_new_date and change.facts.prepaid:
        message = "The resource is prepaid; only a renewal changes its end date."
        raise_problem(NotPossible(message=message, reason=Reason.PREPAID))
    date_problems = _find_date_problem(change, **end_date)
    raise_invalid_fields([*_find_text_problems(given_texts), *date_problems])
    if is_new_date:
        values |= build_end_date_request(change.unit_of_work)
    after = await change.set_columns(values, "Updated via REST API")
    if after is not None and is_new_date:
        await log_end_date(change.unit_of_work, change.facts, after, "RESOURCE.UPDATE")


def _find_text_problems(texts: Mapping[str, str]) -> Iterator[InvalidField]:
    if "name" in texts:
        yield from find_text_problem(texts["name"], "name", max_length=MAX_NAME_LENGTH)
    if "description" in texts:
        yield from find_text_problem(
            texts["description"],
            "description",
            max_length=MAX_DESCRIPTION_LENGTH,
            is_required=False,
        )


def _find_date_problem(
    change: ResourceChange, end_date: str | None = None
) -> Iterator[InvalidField]:
    """Yield the problem of an end date that is past, or later than the offering allows."""
    if end_date is None:
        return
    options = partial(get_option, change.facts.plugin_options)
    created_day = parse_stored_timestamp(change.before.created).date()
    today = change.unit_of_work.today
    yield from check_end_date(date.fromisoformat(end_date), options, created_day, today, "endDate")
