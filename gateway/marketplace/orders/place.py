"""Placing an order, and the steps that it takes until it is carried out (domain.md §6.1-6.4)."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from gateway.db import tables
from gateway.marketplace.orders.approval import after_consumer, consumer_approves
from gateway.marketplace.resource_facts import Facts
from gateway.marketplace.side_effects import changed, counted, tell
from gateway.marketplace.states import OrderState, OrderType, ResourceState
from gateway.marketplace.unit_of_work import Change

_MOVED = {
    OrderType.UPDATE: ResourceState.UPDATING,
    OrderType.TERMINATE: ResourceState.TERMINATING,
}
"""The state that a resource takes while such an order of it is open."""
_STAYS = (ResourceState.ERRED.value, ResourceState.TERMINATED.value)


@dataclass(kw_only=True)
class Wish:
    """What an order is to change."""

    attributes: dict[str, Any]
    limits: dict[str, Any]
    cost: str | None
    request_comment: str | None = None
    attachment: str | None = None
    """The path of a file."""
    type: OrderType = field(default=OrderType.UPDATE)


async def place(change: Change, facts: Facts, resource: Any, wish: Wish) -> int:
    """Place an order for a resource and give its key; it is approved as far as nobody has to."""
    id_ = await change.add(
        tables.order,
        state=OrderState.PENDING_CONSUMER.value,
        type=wish.type.value,
        slug=f"order-{resource.id}-{wish.type.value}",
        resource_id=resource.id,
        offering_id=resource.offering_id,
        project_id=resource.project_id,
        plan_id=resource.plan_id,
        attributes=wish.attributes,
        limits=wish.limits,
        cost=wish.cost,
        created_by_id=change.actor,
        request_comment=wish.request_comment,
        attachment=wish.attachment,
    )
    await counted(change, "order_count", ("marketplace", "offering"), resource.offering_id, 1)
    after = resource
    if wish.type in _MOVED and resource.state not in _STAYS:
        after = await changed(change, resource, state=_MOVED[wish.type].value)
    word = wish.type.name.lower()
    message = f"Resource {after.name} is to be changed ({word})."
    await tell(change, f"marketplace_resource_{word}_requested", after, message)
    await _told(change, id_, after, "created")
    if await consumer_approves(change, facts, attached=wish.attachment is not None):
        await approved_by_consumer(change, facts, id_)
    return id_


async def approved_by_consumer(change: Change, facts: Facts, id_: int) -> None:
    """Have an order go on that the viewer approves for those who pay."""
    order = await change.row(tables.order, id_)
    reviewed = {"consumer_reviewed_by_id": change.actor, "consumer_reviewed_at": change.now}
    state = after_consumer(change, facts, order.start_date)
    await change.save(tables.order, id_, state=state.value, **reviewed)
    if state is OrderState.EXECUTING:
        await _approved(change, order)


async def approved_by_provider(change: Change, id_: int) -> None:
    """Have an order carried out that the viewer approves for the provider."""
    order = await change.row(tables.order, id_)
    reviewed = {"provider_reviewed_by_id": change.actor, "provider_reviewed_at": change.now}
    await change.save(tables.order, id_, state=OrderState.EXECUTING.value, **reviewed)
    await _approved(change, order)


async def _approved(change: Change, order: Any) -> None:
    resource = await change.row(tables.resource, order.resource_id)
    await _told(change, order.id, resource, "approved")


async def _told(change: Change, id_: int, resource: Any, what: str) -> None:
    order = await change.row(tables.order, id_)
    name = f"Order {UUID(order.uuid).hex} of resource {resource.name}"
    await tell(change, f"marketplace_order_{what}", resource, f"{name} has been {what}.")


_ENDS = {
    OrderState.DONE: "completed",
    OrderState.ERRED: "failed",
    OrderState.REJECTED: "rejected",
    OrderState.CANCELED: "terminated",
}
"""What the log calls the ends of orders (domain.md §7.1)."""


async def ended(change: Change, order: Any, state: OrderState, **values: Any) -> None:
    """Note that an order is over, and tell the log."""
    await change.save(tables.order, order.id, state=state.value, **values)
    resource = await change.row(tables.resource, order.resource_id)
    await _told(change, order.id, resource, _ENDS[state])
