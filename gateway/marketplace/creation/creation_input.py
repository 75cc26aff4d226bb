"""Checks of the values of an order for a new resource (rules.md §3)."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from gateway.db.driver.date_spelling import parse_stored_date
from gateway.db.queries.creation_checks import SELECT_PROJECT_ATTRIBUTE_EXISTS
from gateway.exact_json import encode_json
from gateway.marketplace.attachments import check_attachment
from gateway.marketplace.billing.limits import LimitedOffering, check_offering_limits
from gateway.marketplace.creation.order_draft import OrderDraft
from gateway.marketplace.orders.approval import has_start_dates
from gateway.marketplace.orders.place import check_request_comment
from gateway.marketplace.problems import (
    InvalidField,
    InvalidInput,
    Problem,
    build_invalid_field,
    describe_value,
)
from gateway.marketplace.text_values import (
    MAX_DESCRIPTION_LENGTH,
    MAX_NAME_LENGTH,
    find_text_problem,
)
from gateway.marketplace.unit_of_work import UnitOfWork


async def find_invalid_values(unit_of_work: UnitOfWork, draft: OrderDraft) -> list[InvalidField]:
    """Return the invalid values of a request, except those of its order form."""
    request = draft.request
    return [
        *find_text_problem(request.name, "name", max_length=MAX_NAME_LENGTH),
        *_list_fields(draft.plan_problem),
        *_check_form_type(request.attributes),
        *await _check_unique_attribute(unit_of_work, draft),
        *_check_description(draft.attributes.get("description")),
        *await _check_limits(unit_of_work, draft),
        *await _check_start_date(unit_of_work, draft),
        *_list_fields(check_request_comment(request.request_comment)),
        *_list_fields(check_attachment(request.attachment)),
    ]


async def _check_limits(unit_of_work: UnitOfWork, draft: OrderDraft) -> list[InvalidField]:
    requested = draft.request.limits
    if requested is None:
        return []
    limits = draft.limits if isinstance(requested, dict) else requested
    offering = LimitedOffering(draft.offering.id)
    return _list_fields(await check_offering_limits(unit_of_work, offering, limits))


def _check_form_type(attributes: object) -> Iterator[InvalidField]:
    if attributes is not None and not isinstance(attributes, dict):
        message = f"must be an object of answers by name, got {describe_value(attributes)}."
        yield build_invalid_field("attributes", message=message)


def _list_fields(problem: Problem | None) -> list[InvalidField]:
    return problem.fields if isinstance(problem, InvalidInput) else []


def _check_description(description: object) -> Iterator[InvalidField]:
    path = ("attributes", "description")
    if isinstance(description, str):
        yield from find_text_problem(
            description, *path, max_length=MAX_DESCRIPTION_LENGTH, is_required=False
        )
    elif description is not None:
        message = f"must be a text, got {describe_value(description)}."
        yield build_invalid_field(*path, message=message)


async def _check_start_date(unit_of_work: UnitOfWork, draft: OrderDraft) -> list[InvalidField]:
    """Return what a start date must be: supported, not past, and within the project's time."""
    if draft.request.start_date is None:
        return []
    if not await has_start_dates(unit_of_work):
        message = "must be left out: start dates of orders are switched off."
        return [build_invalid_field("startDate", message=message)]
    start_date = date.fromisoformat(draft.request.start_date)
    bounds = [
        ("before today", unit_of_work.today, 1),
        ("before the start of the project", _parse_date(draft.project.start_date), 1),
        ("after the end of the project", _parse_date(draft.project.end_date), -1),
    ]
    return [
        build_invalid_field("startDate", message=f"must not be {words}, {bound}.")
        for words, bound, direction in bounds
        if bound is not None and (bound - start_date).days * direction > 0
    ]


def _parse_date(text: str | None) -> date | None:
    return None if text is None else parse_stored_date(text)


async def _check_unique_attribute(
    unit_of_work: UnitOfWork, draft: OrderDraft
) -> list[InvalidField]:
    """Return an attribute whose value another live resource of the project has already."""
    name: Any = draft.offering.plugin_options.get("unique_resource_per_attribute")
    if not isinstance(name, str) or not draft.attributes.get(name):
        return []
    value = draft.attributes[name]
    parameters = {
        "project_id": draft.project.id,
        "offering_id": draft.offering.id,
        "name": name,
        "value": encode_json(value).decode(),
    }
    ((is_used,),) = await unit_of_work.writer.execute_statement(
        SELECT_PROJECT_ATTRIBUTE_EXISTS, parameters
    )
    if not is_used:
        return []
    message = "must be a value that no other resource of the project has."
    return [build_invalid_field("attributes", name, message=message)]
