"""Setting the end date of a resource (domain.md §5.8)."""

from typing import Any

from gateway.marketplace.operation_rules import ResourceOperation
from gateway.marketplace.preconditions import customer_scope, project_scope
from gateway.marketplace.resource_facts import ResourceFacts
from gateway.marketplace.rows import ResourceRow
from gateway.marketplace.side_effects import log_event, update_resource
from gateway.marketplace.table_row import ColumnValues
from gateway.marketplace.unit_of_work import ChangeResult, UnitOfWork

END_DATE_PERMISSION = "RESOURCE.SET_END_DATE"


async def set_end_date(
    unit_of_work: UnitOfWork,
    uuid: str,
    if_modified: str | None,
    **new_end_date: Any,
) -> ChangeResult:
    """Set or clear a resource's end date, `end_date`; without it only store who asked, and when."""
    facts = await unit_of_work.lock_resource(
        uuid, ResourceOperation.SET_RESOURCE_END_DATE, if_modified
    )
    resource = await unit_of_work.load_row(ResourceRow, facts.id)
    end_date = ColumnValues(ResourceRow, **new_end_date)
    request = build_end_date_request(unit_of_work)
    after = await update_resource(unit_of_work, resource, end_date | request)
    await log_end_date(unit_of_work, facts, after, END_DATE_PERMISSION)
    return ChangeResult(facts.id)


def build_end_date_request(unit_of_work: UnitOfWork) -> ColumnValues[ResourceRow]:
    """Return the columns that record who sets the end date, and when."""
    return ColumnValues(
        ResourceRow,
        end_date_requested_by_id=unit_of_work.actor_id,
        end_date_updated_at=unit_of_work.now_text,
    )


async def log_end_date(
    unit_of_work: UnitOfWork, facts: ResourceFacts, after: ResourceRow, permission: str
) -> None:
    """Log that a resource's end date was set, by the consumer or the provider.

    It was by the consumer if the viewer has the permission there.
    """
    is_consumer = unit_of_work.viewer.has_permission(
        permission, project_scope(facts), customer_scope(facts)
    )
    side = "consumer" if is_consumer else "provider"
    message = (
        f"End date of marketplace resource {after.name} has been updated by {side}."
        f" End date: {after.end_date}. User: {unit_of_work.viewer.username}."
    )
    await log_event(unit_of_work, "marketplace_resource_update_end_date_succeeded", after, message)
