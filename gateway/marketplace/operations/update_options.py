"""Updating a resource's options (domain.md §5.9)."""

from typing import Any

from gateway.marketplace.eligibility import get_option
from gateway.marketplace.operation_rules import (
    DIRECT_UPDATE_PRECONDITIONS,
    ResourceOperation,
    needs_option_order,
)
from gateway.marketplace.option_answers import check_answers
from gateway.marketplace.orders.place import OrderRequest, place_order
from gateway.marketplace.problems import build_invalid_input, describe_value, raise_problem
from gateway.marketplace.rows import ResourceRow
from gateway.marketplace.side_effects import update_resource
from gateway.marketplace.table_row import ColumnValues
from gateway.marketplace.unit_of_work import ChangeResult, UnitOfWork

OPERATION = ResourceOperation.UPDATE_RESOURCE_OPTIONS


async def update_options(
    unit_of_work: UnitOfWork, uuid: str, options: Any, if_modified: str | None, *, direct: bool
) -> ChangeResult:
    """Update some of a resource's options: at once or, if the offering requires it, by an order.

    `direct` is for the provider: the update needs no order.
    """
    preconditions = DIRECT_UPDATE_PRECONDITIONS if direct else None
    facts = await unit_of_work.lock_resource(uuid, OPERATION, if_modified, preconditions)
    if options is None:
        options = {}
    if not isinstance(options, dict):
        message = f"must be an object of values by option name, got {describe_value(options)}."
        raise_problem(build_invalid_input("options", message=message))
    questions = get_option(facts.resource_options, "options")
    raise_problem(check_answers(questions if isinstance(questions, dict) else {}, options))
    resource = await unit_of_work.load_row(ResourceRow, facts.id)
    if needs_option_order(facts) and not direct:
        attributes = {"old_options": resource.options, "new_options": options}
        order_request = OrderRequest(
            attributes=attributes, limits=resource.limits, cost=resource.cost
        )
        order_id = await place_order(unit_of_work, facts, resource, order_request)
        return ChangeResult(facts.id, order_id)
    merged_options = {**(resource.options or {}), **options}
    changes = ColumnValues(ResourceRow, options=merged_options)
    await update_resource(unit_of_work, resource, changes)
    return ChangeResult(facts.id)
