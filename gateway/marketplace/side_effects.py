"""What the marketplace notes besides when something changes (domain.md §6.6, §7.1)."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from gateway.db import tables
from gateway.db.queries.marketplace_checks import as_json
from gateway.marketplace.plugins import safe_attributes
from gateway.marketplace.states import ResourceState
from gateway.marketplace.unit_of_work import Change

_UNTOLD = frozenset(
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


async def tell(change: Change, kind: str, resource: Any, message: str) -> None:
    """Write into the log what happened to a resource."""
    project = await change.row(tables.project, resource.project_id)
    offering = await change.row(tables.offering, resource.offering_id)
    attributes = safe_attributes(msgspec.json.encode(resource.attributes).decode(), offering.type)
    event = await change.add(
        tables.event,
        event_type=kind,
        message=message,
        context={
            "resource_uuid": UUID(resource.uuid).hex,
            "resource_name": resource.name,
            "resource_get_state_display": _shown(resource.state),
            "resource_limits": resource.limits,
            "resource_attributes": msgspec.json.decode(attributes),
            "project_uuid": UUID(project.uuid).hex,
            "project_name": project.name,
            "user_username": change.viewer.username,
        },
    )
    types = change.installation.content_type
    for model, key in (
        (("marketplace", "resource"), resource.id),
        (("structure", "project"), resource.project_id),
        (("structure", "customer"), project.customer_id),
    ):
        scope = {"content_type_id": types(*model), "object_id": key}
        await change.writer.insert(tables.event_feed, event_id=event, **scope)


def _shown(state: int) -> str:
    name = ResourceState(state).name
    return name if name == "OK" else name.capitalize()


async def changed(change: Change, before: Any, **values: Any) -> Any:
    """Change columns of a resource, note it, and give the resource as it is then."""
    if before.state == ResourceState.ERRED.value and values.get("state") == ResourceState.OK.value:
        values.setdefault("error_traceback", "")
    await change.save(tables.resource, before.id, **values)
    after = await change.row(tables.resource, before.id)
    told = [
        f"field '{name}': from {_said(name, getattr(before, name))} to {_said(name, value)}"
        for name in values
        if name not in _UNTOLD and (value := getattr(after, name)) != getattr(before, name)
    ]
    if told:
        message = f"Resource {after.name} has been changed: {', '.join(told)}."
        await tell(change, "marketplace_resource_has_been_changed", after, message)
    if after.limits != before.limits:
        await _quotas(change, after)
    if after.plan_id != before.plan_id:
        await _period(change, after)
    return after


def _said(name: str, value: Any) -> Any:
    return _shown(value) if name == "state" else value


async def revised(change: Change, resource: Any, comment: str) -> None:
    """Keep a resource as it is now in its history."""
    ((columns,),) = await change.writer.find(as_json(resource.id))
    fields = {
        name.removesuffix("_id") if name.endswith("_id") and name != "backend_id" else name: value
        for name, value in msgspec.json.decode(columns).items()
    }
    revision = await change.writer.insert(
        tables.revision, date_created=change.now, comment=comment, user_id=change.actor
    )
    await change.writer.insert(
        tables.version,
        revision_id=revision,
        content_type_id=change.installation.content_type("marketplace", "resource"),
        object_id=str(resource.id),
        format="json",
        serialized_data=msgspec.json.encode(
            [{"model": "marketplace.resource", "pk": resource.id, "fields": fields}]
        ).decode(),
        object_repr=resource.name,
        db="default",
    )


async def counted(change: Change, name: str, model: tuple[str, str], id_: int, delta: int) -> None:
    """Count something more, or less, of what a thing has."""
    await change.writer.insert(
        tables.quota_usage,
        name=name,
        delta=delta,
        content_type_id=change.installation.content_type(*model),
        object_id=id_,
    )


async def _quotas(change: Change, resource: Any) -> None:
    """Have the quotas of a resource's components be its limits."""
    quota = tables.component_quota
    known = {each.component_id: each for each in await change.rows(quota, resource_id=resource.id)}
    for id_, limit in (await _limited(change, resource.offering_id, resource.limits)).items():
        if id_ in known:
            await change.save(quota, known[id_].id, limit=limit)
        else:
            await change.add(quota, resource_id=resource.id, component_id=id_, limit=limit)


async def _limited(change: Change, offering: int, limits: Mapping[str, Any]) -> dict[int, Decimal]:
    component = tables.component
    rows = await change.rows(component, offering_id=offering)
    return {each.id: Decimal(str(limits[each.type])) for each in rows if each.type in limits}


async def _period(change: Change, resource: Any) -> None:
    """Begin the period of a resource's new plan, and end that of the old one."""
    await end_period(change, resource)
    if resource.plan_id is not None:
        await change.add(
            tables.plan_period,
            resource_id=resource.id,
            plan_id=resource.plan_id,
            start=change.now,
        )


async def end_period(change: Change, resource: Any) -> None:
    """End the open period of a resource's plan."""
    period = tables.plan_period
    for each in await change.rows(period, resource_id=resource.id, end=None):
        await change.save(period, each.id, end=change.now)


async def begin_period(change: Change, resource: Any) -> None:
    """Begin the first period of a resource's plan."""
    await _period(change, resource)
