"""Unlinking a resource: deleting its record without touching the backend (rules.md §1)."""

from gateway.db import tables
from gateway.db.views.backend_objects import find_backend_table
from gateway.marketplace.operation_rules import ResourceOperation
from gateway.marketplace.operations.setter import ResourceChange, declare_setter
from gateway.marketplace.rows import ProjectRow
from gateway.marketplace.side_effects import add_quota, log_event


@declare_setter(ResourceOperation.UNLINK_RESOURCE)
async def unlink_resource(change: ResourceChange) -> None:
    """Delete a resource with its orders, usages and others, and its plugin's object."""
    unit_of_work, resource = change.unit_of_work, change.before
    message = f"Marketplace resource {resource.name} has been unlinked."
    await log_event(unit_of_work, "marketplace_resource_unlinked", resource, message)
    project = await unit_of_work.load_row(ProjectRow, resource.project_id)
    for model, scope_id in (("project", project.id), ("customer", project.customer_id)):
        await add_quota(unit_of_work, "nc_resource_count", ("structure", model), scope_id, -1)
    installation = unit_of_work.installation
    backend_table = find_backend_table(resource.content_type_id, installation.content_type_id)
    for table, id_ in ((backend_table, resource.object_id), (tables.resource, resource.id)):
        if table is not None and id_ is not None:
            await unit_of_work.writer.delete_cascade(table, id_, installation.missing_tables)
