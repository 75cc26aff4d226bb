"""Completion, failure and withdrawal of orders, with their effects on the resource.

Source: domain.md §5.6, §6.5. The resource's state afterwards, by the type of the order:

    order      done        failed                       rejected or cancelled
    CREATE     OK          ERRED; TERMINATED if it      TERMINATED
                           has no backend id
    UPDATE     OK          ERRED                        OK; TERMINATED stays
    TERMINATE  TERMINATED  OK                           OK; TERMINATED stays
    RESTORE    OK          ERRED                        OK
"""

from uuid import UUID

from gateway.db.tables.codes import OrderState, OrderType, ResourceState
from gateway.marketplace.billing.plan_cost import estimate_plan_cost, load_priced_components
from gateway.marketplace.billing.renewal_pricing import check_renewal_months
from gateway.marketplace.orders.place import finish_order
from gateway.marketplace.rows import OrderRow, ResourceRow
from gateway.marketplace.side_effects import (
    begin_plan_period,
    end_plan_period,
    log_event,
    update_resource,
)
from gateway.marketplace.table_row import ColumnValues, JsonObject
from gateway.marketplace.unit_of_work import UnitOfWork


async def fulfil_order(unit_of_work: UnitOfWork, order: OrderRow) -> None:
    """Carry an order out, or fail it if it breaks rules that changed since it was placed."""
    resource = await unit_of_work.load_row(ResourceRow, order.resource_id)
    if error_message := await _check_renewal_rules(unit_of_work, resource, order):
        await fail_order(unit_of_work, order, error_message)
        return
    await _COMPLETIONS[order.type](unit_of_work, resource, order)
    completion = ColumnValues(OrderRow, completed_at=unit_of_work.now_text)
    await finish_order(unit_of_work, order, OrderState.DONE, completion)


def _get_attributes(order: OrderRow) -> JsonObject:
    return order.attributes if isinstance(order.attributes, dict) else {}


def _is_renewal(order: OrderRow) -> bool:
    return _get_attributes(order).get("action") == "renew"


async def _check_renewal_rules(
    unit_of_work: UnitOfWork, resource: ResourceRow, order: OrderRow
) -> str | None:
    """Return the message about renewal rules that an order breaks now (domain.md §5.6)."""
    if not _is_renewal(order):
        return None
    components = await load_priced_components(unit_of_work, resource.offering_id, resource.plan_id)
    problem = check_renewal_months(_get_attributes(order)["extension_months"], components)
    return problem.message if problem else None


async def _complete_creation(
    unit_of_work: UnitOfWork, resource: ResourceRow, _order: OrderRow
) -> None:
    after = await update_resource(
        unit_of_work, resource, ColumnValues(ResourceRow, state=ResourceState.OK)
    )
    await begin_plan_period(unit_of_work, after)
    message = f"Resource {after.name} has been created."
    await log_event(unit_of_work, "marketplace_resource_create_succeeded", after, message)


async def _complete_update(
    unit_of_work: UnitOfWork, resource: ResourceRow, order: OrderRow
) -> None:
    cleared_errors = ColumnValues(
        ResourceRow, state=ResourceState.OK, error_message="", error_traceback=""
    )
    values = cleared_errors | _get_changed_columns(unit_of_work, resource, order)
    updated = values.apply_to(resource)
    if (updated.plan_id, updated.limits) != (resource.plan_id, resource.limits):
        cost = await estimate_plan_cost(unit_of_work, updated)
        values |= ColumnValues(ResourceRow, cost=cost)
    after = await update_resource(unit_of_work, resource, values)
    message = f"Resource {after.name} has been updated."
    await log_event(
        unit_of_work,
        f"marketplace_resource_{_get_operation_name(resource, order)}_succeeded",
        after,
        message,
    )


def _get_operation_name(resource: ResourceRow, order: OrderRow) -> str:
    """Return the operation's name in the types of logged events (domain.md §7.1)."""
    changes_limits = "new_options" not in _get_attributes(order) and order.limits != resource.limits
    if order.type is OrderType.UPDATE and (changes_limits or _is_renewal(order)):
        return "update_limits"
    return order.type.name.lower()


