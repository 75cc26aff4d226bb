"""Side effects of changes: versions, quotas and plan periods (domain.md §6.6)."""

from decimal import Decimal

from gateway.db.queries.marketplace_checks import SELECT_RESOURCE_JSON
from gateway.db.tables.codes import ResourceState
from gateway.exact_json import decode_members, encode_json
from gateway.marketplace.billing.renewal_pricing import allows_limit, parse_limits
from gateway.marketplace.cost_policies import load_modification_problem
from gateway.marketplace.event_log import (
    log_changes,
    log_event as log_event,  # noqa: PLC0414 - operations import all side effects from here
)
from gateway.marketplace.problems import Problem, raise_problem
from gateway.marketplace.project_deletion import delete_ended_project
from gateway.marketplace.rows import (
    ComponentQuotaRow,
    ComponentRow,
    PlanPeriodRow,
    QuotaUsageRow,
    ResourceRow,
    RevisionRow,
    VersionRow,
)
from gateway.marketplace.table_row import ColumnValues
from gateway.marketplace.unit_of_work import UnitOfWork


async def update_resource(
    unit_of_work: UnitOfWork, before: ResourceRow, values: ColumnValues[ResourceRow]
) -> ResourceRow:
    """Update columns of a resource with all side effects and return the updated row.

    Changed columns are logged, limits that were changed or whose resource was created are copied
    to the component quotas, and the plan's periods follow the plan and the state. If the resource
    is terminated, and was the last one of a project that has ended, the project is deleted. Raises
    ChangeRefusedError if a cost policy of the project in which the resource is then forbids the
    change.
    """
    planned = values.apply_to(before)
    if before.state is ResourceState.ERRED and planned.state is ResourceState.OK:
        values |= ColumnValues(ResourceRow, error_traceback="")
    if unit_of_work.uses_rest_api and not _has_checked_project(unit_of_work, planned):
        await _check_policies(unit_of_work, before, planned)
    await unit_of_work.update_columns(before.id, values)
    after = await unit_of_work.load_row(ResourceRow, before.id)
    await _check_policies(unit_of_work, before, after)
    await log_changes(unit_of_work, before, after)
    if after.limits != before.limits or _is_created(before, after):
        await _update_component_quotas(unit_of_work, before, after)
    await _update_plan_periods(unit_of_work, before, after)
    if after.state is not before.state and after.state is ResourceState.TERMINATED:
        await delete_ended_project(unit_of_work, after.project_id)
    return after


async def update_permitted_columns(
    unit_of_work: UnitOfWork, before: ResourceRow, values: ColumnValues[ResourceRow]
) -> ResourceRow:
    """Update a resource like `update_resource`, as far as cost policies allow it.

    It is for changes that can't be refused, such as reports of a backend: if a policy forbids to
    change the resource, only the columns that are exempt are updated.
    """
    if await _load_policy_problem(unit_of_work, before) is not None:
        exempt_columns = unit_of_work.current_rules.version_rules.policy_exempt_columns
        values = values.select_columns(exempt_columns)
    if not values.by_column:
        return before
    return await update_resource(unit_of_work, before, values)


async def _check_policies(
    unit_of_work: UnitOfWork, before: ResourceRow, after: ResourceRow
) -> None:
    """Raise ChangeRefusedError if a cost policy forbids the change of a resource."""
    names = [each.key for each in ResourceRow.columns]
    changed_columns = {name for name in names if getattr(after, name) != getattr(before, name)}
    exempt_columns = unit_of_work.current_rules.version_rules.policy_exempt_columns
    if not {"modified", *changed_columns} <= exempt_columns:
        raise_problem(await _load_policy_problem(unit_of_work, after))


def _has_checked_project(unit_of_work: UnitOfWork, resource: ResourceRow) -> bool:
    """Return whether a precondition has checked the policies of a resource's project."""
    facts = unit_of_work.locked_resource
    return facts is not None and facts.project_id == resource.project_id


async def _load_policy_problem(unit_of_work: UnitOfWork, resource: ResourceRow) -> Problem | None:
    return await load_modification_problem(
        unit_of_work.unrestricted_loader, resource.project_id, resource.id
    )


def _is_created(before: ResourceRow, after: ResourceRow) -> bool:
    return before.state is ResourceState.CREATING and after.state is ResourceState.OK


