"""Completion, failure and withdrawal of orders, with their effects on the resource.

Source: domain.md §5.6, §6.1, §6.5. The resource's state afterwards, by the type of the order:

    order      done        failed                       rejected or cancelled
    CREATE     OK          ERRED; TERMINATED if it      TERMINATED
                           has no backend id
    UPDATE     OK          ERRED; see below;            OK; TERMINATED stays
                           TERMINATED stays
    TERMINATE  TERMINATED  OK; TERMINATED stays         OK; TERMINATED stays
    RESTORE    OK          ERRED                        OK

An order is carried out by Waldur's processor of the offering's type, or by the provider's agent,
which reports the outcome. The effects of an UPDATE differ:

    executor   changes of   done                                     failed
    processor  limits       the limits, and those of a renewal; the  the resource stays UPDATING
                            cost of the resource stays
    processor  plan or      the plan, limits and options of the      ERRED
               options      order; the cost is estimated again
    agent      any          as above: renewals do not move the end   ERRED
                            date
"""

from enum import Enum
from typing import Any, NamedTuple
from uuid import UUID

from gateway.db.tables.codes import OrderState, OrderType, ResourceState
from gateway.exact_json import ExactNumber
from gateway.marketplace.billing.plan_cost import estimate_plan_cost, load_priced_components
from gateway.marketplace.billing.renewal_pricing import check_renewal_months
from gateway.marketplace.event_log import log_event
from gateway.marketplace.option_form import strip_hidden_answers
from gateway.marketplace.orders.place import finish_order
from gateway.marketplace.rows import OptionFormRow, OrderRow, ResourceRow
from gateway.marketplace.side_effects import update_permitted_columns, update_resource
from gateway.marketplace.table_row import ColumnValues, JsonObject
from gateway.marketplace.unit_of_work import UnitOfWork


class OrderExecutor(Enum):
    """Who carries an order out."""

    PROCESSOR = "processor"
    """Waldur's processor of the offering's type."""
    AGENT = "agent"
    """The provider's agent, which reports the outcome; so do unexpected errors of a processor."""


class LoggedEvent(NamedTuple):
    """Event of a resource: the end of its type, and what its message says about the resource."""

    name: str
    words: str


_COMPLETION_EVENTS = {
    OrderType.CREATE: LoggedEvent("create_succeeded", "has been created"),
    OrderType.TERMINATE: LoggedEvent("terminate_succeeded", "has been deleted"),
    OrderType.RESTORE: LoggedEvent("create_succeeded", "has been restored"),
}
_FAILURE_EVENTS = {
    OrderType.CREATE: LoggedEvent("create_failed", "creation has failed"),
    OrderType.UPDATE: LoggedEvent("update_failed", "update has failed"),
    OrderType.TERMINATE: LoggedEvent("terminate_failed", "deletion has failed"),
    OrderType.RESTORE: LoggedEvent("create_failed", "restoration has failed"),
}
_STATES_WHEN_DONE = {
    OrderType.CREATE: ResourceState.OK,
    OrderType.TERMINATE: ResourceState.TERMINATED,
    OrderType.RESTORE: ResourceState.OK,
}


async def fulfil_order(
    unit_of_work: UnitOfWork,
    order: OrderRow,
    executor: OrderExecutor = OrderExecutor.PROCESSOR,
) -> None:
    """Carry an order out, or fail it if it breaks rules that changed since it was placed."""
    resource = await unit_of_work.load_row(ResourceRow, order.resource_id)
    is_processed = executor is OrderExecutor.PROCESSOR
    if is_processed and (message := await _check_renewal_rules(unit_of_work, resource, order)):
        await fail_order(unit_of_work, order, message, executor)
        return
    if order.type is not OrderType.UPDATE:
        await _complete_lifecycle(unit_of_work, resource, order.type)
    elif is_processed and _changes_limits(order):
        await _process_limits(unit_of_work, resource, order)
    else:
        await _apply_update(unit_of_work, resource, order)
    await finish_order(unit_of_work, order, OrderState.DONE, ColumnValues(OrderRow))


def _get_attributes(order: OrderRow) -> JsonObject:
    return order.attributes if isinstance(order.attributes, dict) else {}


def _is_renewal(order: OrderRow) -> bool:
    return _get_attributes(order).get("action") == "renew"


