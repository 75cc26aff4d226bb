"""Events in Waldur's log, under the names of the installation's version (domain.md §6.6, §7.1)."""

from typing import Any
from uuid import UUID

from gateway.db.tables.codes import OrderState, ResourceState
from gateway.marketplace.plugins import get_plugin
from gateway.marketplace.rows import (
    EventFeedRow,
    EventRow,
    OfferingRow,
    OrderRow,
    ProjectRow,
    ResourceRow,
)
from gateway.marketplace.table_row import JsonObject
from gateway.marketplace.unit_of_work import UnitOfWork

_PROJECT_MODEL, _CUSTOMER_MODEL = ("structure", "project"), ("structure", "customer")
_RESOURCE_MODEL, _ORDER_MODEL = ("marketplace", "resource"), ("marketplace", "order")
_COLUMNS_WITH_SECRETS = frozenset({"attributes", "options"})
EventScope = tuple[tuple[str, str], int]
"""Object in whose feed an event appears: its model and key."""


async def log_event(
    unit_of_work: UnitOfWork,
    event_type: str,
    resource: ResourceRow,
    message: str,
    *,
    order_id: int | None = None,
) -> None:
    """Log an event in the feeds of a resource, its project and organisation, and of an order."""
    project = await unit_of_work.load_row(ProjectRow, resource.project_id)
    context = {
        "resource_uuid": UUID(resource.uuid).hex,
        "resource_name": resource.name,
        "resource_get_state_display": display_state(resource.state),
        "resource_limits": resource.limits,
        "resource_attributes": await _strip_secrets(unit_of_work, resource, resource.attributes),
        **_build_project_context(unit_of_work, project),
    }
    scopes = [(_RESOURCE_MODEL, resource.id), *_list_project_scopes(project)]
    if order_id is not None:
        scopes.append((_ORDER_MODEL, order_id))
    await _insert_event(unit_of_work, event_type, message, context, scopes)


async def log_project_event(
    unit_of_work: UnitOfWork, event_type: str, project: ProjectRow, message: str
) -> None:
    """Log an event in the feeds of a project and its organisation."""
    context = _build_project_context(unit_of_work, project)
    await _insert_event(unit_of_work, event_type, message, context, _list_project_scopes(project))


def _build_project_context(unit_of_work: UnitOfWork, project: ProjectRow) -> JsonObject:
    return {
        "project_uuid": UUID(project.uuid).hex,
        "project_name": project.name,
        "user_username": unit_of_work.viewer.username,
    }


def _list_project_scopes(project: ProjectRow) -> list[EventScope]:
    return [(_PROJECT_MODEL, project.id), (_CUSTOMER_MODEL, project.customer_id)]


async def _insert_event(
    unit_of_work: UnitOfWork,
    event_type: str,
    message: str,
    context: JsonObject,
    scopes: list[EventScope],
) -> None:
    event_id = await unit_of_work.insert_row(
        EventRow, event_type=event_type, message=message, context=context
    )
    for model, object_id in scopes:
        await unit_of_work.insert_row(
            EventFeedRow,
            event_id=event_id,
            content_type_id=unit_of_work.installation.content_type_id(*model),
            object_id=object_id,
        )


async def _strip_secrets(
    unit_of_work: UnitOfWork, resource: ResourceRow, values: JsonObject
) -> JsonObject:
    """Return attributes or options of a resource without the plugin's secret ones."""
    offering = await unit_of_work.load_row(OfferingRow, resource.offering_id)
    secret_names = get_plugin(offering.type).secret_attributes
    return {name: each for name, each in values.items() if name not in secret_names}


def display_state(state: ResourceState) -> str:
    """Return the name of a state in Waldur's texts."""
    return state.name if state is ResourceState.OK else state.name.capitalize()


_ORDER_EVENTS = {
    OrderState.EXECUTING: ("approved", "approved"),
    OrderState.DONE: ("completed", "completed"),
    OrderState.ERRED: ("failed", "marked as failed"),
    OrderState.REJECTED: ("rejected", "rejected"),
    OrderState.CANCELED: ("terminated", "terminated"),
}
"""Words for new states of orders, in the types of logged events and in their messages."""


async def log_order_event(
    unit_of_work: UnitOfWork, order: OrderRow, resource: ResourceRow, state: OrderState
) -> None:
    """Log that an order is executed from now on, or was brought to an end."""
    event_name, words = _ORDER_EVENTS[state]
    message = (
        f"Marketplace order for resource {resource.name} has been {words}."
        f" Type: {order.type.name.capitalize()}"
    )
    event_type = f"marketplace_order_{event_name}"
    await log_event(unit_of_work, event_type, resource, message, order_id=order.id)


async def log_changes(unit_of_work: UnitOfWork, before: ResourceRow, after: ResourceRow) -> None:
    """Log the columns of a resource that differ, unless its version of Waldur logs none of them."""
    version_rules = unit_of_work.installation.version_rules
    names = [
        each
        for each in sorted(column.name for column in ResourceRow.columns)
        if each not in version_rules.unlogged_columns and _differs(before, after, each)
    ]
    if not names:
        return
    differences = [
        f"field '{each}': from {await _describe_value(unit_of_work, before, each)}"
        f" to {await _describe_value(unit_of_work, after, each)}"
        for each in names
    ]
    text = ", ".join(differences)
    message = f"Marketplace resource '{after.name}' has been changed. F{text[1:]}."
    await log_event(unit_of_work, version_rules.resource_change_event, after, message)


def _differs(before: ResourceRow, after: ResourceRow, name: str) -> bool:
    """Return whether a column has another value; empty values are the same."""
    old_value, new_value = getattr(before, name), getattr(after, name)
    return bool(old_value or new_value) and old_value != new_value


async def _describe_value(unit_of_work: UnitOfWork, resource: ResourceRow, name: str) -> Any:
    """Return how a message cites the value of a column."""
    if name == "state":
        return display_state(resource.state)
    if name == "project_id":
        return (await unit_of_work.load_row(ProjectRow, resource.project_id)).name
    value = getattr(resource, name)
    if name in _COLUMNS_WITH_SECRETS and value:
        return await _strip_secrets(unit_of_work, resource, value)
    return value
