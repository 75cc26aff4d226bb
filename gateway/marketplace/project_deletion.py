"""Deletion of projects that have ended, after their last resource (domain.md §1.12, §6.5)."""

from gateway.db import tables
from gateway.db.queries.marketplace_checks import SELECT_LIVE_RESOURCE_EXISTS
from gateway.marketplace.event_log import log_project_event
from gateway.marketplace.preconditions import has_ended
from gateway.marketplace.rows import CustomerRow, ProjectRow
from gateway.marketplace.unit_of_work import UnitOfWork


async def delete_ended_project(unit_of_work: UnitOfWork, project_id: int) -> None:
    """Mark a project as removed if it has ended and has only terminated or erred resources.

    The project is locked first, so that of two resources that end at once one is the last.
    """
    if not await _has_ended(unit_of_work, project_id):
        return
    await unit_of_work.writer.lock_rows(tables.project, project_id)
    project = await unit_of_work.load_row(ProjectRow, project_id)
    ((has_live_resource,),) = await unit_of_work.writer.execute_statement(
        SELECT_LIVE_RESOURCE_EXISTS, {"project_id": project_id}
    )
    if project.is_removed or has_live_resource:
        return
    message = (
        f"Project {project.name} is going to be deleted because end date has been reached"
        " and there are no active resources."
    )
    await log_project_event(unit_of_work, "project_deletion_triggered", project, message)
    await unit_of_work.update_rows(ProjectRow, project_id, is_removed=True)


async def _has_ended(unit_of_work: UnitOfWork, project_id: int) -> bool:
    project = await unit_of_work.load_row(ProjectRow, project_id)
    customer = await unit_of_work.load_row(CustomerRow, project.customer_id)
    return has_ended(
        project.end_date,
        project.grace_period_days,
        customer.grace_period_days,
        unit_of_work.today,
    )
