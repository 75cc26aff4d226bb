"""Placing and approving orders (domain.md §6.1-6.4).

The states of an order; after the consumer's approval the first one applies whose condition holds:

    PENDING_CONSUMER ─┬─> PENDING_PROJECT      the project has not started
                      ├─> PENDING_START_DATE   the order has a later start date
                      ├─> PENDING_PROVIDER ──> EXECUTING ──> DONE or ERRED
                      └─> EXECUTING ──> DONE or ERRED

Tasks of Waldur release orders from PENDING_PROJECT and PENDING_START_DATE. A pending order
can be rejected (REJECTED), an unfinished one cancelled (CANCELED).
`place_order` approves on the consumer's side at once if `approval` says that no review is
needed. `fulfil` has what happens to the resource at the end.
"""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from gateway.db import tables
from gateway.marketplace.orders.approval import get_state_after_consumer, has_consumer_approval
from gateway.marketplace.resource_facts import ResourceFacts
from gateway.marketplace.side_effects import add_quota, log_event, update_resource
from gateway.marketplace.states import OrderState, OrderType, ResourceState
from gateway.marketplace.unit_of_work import UnitOfWork

_STATES_WHILE_OPEN = {
    OrderType.UPDATE: ResourceState.UPDATING,
    OrderType.TERMINATE: ResourceState.TERMINATING,
}
"""State of a resource while an order of this type is open."""
_UNCHANGED_STATES = (ResourceState.ERRED.value, ResourceState.TERMINATED.value)


@dataclass(kw_only=True)
class OrderRequest:
    """Values of an order to be placed."""

    attributes: dict[str, Any]
    limits: dict[str, Any]
    cost: str | None
    request_comment: str | None = None
    attachment: str | None = None
    """Path of the stored file; None without a file."""
    type: OrderType = field(default=OrderType.UPDATE)


async def place_order(
    unit_of_work: UnitOfWork, facts: ResourceFacts, resource: Any, order_request: OrderRequest
) -> int:
    """Place an order for a resource and return its key.

    The order is approved on the consumer's side at once if the viewer needs no other approval.
    """
    order_id = await _insert_order(unit_of_work, resource, order_request)
    await add_quota(
        unit_of_work, "order_count", ("marketplace", "offering"), resource.offering_id, 1
    )
    after = resource
    if order_request.type in _STATES_WHILE_OPEN and resource.state not in _UNCHANGED_STATES:
        after = await update_resource(
            unit_of_work, resource, state=_STATES_WHILE_OPEN[order_request.type].value
        )
    operation_name = order_request.type.name.lower()
    message = f"Operation {operation_name} of resource {after.name} has been requested."
    await log_event(
        unit_of_work, f"marketplace_resource_{operation_name}_requested", after, message
    )
    await _log_order_event(unit_of_work, order_id, after, "created")
    if await has_consumer_approval(
        unit_of_work, facts, has_attachment=order_request.attachment is not None
    ):
        await approve_as_consumer(unit_of_work, facts, order_id)
    return order_id


async def _insert_order(
    unit_of_work: UnitOfWork, resource: Any, order_request: OrderRequest
) -> int:
    return await unit_of_work.insert_row(
        tables.order,
        state=OrderState.PENDING_CONSUMER.value,
        type=order_request.type.value,
        slug=f"order-{resource.id}-{order_request.type.value}",
        resource_id=resource.id,
        offering_id=resource.offering_id,
        project_id=resource.project_id,
        plan_id=resource.plan_id,
        attributes=order_request.attributes,
        limits=order_request.limits,
        cost=order_request.cost,
        created_by_id=unit_of_work.actor_id,
        request_comment=order_request.request_comment,
        attachment=order_request.attachment,
    )


async def approve_as_consumer(
    unit_of_work: UnitOfWork, facts: ResourceFacts, order_id: int
) -> None:
    """Approve an order on the consumer's side and move it to its next state."""
    order = await unit_of_work.load_row(tables.order, order_id)
    review_values = {
        "consumer_reviewed_by_id": unit_of_work.actor_id,
        "consumer_reviewed_at": unit_of_work.now,
    }
    state = get_state_after_consumer(unit_of_work, facts, order.start_date)
    await unit_of_work.update_rows(tables.order, order_id, state=state.value, **review_values)
    if state is OrderState.EXECUTING:
        await _log_approval(unit_of_work, order)


async def approve_as_provider(unit_of_work: UnitOfWork, order_id: int) -> None:
    """Approve an order on the provider's side, so that it is carried out."""
    order = await unit_of_work.load_row(tables.order, order_id)
    review_values = {
        "provider_reviewed_by_id": unit_of_work.actor_id,
        "provider_reviewed_at": unit_of_work.now,
    }
    await unit_of_work.update_rows(
        tables.order, order_id, state=OrderState.EXECUTING.value, **review_values
    )
    await _log_approval(unit_of_work, order)


async def _log_approval(unit_of_work: UnitOfWork, order: Any) -> None:
    resource = await unit_of_work.load_row(tables.resource, order.resource_id)
    await _log_order_event(unit_of_work, order.id, resource, "approved")


async def _log_order_event(
    unit_of_work: UnitOfWork, order_id: int, resource: Any, outcome: str
) -> None:
    order = await unit_of_work.load_row(tables.order, order_id)
    order_label = f"Order {UUID(order.uuid).hex} of resource {resource.name}"
    await log_event(
        unit_of_work, f"marketplace_order_{outcome}", resource, f"{order_label} has been {outcome}."
    )


_OUTCOME_NAMES = {
    OrderState.DONE: "completed",
    OrderState.ERRED: "failed",
    OrderState.REJECTED: "rejected",
    OrderState.CANCELED: "terminated",
}
"""Words for final states of orders in the types of logged events (domain.md §7.1)."""


async def finish_order(
    unit_of_work: UnitOfWork, order: Any, state: OrderState, **values: Any
) -> None:
    """Set the final state of an order and log it."""
    await unit_of_work.update_rows(tables.order, order.id, state=state.value, **values)
    resource = await unit_of_work.load_row(tables.resource, order.resource_id)
    await _log_order_event(unit_of_work, order.id, resource, _OUTCOME_NAMES[state])
