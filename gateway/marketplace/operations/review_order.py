"""Approving, rejecting and calling off orders (domain.md §4.11, §6.3, §6.4)."""

from typing import Any, NamedTuple

from gateway.db import tables
from gateway.marketplace.orders.fulfil import given_up
from gateway.marketplace.orders.place import approved_by_consumer, approved_by_provider
from gateway.marketplace.plugins import plugin
from gateway.marketplace.preconditions import Place
from gateway.marketplace.problems import (
    NotPermitted,
    NotPossible,
    Reason,
    RefusedError,
    refuse,
)
from gateway.marketplace.resource_facts import Facts, facts
from gateway.marketplace.states import OPEN, WAITING, OrderState, in_states
from gateway.marketplace.unit_of_work import Change, Changed, missing, unchanged


class Known(NamedTuple):
    """An order that nobody else changes from now on, and where roles on it may be."""

    order: Any
    consumer: tuple[Place, ...]
    provider: tuple[Place, ...]


async def approve(change: Change, uuid: str, modified: str | None) -> Changed:
    """Approve an order for those who pay, or for the provider, whoever it waits for."""
    order, consumer, provider = await _known(change, uuid)
    pays, provides = (change.viewer.may("ORDER.APPROVE", *each) for each in (consumer, provider))
    _permitted(pays or provides, "ORDER.APPROVE")
    unchanged(order.modified, modified)
    waiting = (OrderState.PENDING_CONSUMER, OrderState.PENDING_PROVIDER)
    refuse(in_states(OrderState, order.state, waiting, "order"))
    if OrderState(order.state) is OrderState.PENDING_PROVIDER:
        _permitted(provides, "ORDER.APPROVE", "It waits for the provider, which")
        await approved_by_provider(change, order.id)
    else:
        _permitted(pays, "ORDER.APPROVE", "It waits for those who pay, which")
        await approved_by_consumer(change, await _facts(change, order), order.id)
    return Changed(order.resource_id, order.id)


async def reject(change: Change, uuid: str, comment: str | None, modified: str | None) -> Changed:
    """Reject an order that nobody has begun to carry out."""
    order, consumer, provider = await _known(change, uuid)
    pays = order.created_by_id == change.actor or change.viewer.may("ORDER.REJECT", *consumer)
    provides = change.viewer.may("ORDER.REJECT", *provider)
    _permitted(pays or provides, "ORDER.REJECT")
    unchanged(order.modified, modified)
    refuse(in_states(OrderState, order.state, WAITING, "order"))
    waits_for_provider = OrderState(order.state) is OrderState.PENDING_PROVIDER
    side = "provider" if provides and (waits_for_provider or not pays) else "consumer"
    reviewed: dict[str, Any] = {
        f"{side}_reviewed_by_id": change.actor,
        f"{side}_reviewed_at": change.now,
        f"{side}_rejection_comment": comment or "",
    }
    await given_up(change, order, OrderState.REJECTED, **reviewed)
    return Changed(order.resource_id, order.id)


async def cancel(change: Change, uuid: str, modified: str | None) -> Changed:
    """Call an order off, as long as it is not over."""
    order, consumer, _ = await _known(change, uuid)
    _permitted(change.viewer.may("ORDER.CANCEL", *consumer), "ORDER.CANCEL")
    unchanged(order.modified, modified)
    refuse(in_states(OrderState, order.state, OPEN, "order"))
    offering = await change.row(tables.offering, order.offering_id)
    if not plugin(offering.type).orders_cancellable:
        message = "The plugin of the offering can't call off orders."
        refuse(NotPossible(message=message, reason=Reason.ORDERS_FIXED))
    await given_up(change, order, OrderState.CANCELED)
    return Changed(order.resource_id, order.id)


async def _known(change: Change, uuid: str) -> Known:
    id_ = await change.seen(tables.order, uuid)
    seen = await change.row(tables.order, id_)
    await change.writer.lock(tables.resource, seen.resource_id)
    await change.writer.lock(tables.order, id_)
    await change.seen(tables.order, uuid)
    order = await change.row(tables.order, id_)
    project = await change.row(tables.project, order.project_id)
    offering = await change.row(tables.offering, order.offering_id)
    return Known(
        order,
        (("project", project.id), ("customer", project.customer_id)),
        (("customer", offering.customer_id),),
    )


async def _facts(change: Change, order: Any) -> Facts:
    """Read the facts of an order's resource, whoever sees it."""
    found = await facts(change.trusted, order.resource_id)
    if found is None:
        raise RefusedError(missing("resource"))
    return found


def _permitted(allowed: bool, permission: str, why: str = "This") -> None:  # noqa: FBT001
    if not allowed:
        refuse(NotPermitted(message=f"{why} takes a role with {permission}."))
