"""What the end of an order does to its resource (domain.md §5.6, §6.5)."""

from typing import Any
from uuid import UUID

from gateway.db import tables
from gateway.marketplace.billing.plan_cost import estimate, priced
from gateway.marketplace.billing.renewal_pricing import invalid_months
from gateway.marketplace.orders.place import ended
from gateway.marketplace.side_effects import begin_period, changed, end_period, tell
from gateway.marketplace.states import OrderState, OrderType, ResourceState
from gateway.marketplace.unit_of_work import Change

OK, ERRED, TERMINATED = (
    ResourceState.OK.value,
    ResourceState.ERRED.value,
    ResourceState.TERMINATED.value,
)


async def done(change: Change, order: Any) -> None:
    """Carry an order out, or note that it can't be by now."""
    resource = await change.row(tables.resource, order.resource_id)
    if broken := await _broken(change, resource, order):
        await failed(change, order, broken)
        return
    await _DONE[OrderType(order.type)](change, resource, order)
    await ended(change, order, OrderState.DONE, completed_at=change.now)


def _given(order: Any) -> dict[str, Any]:
    return order.attributes if isinstance(order.attributes, dict) else {}


def _renews(order: Any) -> bool:
    return _given(order).get("action") == "renew"


async def _broken(change: Change, resource: Any, order: Any) -> str | None:
    """Say which rules the months of a renewal break by now (domain.md §5.6)."""
    if not _renews(order):
        return None
    components = await priced(change, resource.offering_id, resource.plan_id)
    problem = invalid_months(_given(order)["extension_months"], components)
    return problem.message if problem else None


async def _made(change: Change, resource: Any, _order: Any) -> None:
    after = await changed(change, resource, state=OK)
    await begin_period(change, after)
    message = f"Resource {after.name} has been created."
    await tell(change, "marketplace_resource_create_succeeded", after, message)


async def _updated(change: Change, resource: Any, order: Any) -> None:
    mended = {"state": OK, "error_message": "", "error_traceback": ""}
    values: dict[str, Any] = mended | _wanted(change, resource, order)
    plan, limits = values.get("plan_id", resource.plan_id), values.get("limits", resource.limits)
    if (plan, limits) != (resource.plan_id, resource.limits):
        values["cost"] = await estimate(change, resource, plan, limits)
    after = await changed(change, resource, **values)
    message = f"Resource {after.name} has been updated."
    await tell(change, f"marketplace_resource_{_word(resource, order)}_succeeded", after, message)


def _word(resource: Any, order: Any) -> str:
    """Name what an order is to do with a resource, as the log does (domain.md §7.1)."""
    limits = "new_options" not in _given(order) and order.limits != resource.limits
    if OrderType(order.type) is OrderType.UPDATE and (limits or _renews(order)):
        return "update_limits"
    return OrderType(order.type).name.lower()


def _wanted(change: Change, resource: Any, order: Any) -> dict[str, Any]:
    """Give the columns of a resource that an order changes."""
    given = _given(order)
    if "new_options" in given:
        return {"options": {**(resource.options or {}), **given["new_options"]}}
    values = {"limits": order.limits}
    if _renews(order):
        return {**values, **_renewed(change, resource, order)}
    if order.plan_id is not None:
        values["plan_id"] = order.plan_id
    return values


def _renewed(change: Change, resource: Any, order: Any) -> dict[str, Any]:
    given, past = order.attributes, resource.attributes.get("renewal_history", [])
    entry = {
        "date": change.now.isoformat(),
        "type": "renewal",
        "order_uuid": UUID(order.uuid).hex,
        "created_by_id": order.created_by_id,
        "extension_months": given.get("extension_months"),
        "old_end_date": given.get("old_end_date"),
        "new_end_date": given.get("new_end_date"),
        "old_limits": given.get("old_limits"),
        "new_limits": order.limits,
    }
    return {
        "attributes": {**resource.attributes, "renewal_history": [*past, entry]},
        "end_date": given.get("new_end_date"),
        "end_date_requested_by_id": order.created_by_id,
        "end_date_updated_at": change.now,
    }


async def _terminated(change: Change, resource: Any, _order: Any) -> None:
    after = await changed(change, resource, state=TERMINATED)
    await end_period(change, after)
    message = f"Resource {after.name} has been terminated."
    await tell(change, "marketplace_resource_terminate_succeeded", after, message)


async def _restored(change: Change, resource: Any, _order: Any) -> None:
    after = await changed(change, resource, state=OK)
    await begin_period(change, after)
    message = f"Resource {after.name} has been restored."
    await tell(change, "marketplace_resource_restore_succeeded", after, message)


_DONE = {
    OrderType.CREATE: _made,
    OrderType.UPDATE: _updated,
    OrderType.TERMINATE: _terminated,
    OrderType.RESTORE: _restored,
}


async def failed(change: Change, order: Any, message: str) -> None:
    """Note that an order could not be carried out, and why."""
    resource = await change.row(tables.resource, order.resource_id)
    state = _after_failure(resource, OrderType(order.type))
    errors = {"error_message": message} if state == ERRED else {}
    after = await changed(change, resource, state=state, **errors)
    word = _word(resource, order)
    told = f"Resource {after.name} could not be changed ({word})."
    await tell(change, f"marketplace_resource_{word}_failed", after, told)
    await ended(change, order, OrderState.ERRED, error_message=message)


def _after_failure(resource: Any, kind: OrderType) -> int:
    if kind is OrderType.TERMINATE:
        return OK
    return TERMINATED if kind is OrderType.CREATE and not resource.backend_id else ERRED


async def given_up(change: Change, order: Any, state: OrderState, **values: Any) -> None:
    """Note that an order was rejected or called off: what it would have changed stays."""
    resource = await change.row(tables.resource, order.resource_id)
    kind = OrderType(order.type)
    after = await changed(change, resource, state=_after_giving_up(resource, kind))
    word = kind.name.lower()
    told = f"Resource {after.name} is not to be changed any more ({word})."
    await tell(change, f"marketplace_resource_{word}_canceled", after, told)
    await ended(change, order, state, **values)


def _after_giving_up(resource: Any, kind: OrderType) -> int:
    """Give the state of a resource then (domain.md §6.5): only a restoring makes the dead live."""
    dead = resource.state == TERMINATED and kind is not OrderType.RESTORE
    return TERMINATED if dead or kind is OrderType.CREATE else OK
