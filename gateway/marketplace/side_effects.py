"""Side effects of changes: event log, versions, quotas and plan periods (domain.md §6.6, §7.1)."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from gateway.db import tables
from gateway.db.queries.marketplace_checks import select_resource_json
from gateway.marketplace.plugins import strip_secret_attributes
from gateway.marketplace.states import ResourceState
from gateway.marketplace.unit_of_work import UnitOfWork

_UNLOGGED_COLUMNS = frozenset(
    {
        "modified",
        "backend_metadata",
        "object_id",
        "content_type_id",
        "options",
        "error_message",
        "current_usages",
        "end_date_updated_at",
        "last_sync",
    }
)
"""Columns of a resource whose changes are not logged."""


async def log_event(unit_of_work: UnitOfWork, event_type: str, resource: Any, message: str) -> None:
    """Write an event into Waldur's log, in the feeds of the resource, project and organisation."""
    project = await unit_of_work.load_row(tables.project, resource.project_id)
    offering = await unit_of_work.load_row(tables.offering, resource.offering_id)
    attributes = strip_secret_attributes(
        msgspec.json.encode(resource.attributes).decode(), offering.type
    )
    event_id = await unit_of_work.insert_row(
        tables.event,
        event_type=event_type,
        message=message,
        context={
            "resource_uuid": UUID(resource.uuid).hex,
            "resource_name": resource.name,
            "resource_get_state_display": _display_state(resource.state),
            "resource_limits": resource.limits,
            "resource_attributes": msgspec.json.decode(attributes),
            "project_uuid": UUID(project.uuid).hex,
            "project_name": project.name,
            "user_username": unit_of_work.viewer.username,
        },
    )
    get_content_type = unit_of_work.installation.content_type_id
    for model, object_id in (
        (("marketplace", "resource"), resource.id),
        (("structure", "project"), resource.project_id),
        (("structure", "customer"), project.customer_id),
    ):
        scope = {"content_type_id": get_content_type(*model), "object_id": object_id}
        await unit_of_work.writer.insert_row(tables.event_feed, event_id=event_id, **scope)


def _display_state(state: int) -> str:
    name = ResourceState(state).name
    return name if name == "OK" else name.capitalize()


async def update_resource(unit_of_work: UnitOfWork, before: Any, **values: Any) -> Any:
    """Update columns of a resource with all side effects and return the updated row.

    Changed columns are logged, changed limits are copied to the component quotas, and
    a changed plan starts a new plan period.
    """
    if before.state == ResourceState.ERRED.value and values.get("state") == ResourceState.OK.value:
        values.setdefault("error_traceback", "")
    await unit_of_work.update_rows(tables.resource, before.id, **values)
    after = await unit_of_work.load_row(tables.resource, before.id)
    differences = [
        _describe_difference(name, getattr(before, name), getattr(after, name))
        for name in values
        if name not in _UNLOGGED_COLUMNS and getattr(after, name) != getattr(before, name)
    ]
    if differences:
        message = f"Resource {after.name} has been changed: {', '.join(differences)}."
        await log_event(unit_of_work, "marketplace_resource_has_been_changed", after, message)
    if after.limits != before.limits:
        await _update_component_quotas(unit_of_work, after)
    if after.plan_id != before.plan_id:
        await _replace_plan_period(unit_of_work, after)
    return after


def _describe_difference(name: str, old_value: Any, new_value: Any) -> str:
    if name == "state":
        old_value, new_value = _display_state(old_value), _display_state(new_value)
    return f"field '{name}': from {old_value} to {new_value}"


async def save_version(unit_of_work: UnitOfWork, resource: Any, comment: str) -> None:
    """Store the current columns of a resource as a version of its history."""
    ((columns,),) = await unit_of_work.writer.execute_statement(select_resource_json(resource.id))
    fields = {
        name.removesuffix("_id") if name.endswith("_id") and name != "backend_id" else name: value
        for name, value in msgspec.json.decode(columns).items()
    }
    revision_id = await unit_of_work.writer.insert_row(
        tables.revision,
        date_created=unit_of_work.now,
        comment=comment,
        user_id=unit_of_work.actor_id,
    )
    await unit_of_work.writer.insert_row(
        tables.version,
        revision_id=revision_id,
        content_type_id=unit_of_work.installation.content_type_id("marketplace", "resource"),
        object_id=str(resource.id),
        format="json",
        serialized_data=msgspec.json.encode(
            [{"model": "marketplace.resource", "pk": resource.id, "fields": fields}]
        ).decode(),
        object_repr=resource.name,
        db="default",
    )


async def add_quota(
    unit_of_work: UnitOfWork, name: str, model: tuple[str, str], object_id: int, delta: int
) -> None:
    """Add a difference to a quota of an object."""
    await unit_of_work.writer.insert_row(
        tables.quota_usage,
        name=name,
        delta=delta,
        content_type_id=unit_of_work.installation.content_type_id(*model),
        object_id=object_id,
    )


async def _update_component_quotas(unit_of_work: UnitOfWork, resource: Any) -> None:
    """Copy a resource's limits to the quotas of its components."""
    quota = tables.component_quota
    quotas_by_component = {
        each.component_id: each
        for each in await unit_of_work.load_rows(quota, resource_id=resource.id)
    }
    limits = await _load_component_limits(unit_of_work, resource.offering_id, resource.limits)
    for component_id, limit in limits.items():
        if component_id in quotas_by_component:
            await unit_of_work.update_rows(quota, quotas_by_component[component_id].id, limit=limit)
        else:
            await unit_of_work.insert_row(
                quota, resource_id=resource.id, component_id=component_id, limit=limit
            )


async def _load_component_limits(
    unit_of_work: UnitOfWork, offering_id: int, limits: Mapping[str, Any]
) -> dict[int, Decimal]:
    """Return limits by the component's key instead of its type."""
    component = tables.component
    rows = await unit_of_work.load_rows(component, offering_id=offering_id)
    return {each.id: Decimal(str(limits[each.type])) for each in rows if each.type in limits}


async def _replace_plan_period(unit_of_work: UnitOfWork, resource: Any) -> None:
    """End the period of a resource's old plan and begin that of the new one."""
    await end_plan_period(unit_of_work, resource)
    if resource.plan_id is not None:
        await unit_of_work.insert_row(
            tables.plan_period,
            resource_id=resource.id,
            plan_id=resource.plan_id,
            start=unit_of_work.now,
        )


async def end_plan_period(unit_of_work: UnitOfWork, resource: Any) -> None:
    """End the open period of a resource's plan."""
    period = tables.plan_period
    for open_period in await unit_of_work.load_rows(period, resource_id=resource.id, end=None):
        await unit_of_work.update_rows(period, open_period.id, end=unit_of_work.now)


async def begin_plan_period(unit_of_work: UnitOfWork, resource: Any) -> None:
    """Begin the first period of a resource's plan."""
    await _replace_plan_period(unit_of_work, resource)