def _changes_limits(order: OrderRow) -> bool:
    """Return whether an order was placed for other limits or for a renewal."""
    return _is_renewal(order) or "old_limits" in _get_attributes(order)


async def _check_renewal_rules(
    unit_of_work: UnitOfWork, resource: ResourceRow, order: OrderRow
) -> str | None:
    """Return the message about renewal rules that an order breaks now (domain.md §5.6)."""
    months = _get_attributes(order).get("extension_months")
    if not _is_renewal(order) or not isinstance(months, int):
        return None
    components = await load_priced_components(unit_of_work, resource.offering_id, resource.plan_id)
    problem = check_renewal_months(months, components)
    return problem.message if problem else None


async def _complete_lifecycle(
    unit_of_work: UnitOfWork, resource: ResourceRow, order_type: OrderType
) -> None:
    """Complete the creation, termination or restoration of a resource."""
    state = ColumnValues(ResourceRow, state=_STATES_WHEN_DONE[order_type])
    after = await update_resource(unit_of_work, resource, state)
    await _log_resource_event(unit_of_work, _COMPLETION_EVENTS[order_type], after)


async def _log_resource_event(
    unit_of_work: UnitOfWork, event: LoggedEvent, resource: ResourceRow
) -> None:
    message = f"Resource {resource.name} {event.words}."
    await log_event(unit_of_work, f"marketplace_resource_{event.name}", resource, message)


_USABLE_AGAIN = ColumnValues(
    ResourceRow, state=ResourceState.OK, error_message="", error_traceback=""
)


async def _process_limits(unit_of_work: UnitOfWork, resource: ResourceRow, order: OrderRow) -> None:
    """Change limits, and renew, as a processor does: the resource's cost stays as it is."""
    values = _USABLE_AGAIN | ColumnValues(ResourceRow, limits=order.limits)
    if _is_renewal(order):
        values |= _build_renewal_columns(unit_of_work, resource, order)
    after = await update_resource(unit_of_work, resource, values)
    await _log_new_limits(unit_of_work, after)


async def _log_new_limits(unit_of_work: UnitOfWork, resource: ResourceRow) -> None:
    message = f"Limits of resource {resource.name} have been updated."
    event_type = "marketplace_resource_update_limits_succeeded"
    await log_event(unit_of_work, event_type, resource, message)


async def _apply_update(unit_of_work: UnitOfWork, resource: ResourceRow, order: OrderRow) -> None:
    """Change what an order has of plan, limits and options, and estimate the cost again."""
    values = _USABLE_AGAIN | _get_new_values(resource, order)
    if "new_options" in _get_attributes(order):
        values |= await _hide_options(unit_of_work, values.apply_to(resource))
    cost = await estimate_plan_cost(unit_of_work, values.apply_to(resource))
    if cost is not None:
        values |= ColumnValues(ResourceRow, cost=cost)
    after = await update_resource(unit_of_work, resource, values)
    if after.limits != resource.limits:
        await _log_new_limits(unit_of_work, after)
    if unit_of_work.installation.version_rules.logs_update_steps:
        event = LoggedEvent("update_succeeded", "has been updated successfully")
        await _log_resource_event(unit_of_work, event, after)


async def _hide_options(
    unit_of_work: UnitOfWork, updated: ResourceRow
) -> ColumnValues[ResourceRow]:
    """Return the options of an updated resource without those that the new ones hide."""
    offering = await unit_of_work.load_row(OptionFormRow, updated.offering_id)
    options = strip_hidden_answers(offering.resource_options, updated.options or {})
    return ColumnValues(ResourceRow, options=options)


def _get_new_values(resource: ResourceRow, order: OrderRow) -> ColumnValues[ResourceRow]:
    """Return the plan, limits and options after an order; what it lacks is left out."""
    new_options = _get_attributes(order).get("new_options") or {}
    values: dict[str, Any] = {
        "plan_id": order.plan_id,
        "limits": order.limits,
        "options": {**(resource.options or {}), **new_options},
    }
    return ColumnValues(ResourceRow, **{name: each for name, each in values.items() if each})


