"""Completion, failure and withdrawal of orders, with their effects on the resource.

Source: domain.md §5.6, §6.5. The resource's state afterwards, by the type of the order:

    order      done        failed                       rejected or cancelled
    CREATE     OK          ERRED; TERMINATED if it      TERMINATED
                           has no backend id
    UPDATE     OK          ERRED                        OK; TERMINATED stays
    TERMINATE  TERMINATED  OK                           OK; TERMINATED stays
    RESTORE    OK          ERRED                        OK
"""

from typing import Any
from uuid import UUID

from gateway.db import tables
from gateway.marketplace.billing.plan_cost import estimate_plan_cost, load_priced_components
from gateway.marketplace.billing.renewal_pricing import check_renewal_months
from gateway.marketplace.orders.place import finish_order
from gateway.marketplace.side_effects import (
    begin_plan_period,
    end_plan_period,
    log_event,
    update_resource,
)
from gateway.marketplace.states import OrderState, OrderType, ResourceState
from gateway.marketplace.unit_of_work import UnitOfWork

OK, ERRED, TERMINATED = (
    ResourceState.OK.value,
    ResourceState.ERRED.value,
    ResourceState.TERMINATED.value,
)


async def fulfil_order(unit_of_work: UnitOfWork, order: Any) -> None:
    """Carry an order out, or fail it if it breaks rules that changed since it was placed."""
    resource = await unit_of_work.load_row(tables.resource, order.resource_id)
    if error_message := await _check_renewal_rules(unit_of_work, resource, order):
        await fail_order(unit_of_work, order, error_message)
        return
    await _COMPLETIONS[OrderType(order.type)](unit_of_work, resource, order)
    await finish_order(unit_of_work, order, OrderState.DONE, completed_at=unit_of_work.now)


def _get_attributes(order: Any) -> dict[str, Any]:
    return order.attributes if isinstance(order.attributes, dict) else {}


def _is_renewal(order: Any) -> bool:
    return _get_attributes(order).get("action") == "renew"


async def _check_renewal_rules(unit_of_work: UnitOfWork, resource: Any, order: Any) -> str | None:
    """Return the message about renewal rules that an order breaks now (domain.md §5.6)."""
    if not _is_renewal(order):
        return None
    components = await load_priced_components(unit_of_work, resource.offering_id, resource.plan_id)
    problem = check_renewal_months(_get_attributes(order)["extension_months"], components)
    return problem.message if problem else None


async def _complete_creation(unit_of_work: UnitOfWork, resource: Any, _order: Any) -> None:
    after = await update_resource(unit_of_work, resource, state=OK)
    await begin_plan_period(unit_of_work, after)
    message = f"Resource {after.name} has been created."
    await log_event(unit_of_work, "marketplace_resource_create_succeeded", after, message)


async def _complete_update(unit_of_work: UnitOfWork, resource: Any, order: Any) -> None:
    cleared_errors = {"state": OK, "error_message": "", "error_traceback": ""}
    values: dict[str, Any] = cleared_errors | _get_changed_columns(unit_of_work, resource, order)
    plan_id, limits = values.get("plan_id", resource.plan_id), values.get("limits", resource.limits)
    if (plan_id, limits) != (resource.plan_id, resource.limits):
        values["cost"] = await estimate_plan_cost(unit_of_work, resource, plan_id, limits)
    after = await update_resource(unit_of_work, resource, **values)
    message = f"Resource {after.name} has been updated."
    await log_event(
        unit_of_work,
        f"marketplace_resource_{_get_operation_name(resource, order)}_succeeded",
        after,
        message,
    )


def _get_operation_name(resource: Any, order: Any) -> str:
    """Return the operation's name in the types of logged events (domain.md §7.1)."""
    changes_limits = "new_options" not in _get_attributes(order) and order.limits != resource.limits
    if OrderType(order.type) is OrderType.UPDATE and (changes_limits or _is_renewal(order)):
        return "update_limits"
    return OrderType(order.type).name.lower()


