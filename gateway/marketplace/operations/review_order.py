"""Approving, rejecting and cancelling orders (domain.md §4.11, §6.3, §6.4)."""

from typing import NamedTuple

from gateway.db.access.viewer import RoleScope
from gateway.db.tables.codes import OPEN_ORDER_STATES, PENDING_ORDER_STATES, OrderState
from gateway.marketplace.orders.fulfil import withdraw_order
from gateway.marketplace.orders.order_access import (
    load_order_facts,
    lock_order,
    require_order_permission,
)
from gateway.marketplace.orders.place import (
    approve_as_consumer,
    approve_as_provider,
    build_consumer_review,
    build_provider_review,
)
from gateway.marketplace.plugins import get_plugin
from gateway.marketplace.problems import (
    NotPossible,
    Reason,
    raise_problem,
)
from gateway.marketplace.rows import OfferingRow, OrderRow, ProjectRow
from gateway.marketplace.states import check_state
from gateway.marketplace.table_row import ColumnValues
from gateway.marketplace.unit_of_work import (
    ChangeResult,
    UnitOfWork,
    check_unmodified,
)


class LockedOrder(NamedTuple):
    """Order that is locked until the end of the transaction, with the scopes of roles on it."""

    order: OrderRow
    consumer_scopes: tuple[RoleScope, ...]
    provider_scopes: tuple[RoleScope, ...]


async def approve_pending_order(
    unit_of_work: UnitOfWork, uuid: str, if_modified: str | None
) -> ChangeResult:
    """Approve an order on the side, consumer or provider, for which it waits."""
    order, consumer_scopes, provider_scopes = await _lock_order(unit_of_work, uuid)
    is_consumer, is_provider = (
        unit_of_work.viewer.has_permission("ORDER.APPROVE", *scopes)
        for scopes in (consumer_scopes, provider_scopes)
    )
    require_order_permission(is_consumer or is_provider, "ORDER.APPROVE")
    check_unmodified(order.modified, if_modified)
    pending_states = (OrderState.PENDING_CONSUMER, OrderState.PENDING_PROVIDER)
    raise_problem(check_state(OrderState, order.state.value, pending_states, "order"))
    if order.state is OrderState.PENDING_PROVIDER:
        require_order_permission(is_provider, "ORDER.APPROVE", " on the provider's organisation")
        await approve_as_provider(unit_of_work, order.id)
    else:
        require_order_permission(
            is_consumer, "ORDER.APPROVE", " on the project or its organisation"
        )
        await approve_as_consumer(
            unit_of_work, await load_order_facts(unit_of_work, order), order.id
        )
    return ChangeResult(order.resource_id, order.id)


async def reject_pending_order(
    unit_of_work: UnitOfWork, uuid: str, comment: str | None, if_modified: str | None
) -> ChangeResult:
    """Reject a pending order."""
    order, consumer_scopes, provider_scopes = await _lock_order(unit_of_work, uuid)
    is_consumer = (
        order.created_by_id == unit_of_work.actor_id
        or unit_of_work.viewer.has_permission("ORDER.REJECT", *consumer_scopes)
    )
    is_provider = unit_of_work.viewer.has_permission("ORDER.REJECT", *provider_scopes)
    require_order_permission(is_consumer or is_provider, "ORDER.REJECT")
    check_unmodified(order.modified, if_modified)
    raise_problem(check_state(OrderState, order.state.value, PENDING_ORDER_STATES, "order"))
    waits_for_provider = order.state is OrderState.PENDING_PROVIDER
    is_provider_side = is_provider and (waits_for_provider or not is_consumer)
    review = (build_provider_review if is_provider_side else build_consumer_review)(unit_of_work)
    rejection = (
        ColumnValues(OrderRow, provider_rejection_comment=comment or "")
        if is_provider_side
        else ColumnValues(OrderRow, consumer_rejection_comment=comment or "")
    )
    await withdraw_order(unit_of_work, order, OrderState.REJECTED, review | rejection)
    return ChangeResult(order.resource_id, order.id)


async def cancel_open_order(
    unit_of_work: UnitOfWork, uuid: str, if_modified: str | None
) -> ChangeResult:
    """Cancel an unfinished order."""
    order, consumer_scopes, _ = await _lock_order(unit_of_work, uuid)
    require_order_permission(
        unit_of_work.viewer.has_permission("ORDER.CANCEL", *consumer_scopes), "ORDER.CANCEL"
    )
    check_unmodified(order.modified, if_modified)
    raise_problem(check_state(OrderState, order.state.value, OPEN_ORDER_STATES, "order"))
    offering = await unit_of_work.load_row(OfferingRow, order.offering_id)
    if not get_plugin(offering.type).can_cancel_orders:
        message = "The offering's plugin does not support cancelling orders."
        raise_problem(NotPossible(message=message, reason=Reason.ORDERS_FIXED))
    await withdraw_order(unit_of_work, order, OrderState.CANCELED, ColumnValues(OrderRow))
    return ChangeResult(order.resource_id, order.id)


async def _lock_order(unit_of_work: UnitOfWork, uuid: str) -> LockedOrder:
    order = await lock_order(unit_of_work, uuid)
    project = await unit_of_work.load_row(ProjectRow, order.project_id)
    offering = await unit_of_work.load_row(OfferingRow, order.offering_id)
    return LockedOrder(
        order,
        (("project", project.id), ("customer", project.customer_id)),
        (("customer", offering.customer_id),),
    )
