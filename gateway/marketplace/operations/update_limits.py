"""Changing the limits of a resource by an order (domain.md §5.11, §5.14, rules.md §1)."""

from dataclasses import dataclass
from typing import Any

from gateway.marketplace.attachments import store_attachment
from gateway.marketplace.billing.limits import check_limits
from gateway.marketplace.billing.plan_cost import estimate_update_cost
from gateway.marketplace.operation_rules import ResourceOperation
from gateway.marketplace.orders.place import OrderRequest, check_request_comment, place_order
from gateway.marketplace.problems import InvalidInput, build_invalid_input, raise_problem
from gateway.marketplace.resource_facts import ResourceFacts
from gateway.marketplace.rows import ResourceRow
from gateway.marketplace.table_row import ColumnValues, JsonObject
from gateway.marketplace.unit_of_work import ChangeResult, UnitOfWork


@dataclass(frozen=True, kw_only=True)
class LimitUpdateRequest:
    """Client's request to change all limits of a resource."""

    uuid: str
    limits: Any
    """New limits as JSON, which replace the current ones."""
    request_comment: str | None = None
    attachment: bytes | None = None
    """Purchase order as a PDF file."""
    if_modified: str | None = None


async def order_limit_update(
    unit_of_work: UnitOfWork, update_request: LimitUpdateRequest
) -> ChangeResult:
    """Place an order to replace the limits of a resource."""
    facts = await unit_of_work.lock_resource(
        update_request.uuid, ResourceOperation.UPDATE_RESOURCE_LIMITS, update_request.if_modified
    )
    raise_problem(check_request_comment(update_request.request_comment))
    resource = await unit_of_work.load_row(ResourceRow, facts.id)
    raise_problem(await _check_new_limits(unit_of_work, facts, resource, update_request.limits))
    order_request = await build_limit_order(unit_of_work, resource, update_request.limits)
    order_request.request_comment = update_request.request_comment
    order_request.attachment = await store_attachment(unit_of_work, update_request.attachment)
    return ChangeResult(facts.id, await place_order(unit_of_work, facts, resource, order_request))


async def _check_new_limits(
    unit_of_work: UnitOfWork, facts: ResourceFacts, resource: ResourceRow, limits: Any
) -> InvalidInput | None:
    """Return the problem of new limits; None if they are valid and differ from the current ones."""
    problem = await check_limits(unit_of_work, facts, limits)
    if problem is not None:
        return problem
    if not limits:
        message = "must have the limit of one component at least, got an empty object."
        return build_invalid_input("limits", message=message)
    if limits == resource.limits:
        return build_invalid_input("limits", message="must differ from the current limits.")
    return None


async def build_limit_order(
    unit_of_work: UnitOfWork, resource: ResourceRow, limits: JsonObject
) -> OrderRequest:
    """Return an order that replaces a resource's limits, with its cost."""
    updated = ColumnValues(ResourceRow, limits=limits).apply_to(resource)
    return OrderRequest(
        attributes={"old_limits": resource.limits},
        limits=limits,
        cost=await estimate_update_cost(unit_of_work, updated),
    )
