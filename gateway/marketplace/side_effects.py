"""What the marketplace notes besides when something changes (domain.md §6.6, §7.1)."""

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
"""Columns of a resource whose changes the log does not tell."""


async def log_event(unit_of_work: UnitOfWork, event_type: str, resource: Any, message: str) -> None:
    """Write into the log what happened to a resource."""
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
    """Change columns of a resource, note it, and give the resource as it is then."""
    if before.state == ResourceState.ERRED.value and values.get("state") == ResourceState.OK.value:
        values.setdefault("error_traceback", "")
    await unit_of_work.update_rows(tables.resource, before.id, **values)
    after = await unit_of_work.load_row(tables.resource, before.id)
    differences = [
        f"field '{name}': from {_display_value(name, getattr(before, name))} to {_display_value(name, value)}"
        for name in values
        if name not in _UNLOGGED_COLUMNS
        and (value := getattr(after, name)) != getattr(before, name)
    ]
    if differences:
        message = f"Resource {after.name} has been changed: {', '.join(differences)}."
        await log_event(unit_of_work, "marketplace_resource_has_been_changed", after, message)
    if after.limits != before.limits:
        await _update_component_quotas(unit_of_work, after)
    if after.plan_id != before.plan_id:
        await _replace_plan_period(unit_of_work, after)
    return after


def _display_value(name: str, value: Any) -> Any:
    return _display_state(value) if name == "state" else value


async def save_version(unit_of_work: UnitOfWork, resource: Any, comment: str) -> None:
    """Keep a resource as it is now in its history."""
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
    """Count something more, or less, of what a thing has."""
    await unit_of_work.writer.insert_row(
        tables.quota_usage,
        name=name,
        delta=delta,
        content_type_id=unit_of_work.installation.content_type_id(*model),
        object_id=object_id,
    )


async def _update_component_quotas(unit_of_work: UnitOfWork, resource: Any) -> None:
    """Have the quotas of a resource's components be its limits."""
    quota = tables.component_quota
    quotas_by_component = {
        each.component_id: each
        for each in await unit_of_work.load_rows(quota, resource_id=resource.id)
    }
    for component_id, limit in (
        await _get_component_limits(unit_of_work, resource.offering_id, resource.limits)
    ).items():
        if component_id in quotas_by_component:
            await unit_of_work.update_rows(quota, quotas_by_component[component_id].id, limit=limit)
        else:
            await unit_of_work.insert_row(
                quota, resource_id=resource.id, component_id=component_id, limit=limit
            )


async def _get_component_limits(
    unit_of_work: UnitOfWork, offering_id: int, limits: Mapping[str, Any]
) -> dict[int, Decimal]:
    component = tables.component
    rows = await unit_of_work.load_rows(component, offering_id=offering_id)
    return {each.id: Decimal(str(limits[each.type])) for each in rows if each.type in limits}


async def _replace_plan_period(unit_of_work: UnitOfWork, resource: Any) -> None:
    """Begin the period of a resource's new plan, and end that of the old one."""
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
