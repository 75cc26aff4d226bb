"""Updating a resource's options (domain.md §5.9, rules.md §0)."""

from collections.abc import Iterable, Mapping
from typing import Any

from gateway.exact_json import decode_json_or_none
from gateway.marketplace.billing.plan_cost import estimate_update_cost
from gateway.marketplace.operation_rules import (
    DIRECT_UPDATE_PRECONDITIONS,
    ResourceOperation,
)
from gateway.marketplace.option_form import check_answers_size, check_option_form, list_questions
from gateway.marketplace.option_rules import needs_option_order
from gateway.marketplace.orders.place import OrderRequest, place_order
from gateway.marketplace.problems import (
    InvalidField,
    build_invalid_field,
    build_invalid_input,
    combine_invalid_fields,
    describe_value,
    raise_problem,
)
from gateway.marketplace.resource_facts import ResourceFacts
from gateway.marketplace.rows import ResourceRow
from gateway.marketplace.side_effects import update_resource
from gateway.marketplace.table_row import ColumnValues, JsonObject
from gateway.marketplace.unique_answers import build_option_scope, check_unique_answers
from gateway.marketplace.unit_of_work import ChangeResult, UnitOfWork

OPERATION = ResourceOperation.UPDATE_RESOURCE_OPTIONS


async def update_options(
    unit_of_work: UnitOfWork, uuid: str, options: Any, if_modified: str | None, *, direct: bool
) -> ChangeResult:
    """Update some of a resource's options: at once or, if the offering requires it, by an order.

    `direct` is for the provider: the update needs no order, and takes only the offering's options.
    """
    preconditions = DIRECT_UPDATE_PRECONDITIONS if direct else None
    facts = await unit_of_work.lock_resource(uuid, OPERATION, if_modified, preconditions)
    new_answers = _parse_options(options)
    form = decode_json_or_none(facts.resource_options)
    if direct:
        _raise_invalid_fields(_find_unknown_options(form, new_answers))
    resource = await unit_of_work.load_row(ResourceRow, facts.id)
    new_options = await _merge_options(unit_of_work, facts, resource, new_answers)
    if needs_option_order(facts, unit_of_work.current_rules) and not direct:
        order_request = await _build_order_request(unit_of_work, resource, new_options)
        order_id = await place_order(unit_of_work, facts, resource, order_request)
        return ChangeResult(facts.id, order_id)
    await update_resource(unit_of_work, resource, ColumnValues(ResourceRow, options=new_options))
    return ChangeResult(facts.id)


def _parse_options(options: Any) -> JsonObject:
    if options is not None and not isinstance(options, dict):
        message = f"must be an object of values by option name, got {describe_value(options)}."
        raise_problem(build_invalid_input("options", message=message))
    return options or {}


def _find_unknown_options(form: object, answers: Mapping[str, Any]) -> Iterable[InvalidField]:
    questions = list_questions(form)
    for name in [each for each in answers if each not in questions]:
        yield build_invalid_field("options", name, message="is not an option of the offering.")


async def _merge_options(
    unit_of_work: UnitOfWork, facts: ResourceFacts, resource: ResourceRow, new_answers: JsonObject
) -> JsonObject:
    """Return all options of a resource after an update; raises ChangeRefusedError if invalid."""
    form = decode_json_or_none(facts.resource_options)
    checked_form = check_option_form(form, new_answers, current_answers=resource.options or {})
    _raise_invalid_fields([*checked_form.invalid_fields, *check_answers_size(checked_form.answers)])
    visible_answers = {
        name: value for name, value in new_answers.items() if name in checked_form.answers
    }
    scope = build_option_scope(facts.offering_id, facts.id)
    _raise_invalid_fields(await check_unique_answers(unit_of_work, form, visible_answers, scope))
    return checked_form.answers


def _raise_invalid_fields(invalid_fields: Iterable[InvalidField]) -> None:
    fields = [*invalid_fields]
    if fields:
        raise_problem(combine_invalid_fields(*fields))


async def _build_order_request(
    unit_of_work: UnitOfWork, resource: ResourceRow, new_options: JsonObject
) -> OrderRequest:
    """Return an order with all options after it; it has no limits, and its cost is without them."""
    without_limits = ColumnValues(ResourceRow, limits={}).apply_to(resource)
    return OrderRequest(
        attributes={"old_options": resource.options, "new_options": new_options},
        limits={},
        cost=await estimate_update_cost(unit_of_work, without_limits),
    )
