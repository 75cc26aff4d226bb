"""Giving a resource to another project (domain.md §5.5)."""

from typing import Any

from gateway.db import tables
from gateway.db.views.backend_objects import backend_table
from gateway.marketplace.billing.invoices import move_items
from gateway.marketplace.preconditions import ResourceOperation
from gateway.marketplace.problems import NotPossible, Reason, RefusedError, invalid, refuse
from gateway.marketplace.side_effects import counted, revised, tell
from gateway.marketplace.unit_of_work import Change, Changed, missing


async def move(change: Change, uuid: str, project: str, modified: str | None) -> Changed:
    """Give a resource, with its orders and what it costs this month, to another project."""
    facts = await change.resource(uuid, ResourceOperation.MOVE_RESOURCE, modified)
    target = await _target(change, project)
    resource = await change.row(tables.resource, facts.id)
    source = await change.row(tables.project, resource.project_id)
    await move_items(change, resource, source, target)
    await change.save(tables.resource, facts.id, project_id=target.id)
    await _move_backend(change, resource, target)
    orders = [each.id for each in await change.rows(tables.order, resource_id=facts.id)]
    await change.save(tables.order, orders, project_id=target.id)
    await _recount(change, source, target)
    after = await change.row(tables.resource, facts.id)
    if target.id != source.id:
        told = f"field 'project_id': from {source.name} to {target.name}"
        message = f"Resource {after.name} has been changed: {told}."
        await tell(change, "marketplace_resource_has_been_changed", after, message)
    await revised(change, after, "Resource has been moved")
    return Changed(facts.id)


async def _target(change: Change, uuid: str) -> Any:
    """Give the project that a resource is to move to, with its organisation held as it is."""
    try:
        id_ = await change.seen(tables.project, uuid)
    except RefusedError:
        raise RefusedError(invalid("project", message=missing("project").message)) from None
    project = await change.row(tables.project, id_)
    await change.writer.lock(tables.customer, project.customer_id)
    if (await change.row(tables.customer, project.customer_id)).blocked:
        message = "The organisation of the other project is blocked."
        refuse(NotPossible(message=message, reason=Reason.CUSTOMER_BLOCKED))
    return project


async def _move_backend(change: Change, resource: Any, target: Any) -> None:
    """Have the plugin's object move, too, and the offerings that are made of it."""
    table = backend_table(resource.content_type_id, change.installation.content_type)
    if table is None or resource.object_id is None:
        return
    await change.save(table, resource.object_id, project_id=target.id)
    scope = {"content_type_id": resource.content_type_id, "object_id": resource.object_id}
    kind = change.installation.content_type("structure", "servicesettings")
    settings = [each.id for each in await change.rows(tables.service_settings, **scope)]
    made = {"content_type_id": kind, "object_id": settings}
    offerings = [each.id for each in await change.rows(tables.offering, **made)]
    await change.save(tables.offering, offerings, project_id=target.id)


async def _recount(change: Change, source: Any, target: Any) -> None:
    """Have the counts of resources follow."""
    for model, old, new in (
        ("project", source.id, target.id),
        ("customer", source.customer_id, target.customer_id),
    ):
        if old != new:
            await counted(change, "nc_resource_count", ("structure", model), old, -1)
            await counted(change, "nc_resource_count", ("structure", model), new, 1)