async def _update_plan_periods(
    unit_of_work: UnitOfWork, before: ResourceRow, after: ResourceRow
) -> None:
    """Begin and end plan periods after a change of a resource's plan or state."""
    if after.state is not before.state and after.state is ResourceState.TERMINATED:
        await end_plan_period(unit_of_work, after)
    elif _is_created(before, after) or after.plan_id != before.plan_id:
        await begin_plan_period(unit_of_work, after)


async def save_version(unit_of_work: UnitOfWork, resource: ResourceRow, comment: str) -> None:
    """Store the current columns of a resource as a version of its history."""
    ((columns,),) = await unit_of_work.writer.execute_statement(
        SELECT_RESOURCE_JSON, {"resource_id": resource.id}
    )
    fields = {
        name.removesuffix("_id") if name.endswith("_id") and name != "backend_id" else name: value
        for name, value in (decode_members(columns) or {}).items()
    }
    revision_id = await unit_of_work.insert_row(
        RevisionRow,
        date_created=unit_of_work.now_text,
        comment=comment,
        user_id=unit_of_work.actor_id,
    )
    await unit_of_work.insert_row(
        VersionRow,
        revision_id=revision_id,
        content_type_id=unit_of_work.installation.content_type_id("marketplace", "resource"),
        object_id=str(resource.id),
        format="json",
        serialized_data=encode_json(
            [{"model": "marketplace.resource", "pk": resource.id, "fields": fields}]
        ).decode(),
        object_repr=resource.name,
        db="default",
    )


async def add_quota(
    unit_of_work: UnitOfWork, name: str, model: tuple[str, str], object_id: int, delta: int
) -> None:
    """Add a difference to a quota of an object."""
    await unit_of_work.insert_row(
        QuotaUsageRow,
        name=name,
        delta=delta,
        content_type_id=unit_of_work.installation.content_type_id(*model),
        object_id=object_id,
    )


async def _update_component_quotas(
    unit_of_work: UnitOfWork, before: ResourceRow, after: ResourceRow
) -> None:
    """Copy a resource's limits to the quotas of its components; delete those of lost limits."""
    components = [
        each
        for each in await unit_of_work.load_rows(ComponentRow, offering_id=after.offering_id)
        if allows_limit(each.billing_type, is_prepaid=each.is_prepaid)
    ]
    quota_ids = {
        each.component_id: each.id
        for each in await unit_of_work.load_rows(ComponentQuotaRow, resource_id=after.id)
    }
    amounts = parse_limits(after.limits)
    for component in components:
        quota_id = quota_ids.get(component.id)
        if component.type in amounts:
            limit = amounts[component.type]
            await _store_component_quota(unit_of_work, after, component, quota_id, limit)
        elif component.type in before.limits and quota_id is not None:
            await unit_of_work.writer.delete_rows(ComponentQuotaRow.table, quota_id)


async def _store_component_quota(
    unit_of_work: UnitOfWork,
    resource: ResourceRow,
    component: ComponentRow,
    quota_id: int | None,
    limit: Decimal,
) -> None:
    """Update the quota of a component, or insert it if its key is None."""
    if quota_id is not None:
        await unit_of_work.update_rows(ComponentQuotaRow, quota_id, limit=str(limit))
        return
    await unit_of_work.insert_row(
        ComponentQuotaRow, resource_id=resource.id, component_id=component.id, limit=str(limit)
    )


async def begin_plan_period(unit_of_work: UnitOfWork, resource: ResourceRow) -> None:
    """Begin a period of a resource's plan; end that of its old plan, if there is one."""
    await end_plan_period(unit_of_work, resource)
    if resource.plan_id is not None:
        await unit_of_work.insert_row(
            PlanPeriodRow,
            resource_id=resource.id,
            plan_id=resource.plan_id,
            start=unit_of_work.now_text,
        )


async def end_plan_period(unit_of_work: UnitOfWork, resource: ResourceRow) -> None:
    """End the open period of a resource's plan."""
    for each in await unit_of_work.load_rows(PlanPeriodRow, resource_id=resource.id, end=None):
        await unit_of_work.update_rows(PlanPeriodRow, each.id, end=unit_of_work.now_text)
