"""Moving a resource to another project (domain.md §5.5)."""

from gateway.db import tables
from gateway.db.views.backend_objects import find_backend_table
from gateway.marketplace.billing.invoices import move_items, plan_item_moves
from gateway.marketplace.operation_rules import ResourceOperation
from gateway.marketplace.problems import (
    ChangeRefusedError,
    NotPossible,
    Reason,
    build_invalid_input,
    raise_problem,
)
from gateway.marketplace.rows import (
    CustomerRow,
    OfferingRow,
    OrderKeyRow,
    OrderRow,
    ProjectRow,
    ResourceRow,
    ServiceSettingsRow,
)
from gateway.marketplace.side_effects import add_quota, update_resource
from gateway.marketplace.table_row import ColumnValues, any_of
from gateway.marketplace.unit_of_work import ChangeResult, UnitOfWork


async def move_to_project(
    unit_of_work: UnitOfWork, uuid: str, project: str, if_modified: str | None
) -> ChangeResult:
    """Move a resource to another project, with its orders and pending invoice items."""
    facts = await unit_of_work.lock_resource(uuid, ResourceOperation.MOVE_RESOURCE, if_modified)
    resource = await unit_of_work.load_row(ResourceRow, facts.id)
    source = await unit_of_work.load_row(ProjectRow, resource.project_id)
    target = await _load_target_project(unit_of_work, project, source.customer_id)
    item_moves = await plan_item_moves(unit_of_work, resource, source, target)
    await update_resource(unit_of_work, resource, ColumnValues(ResourceRow, project_id=target.id))
    await move_items(unit_of_work, item_moves, target)
    await _move_backend_object(unit_of_work, resource, target)
    order_ids = [
        each.id for each in await unit_of_work.load_rows(OrderKeyRow, resource_id=facts.id)
    ]
    await unit_of_work.update_rows(OrderRow, order_ids, project_id=target.id)
    await _move_quota_counts(unit_of_work, source, target)
    return ChangeResult(facts.id)


async def _load_target_project(
    unit_of_work: UnitOfWork, uuid: str, source_customer_id: int
) -> ProjectRow:
    """Return the target project, after locking its organisation and that of the source.

    So a move that goes the other way at the same time can't lock the invoices in another order.
    Raises ChangeRefusedError if the viewer can't see the project or its organisation is blocked.
    """
    try:
        project_id = await unit_of_work.find_visible_id(tables.project, uuid)
    except ChangeRefusedError:
        message = "must be the uuid of a project that exists and that the viewer can see."
        raise ChangeRefusedError(build_invalid_input("project", message=message)) from None
    project = await unit_of_work.load_row(ProjectRow, project_id)
    await unit_of_work.writer.lock_shared_rows(
        tables.customer, source_customer_id, project.customer_id
    )
    if (await unit_of_work.load_row(CustomerRow, project.customer_id)).blocked:
        message = "The organisation of the target project is blocked."
        raise_problem(NotPossible(message=message, reason=Reason.CUSTOMER_BLOCKED))
    return project


async def _move_backend_object(
    unit_of_work: UnitOfWork, resource: ResourceRow, target: ProjectRow
) -> None:
    """Move the plugin's object and the offerings that are scoped to it."""
    table = find_backend_table(resource.content_type_id, unit_of_work.installation.content_type_id)
    if table is None or resource.object_id is None:
        return
    await unit_of_work.writer.update_rows(
        table, resource.object_id, project_id=target.id, modified=unit_of_work.now
    )
    settings_type = unit_of_work.installation.content_type_id("structure", "servicesettings")
    settings = await unit_of_work.load_rows(
        ServiceSettingsRow,
        content_type_id=resource.content_type_id,
        object_id=resource.object_id,
    )
    offerings = await unit_of_work.load_rows(
        OfferingRow,
        content_type_id=settings_type,
        object_id=any_of([each.id for each in settings]),
    )
    offering_ids = [each.id for each in offerings]
    await unit_of_work.update_rows(OfferingRow, offering_ids, project_id=target.id)


async def _move_quota_counts(
    unit_of_work: UnitOfWork, source: ProjectRow, target: ProjectRow
) -> None:
    """Move one resource between the resource counts of the projects and organisations."""
    for model, old_id, new_id in (
        ("project", source.id, target.id),
        ("customer", source.customer_id, target.customer_id),
    ):
        if old_id != new_id:
            await add_quota(unit_of_work, "nc_resource_count", ("structure", model), old_id, -1)
            await add_quota(unit_of_work, "nc_resource_count", ("structure", model), new_id, 1)