def _get_changed_columns(unit_of_work: UnitOfWork, resource: Any, order: Any) -> dict[str, Any]:
    """Return the columns of a resource that an update order changes, with their new values."""
    attributes = _get_attributes(order)
    if "new_options" in attributes:
        return {"options": {**(resource.options or {}), **attributes["new_options"]}}
    values = {"limits": order.limits}
    if _is_renewal(order):
        return {**values, **_build_renewal_columns(unit_of_work, resource, order)}
    if order.plan_id is not None:
        values["plan_id"] = order.plan_id
    return values


def _build_renewal_columns(unit_of_work: UnitOfWork, resource: Any, order: Any) -> dict[str, Any]:
    attributes, renewal_history = order.attributes, resource.attributes.get("renewal_history", [])
    entry = {
        "date": unit_of_work.now.isoformat(),
        "type": "renewal",
        "order_uuid": UUID(order.uuid).hex,
        "created_by_id": order.created_by_id,
        "extension_months": attributes.get("extension_months"),
        "old_end_date": attributes.get("old_end_date"),
        "new_end_date": attributes.get("new_end_date"),
        "old_limits": attributes.get("old_limits"),
        "new_limits": order.limits,
    }
    return {
        "attributes": {**resource.attributes, "renewal_history": [*renewal_history, entry]},
        "end_date": attributes.get("new_end_date"),
        "end_date_requested_by_id": order.created_by_id,
        "end_date_updated_at": unit_of_work.now,
    }


async def _complete_termination(unit_of_work: UnitOfWork, resource: Any, _order: Any) -> None:
    after = await update_resource(unit_of_work, resource, state=TERMINATED)
    await end_plan_period(unit_of_work, after)
    message = f"Resource {after.name} has been terminated."
    await log_event(unit_of_work, "marketplace_resource_terminate_succeeded", after, message)


async def _complete_restoration(unit_of_work: UnitOfWork, resource: Any, _order: Any) -> None:
    after = await update_resource(unit_of_work, resource, state=OK)
    await begin_plan_period(unit_of_work, after)
    message = f"Resource {after.name} has been restored."
    await log_event(unit_of_work, "marketplace_resource_restore_succeeded", after, message)


_COMPLETIONS = {
    OrderType.CREATE: _complete_creation,
    OrderType.UPDATE: _complete_update,
    OrderType.TERMINATE: _complete_termination,
    OrderType.RESTORE: _complete_restoration,
}


async def fail_order(unit_of_work: UnitOfWork, order: Any, error_message: str) -> None:
    """Set an order to ERRED with an error message, and its resource to the state after that."""
    resource = await unit_of_work.load_row(tables.resource, order.resource_id)
    state = _get_state_after_failure(resource, OrderType(order.type))
    error_values = {"error_message": error_message} if state == ERRED else {}
    after = await update_resource(unit_of_work, resource, state=state, **error_values)
    operation_name = _get_operation_name(resource, order)
    message = f"Operation {operation_name} of resource {after.name} has failed."
    await log_event(unit_of_work, f"marketplace_resource_{operation_name}_failed", after, message)
    await finish_order(unit_of_work, order, OrderState.ERRED, error_message=error_message)


def _get_state_after_failure(resource: Any, order_type: OrderType) -> int:
    if order_type is OrderType.TERMINATE:
        return OK
    return TERMINATED if order_type is OrderType.CREATE and not resource.backend_id else ERRED


async def withdraw_order(
    unit_of_work: UnitOfWork, order: Any, state: OrderState, **values: Any
) -> None:
    """Reject or cancel an order; the resource's values stay unchanged."""
    resource = await unit_of_work.load_row(tables.resource, order.resource_id)
    order_type = OrderType(order.type)
    after = await update_resource(
        unit_of_work, resource, state=_get_state_after_withdrawal(resource, order_type)
    )
    operation_name = order_type.name.lower()
    message = f"Operation {operation_name} of resource {after.name} has been canceled."
    await log_event(unit_of_work, f"marketplace_resource_{operation_name}_canceled", after, message)
    await finish_order(unit_of_work, order, state, **values)


def _get_state_after_withdrawal(resource: Any, order_type: OrderType) -> int:
    """Return the resource's state after a rejected or cancelled order (domain.md §6.5)."""
    stays_terminated = resource.state == TERMINATED and order_type is not OrderType.RESTORE
    return TERMINATED if stays_terminated or order_type is OrderType.CREATE else OK
