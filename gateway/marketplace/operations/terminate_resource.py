"""Terminating a resource by an order (domain.md §5.12, rules.md §1)."""

from typing import Any

from gateway.db import tables
from gateway.db.tables.codes import OrderState, OrderType
from gateway.marketplace.operation_rules import ResourceOperation, can_approve_termination
from gateway.marketplace.orders.place import (
    OrderRequest,
    build_consumer_review,
    continue_order,
    place_order,
)
from gateway.marketplace.problems import build_invalid_input, describe_value, raise_problem
from gateway.marketplace.resource_facts import ResourceFacts
from gateway.marketplace.rows import OrderRow, ResourceRow
from gateway.marketplace.unit_of_work import ChangeResult, UnitOfWork


async def order_termination(
    unit_of_work: UnitOfWork, uuid: str, attributes: Any, if_modified: str | None
) -> ChangeResult:
    """Place an order to terminate a resource, or approve the one that waits for the consumer."""
    facts = await unit_of_work.lock_resource(
        uuid, ResourceOperation.TERMINATE_RESOURCE, if_modified
    )
    if attributes is not None and not isinstance(attributes, dict):
        message = f"must be an object of values by name, got {describe_value(attributes)}."
        raise_problem(build_invalid_input("attributes", message=message))
    if can_approve_termination(unit_of_work.viewer, facts):
        return ChangeResult(facts.id, await _approve_termination(unit_of_work, facts))
    resource = await unit_of_work.load_row(ResourceRow, facts.id)
    order_request = OrderRequest(
        type=OrderType.TERMINATE, attributes=attributes or {}, limits={}, cost=None
    )
    return ChangeResult(facts.id, await place_order(unit_of_work, facts, resource, order_request))


async def _approve_termination(unit_of_work: UnitOfWork, facts: ResourceFacts) -> int:
    """Approve the termination that waits for the consumer and return its key."""
    order, *_ = await unit_of_work.load_rows(
        OrderRow,
        resource_id=facts.id,
        type=OrderType.TERMINATE,
        state=OrderState.PENDING_CONSUMER,
    )
    await unit_of_work.writer.lock_rows(tables.order, order.id)
    review = build_consumer_review(unit_of_work, unit_of_work.actor_id)
    await continue_order(unit_of_work, facts, order, review)
    return order.id
