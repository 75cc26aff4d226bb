"""Carrying orders out on behalf of the provider (domain.md §4.11, §6.3, §6.4, rules.md §1)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from gateway.db.tables.codes import OPEN_ORDER_STATES, OrderState, OrderType, ResourceState
from gateway.marketplace.event_log import log_order_event
from gateway.marketplace.orders.fulfil import OrderExecutor, fail_order, fulfil_order
from gateway.marketplace.orders.order_access import (
    load_order_facts,
    lock_order,
    require_order_permission,
)
from gateway.marketplace.preconditions import provider_scope, require_no_open_order
from gateway.marketplace.problems import (
    InvalidInput,
    NotPossible,
    Reason,
    build_invalid_field,
    combine_invalid_fields,
    raise_problem,
)
from gateway.marketplace.rows import OrderRow, ResourceRow
from gateway.marketplace.side_effects import update_resource
from gateway.marketplace.states import check_state
from gateway.marketplace.table_row import ColumnValues
from gateway.marketplace.unit_of_work import ChangeResult, UnitOfWork, check_unmodified


class ReportedOrderState(Enum):
    """State of an order that a provider reports."""

    EXECUTING = "executing"
    """The order is being carried out.

    Approves an order that is `PENDING_PROVIDER`, and retries one that is `ERRED`.
    """
    DONE = "done"
    """The order was carried out. For an order that is `EXECUTING`."""
    ERRED = "erred"
    """The order failed. For an order that is not finished."""


_SOURCE_STATES: Mapping[ReportedOrderState, tuple[OrderState, ...]] = {
    ReportedOrderState.EXECUTING: (OrderState.PENDING_PROVIDER, OrderState.ERRED),
    ReportedOrderState.DONE: (OrderState.EXECUTING,),
    ReportedOrderState.ERRED: OPEN_ORDER_STATES,
}
"""States of orders for which a state can be reported."""
_CREATION_STATES = (ResourceState.CREATING, ResourceState.ERRED, ResourceState.TERMINATED)
"""States of resources whose failed creation can be retried (domain.md §6.1)."""
_STATES_WHILE_OPEN = {
    order_type: ColumnValues(ResourceRow, state=state)
    for order_type, state in (
        (OrderType.CREATE, ResourceState.CREATING),
        (OrderType.UPDATE, ResourceState.UPDATING),
        (OrderType.TERMINATE, ResourceState.TERMINATING),
        (OrderType.RESTORE, ResourceState.CREATING),
    )
}
_WITHOUT_ERROR = ColumnValues(ResourceRow, error_message="", error_traceback="")


@dataclass(frozen=True, kw_only=True)
class OrderReport:
    """Provider's report about an order."""

    uuid: str
    state: ReportedOrderState
    error_message: str | None = None
    error_traceback: str | None = None
    if_modified: str | None = None


async def apply_order_report(unit_of_work: UnitOfWork, report: OrderReport) -> ChangeResult:
    """Change an order to the state that its provider reports."""
    order = await _lock_provided_order(
        unit_of_work, report.uuid, report.if_modified, _SOURCE_STATES[report.state]
    )
    raise_problem(_check_error_texts(report))
    if report.state is ReportedOrderState.EXECUTING:
        await _execute_order(unit_of_work, order)
    elif report.state is ReportedOrderState.DONE:
        await _load_resource(unit_of_work, order)
        await fulfil_order(unit_of_work, order, OrderExecutor.AGENT)
    else:
        await fail_order(
            unit_of_work,
            order,
            report.error_message or "",
            OrderExecutor.AGENT,
            error_traceback=report.error_traceback or "",
        )
    return ChangeResult(order.resource_id, order.id)


async def retry_failed_order(
    unit_of_work: UnitOfWork, uuid: str, if_modified: str | None
) -> ChangeResult:
    """Carry a failed order out again."""
    order = await _lock_provided_order(unit_of_work, uuid, if_modified, (OrderState.ERRED,))
    await _execute_order(unit_of_work, order)
    return ChangeResult(order.resource_id, order.id)


async def _lock_provided_order(
    unit_of_work: UnitOfWork,
    uuid: str,
    if_modified: str | None,
    allowed_states: tuple[OrderState, ...],
) -> OrderRow:
    """Lock an order in one of the states, for which the viewer may act as the provider."""
    order = await lock_order(unit_of_work, uuid)
    facts = await load_order_facts(unit_of_work, order)
    require_order_permission(
        unit_of_work.viewer,
        "ORDER.APPROVE",
        [provider_scope(facts)],
        "the provider's organisation",
    )
    check_unmodified(order.modified, if_modified)
    raise_problem(check_state(OrderState, order.state.value, allowed_states, "order"))
    return order


def _check_error_texts(report: OrderReport) -> InvalidInput | None:
    """Return a problem if there are texts about an error, and no error is reported."""
    texts = {"errorMessage": report.error_message, "errorTraceback": report.error_traceback}
    fields = [
        build_invalid_field(name, message="is only for the state ERRED.")
        for name, text in texts.items()
        if text is not None
    ]
    if report.state is ReportedOrderState.ERRED or not fields:
        return None
    return combine_invalid_fields(*fields)


async def _execute_order(unit_of_work: UnitOfWork, order: OrderRow) -> None:
    """Start an order for the first time or, after it failed, again."""
    if order.state is OrderState.ERRED:
        facts = await load_order_facts(unit_of_work, order)
        raise_problem(require_no_open_order(unit_of_work.viewer, facts, unit_of_work.current_rules))
    resource = await _load_resource(unit_of_work, order)
    if order.state is OrderState.ERRED:
        resource = await update_resource(
            unit_of_work, resource, _WITHOUT_ERROR | _STATES_WHILE_OPEN[order.type]
        )
    start = ColumnValues(
        OrderRow,
        state=OrderState.EXECUTING,
        error_message="",
        error_traceback="",
        completed_at=None,
    )
    await unit_of_work.update_columns(order.id, start)
    await log_order_event(unit_of_work, order, resource, OrderState.EXECUTING)


async def _load_resource(unit_of_work: UnitOfWork, order: OrderRow) -> ResourceRow:
    """Return an order's resource; raises ChangeRefusedError if the order no longer suits it."""
    resource = await unit_of_work.load_row(ResourceRow, order.resource_id)
    is_retry = order.state is OrderState.ERRED
    is_creation = order.type in (OrderType.CREATE, OrderType.RESTORE)
    if is_retry and is_creation:
        is_outdated = resource.state not in _CREATION_STATES or await _was_terminated_after(
            unit_of_work, order
        )
    else:
        is_outdated = resource.state is ResourceState.TERMINATED and (
            is_retry or order.type is not OrderType.TERMINATE
        )
    if is_outdated:
        message = f"The resource is {resource.state.name} meanwhile: the order is out of date."
        raise_problem(NotPossible(message=message, reason=Reason.ORDER_OUTDATED))
    return resource


async def _was_terminated_after(unit_of_work: UnitOfWork, order: OrderRow) -> bool:
    """Return whether a later order has terminated the resource."""
    terminations = await unit_of_work.load_rows(
        OrderRow,
        resource_id=order.resource_id,
        type=OrderType.TERMINATE,
        state=OrderState.DONE,
    )
    return any(each.id > order.id for each in terminations)