def _get_changed_columns(
    unit_of_work: UnitOfWork, resource: ResourceRow, order: OrderRow
) -> ColumnValues[ResourceRow]:
    """Return the columns of a resource that an update order changes, with their new values."""
    attributes = _get_attributes(order)
    if "new_options" in attributes:
        options = {**(resource.options or {}), **attributes["new_options"]}
        return ColumnValues(ResourceRow, options=options)
    values = ColumnValues(ResourceRow, limits=order.limits)
    if _is_renewal(order):
        return values | _build_renewal_columns(unit_of_work, resource, order)
    if order.plan_id is not None:
        return values | ColumnValues(ResourceRow, plan_id=order.plan_id)
    return values


def _build_renewal_columns(
    unit_of_work: UnitOfWork, resource: ResourceRow, order: OrderRow
) -> ColumnValues[ResourceRow]:
    attributes = _get_attributes(order)
    renewal_history = resource.attributes.get("renewal_history", [])
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
    return ColumnValues(
        ResourceRow,
        attributes={**resource.attributes, "renewal_history": [*renewal_history, entry]},
        end_date=attributes.get("new_end_date"),
        end_date_requested_by_id=order.created_by_id,
        end_date_updated_at=unit_of_work.now_text,
    )


async def _complete_termination(
    unit_of_work: UnitOfWork, resource: ResourceRow, _order: OrderRow
) -> None:
    after = await update_resource(
        unit_of_work, resource, ColumnValues(ResourceRow, state=ResourceState.TERMINATED)
    )
    await end_plan_period(unit_of_work, after)
    message = f"Resource {after.name} has been terminated."
    await log_event(unit_of_work, "marketplace_resource_terminate_succeeded", after, message)


async def _complete_restoration(
    unit_of_work: UnitOfWork, resource: ResourceRow, _order: OrderRow
) -> None:
    after = await update_resource(
        unit_of_work, resource, ColumnValues(ResourceRow, state=ResourceState.OK)
    )
    await begin_plan_period(unit_of_work, after)
    message = f"Resource {after.name} has been restored."
    await log_event(unit_of_work, "marketplace_resource_restore_succeeded", after, message)


_COMPLETIONS = {
    OrderType.CREATE: _complete_creation,
    OrderType.UPDATE: _complete_update,
    OrderType.TERMINATE: _complete_termination,
    OrderType.RESTORE: _complete_restoration,
}


async def fail_order(unit_of_work: UnitOfWork, order: OrderRow, error_message: str) -> None:
    """Set an order to ERRED with an error message, and its resource to the state after that."""
    resource = await unit_of_work.load_row(ResourceRow, order.resource_id)
    state = _get_state_after_failure(resource, order.type)
    values = ColumnValues(ResourceRow, state=state)
    if state is ResourceState.ERRED:
        values |= ColumnValues(ResourceRow, error_message=error_message)
    after = await update_resource(unit_of_work, resource, values)
    operation_name = _get_operation_name(resource, order)
    message = f"Operation {operation_name} of resource {after.name} has failed."
    await log_event(unit_of_work, f"marketplace_resource_{operation_name}_failed", after, message)
    failure = ColumnValues(OrderRow, error_message=error_message)
    await finish_order(unit_of_work, order, OrderState.ERRED, failure)


def _get_state_after_failure(resource: ResourceRow, order_type: OrderType) -> ResourceState:
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
    after = await update_resource(
        unit_of_work, resource, ColumnValues(ResourceRow, state=resource_state)
    )
    operation_name = order.type.name.lower()
    message = f"Operation {operation_name} of resource {after.name} has been canceled."
    await log_event(unit_of_work, f"marketplace_resource_{operation_name}_canceled", after, message)
    await finish_order(unit_of_work, order, state, values)


def _get_state_after_withdrawal(resource: ResourceRow, order_type: OrderType) -> ResourceState:
    """Return the resource's state after a rejected or cancelled order (domain.md §6.5)."""
    is_terminated = resource.state is ResourceState.TERMINATED
    if order_type is OrderType.CREATE or (is_terminated and order_type is not OrderType.RESTORE):
        return ResourceState.TERMINATED
    return ResourceState.OK