def _build_renewal_columns(
    unit_of_work: UnitOfWork, resource: ResourceRow, order: OrderRow
) -> ColumnValues[ResourceRow]:
    """Return the columns that a renewal changes: the end date and the history of renewals."""
    attributes = _get_attributes(order)
    new_end_date = attributes.get("new_end_date")
    history = resource.attributes.get("renewal_history")
    entry = {
        "date": unit_of_work.now.isoformat(),
        "type": "renewal",
        "order_uuid": UUID(order.uuid).hex,
        "old_limits": attributes.get("old_limits"),
        "new_limits": order.limits,
        "old_end_date": attributes.get("old_end_date"),
        "new_end_date": new_end_date,
        "cost": _format_cost(order.cost),
    }
    earlier_entries = history if isinstance(history, list) else []
    values = ColumnValues(
        ResourceRow,
        attributes={**resource.attributes, "renewal_history": [*earlier_entries, entry]},
    )
    if not new_end_date:
        return values
    return values | ColumnValues(
        ResourceRow,
        end_date=new_end_date,
        end_date_requested_by_id=_get_last_reviewer(order),
        end_date_updated_at=unit_of_work.now_text,
    )


def _format_cost(cost: str | None) -> ExactNumber | None:
    """Return a cost as a JSON number; None if it is unknown or not a number."""
    return None if cost is None or cost == "NaN" else ExactNumber(cost)


def _get_last_reviewer(order: OrderRow) -> int | None:
    """Return who approved an order last, or who placed it if no approval was needed."""
    return order.provider_reviewed_by_id or order.consumer_reviewed_by_id or order.created_by_id


async def fail_order(
    unit_of_work: UnitOfWork,
    order: OrderRow,
    error_message: str,
    executor: OrderExecutor = OrderExecutor.PROCESSOR,
    *,
    error_traceback: str = "",
) -> None:
    """Set an order to ERRED with an error message, and its resource to the state after that.

    A resource that a cost policy forbids to change keeps its state.
    """
    resource = await unit_of_work.load_row(ResourceRow, order.resource_id)
    if executor is OrderExecutor.PROCESSOR and _changes_limits(order):
        message = f"Updating limits of resource {resource.name} has failed."
        event_type = "marketplace_resource_update_limits_failed"
        await log_event(unit_of_work, event_type, resource, message)
    else:
        errors = ColumnValues(
            ResourceRow, error_message=error_message, error_traceback=error_traceback
        )
        await _fail_resource(unit_of_work, resource, order.type, errors)
    failure = ColumnValues(OrderRow, error_message=error_message, error_traceback=error_traceback)
    await finish_order(unit_of_work, order, OrderState.ERRED, failure)


async def _fail_resource(
    unit_of_work: UnitOfWork,
    resource: ResourceRow,
    order_type: OrderType,
    errors: ColumnValues[ResourceRow],
) -> None:
    """Set a resource to its state after a failed order; `errors` are kept if it is ERRED."""
    state = _get_state_after_failure(resource, order_type)
    values = ColumnValues(ResourceRow, state=state)
    if state is ResourceState.ERRED:
        values |= errors
    after = await update_permitted_columns(unit_of_work, resource, values)
    await _log_resource_event(unit_of_work, _FAILURE_EVENTS[order_type], after)


def _get_state_after_failure(resource: ResourceRow, order_type: OrderType) -> ResourceState:
    is_terminated = resource.state is ResourceState.TERMINATED
    if is_terminated and order_type in (OrderType.UPDATE, OrderType.TERMINATE):
        return ResourceState.TERMINATED
    if order_type is OrderType.TERMINATE:
        return ResourceState.OK
    if order_type is OrderType.CREATE and not resource.backend_id:
        return ResourceState.TERMINATED
    return ResourceState.ERRED


async def withdraw_order(
    unit_of_work: UnitOfWork,
    order: OrderRow,
    state: OrderState,
    values: ColumnValues[OrderRow],
) -> None:
    """Reject or cancel an order; the resource's values stay unchanged.

    `values` are stored in other columns of the order.
    """
    resource = await unit_of_work.load_row(ResourceRow, order.resource_id)
    resource_state = _get_state_after_withdrawal(resource, order.type)
    await update_resource(unit_of_work, resource, ColumnValues(ResourceRow, state=resource_state))
    await finish_order(unit_of_work, order, state, values)


def _get_state_after_withdrawal(resource: ResourceRow, order_type: OrderType) -> ResourceState:
    """Return the resource's state after a rejected or cancelled order (domain.md §6.5)."""
    is_terminated = resource.state is ResourceState.TERMINATED
    if order_type is OrderType.CREATE or (is_terminated and order_type is not OrderType.RESTORE):
        return ResourceState.TERMINATED
    return ResourceState.OK
