"""Side effects of changes: event log, versions, quotas and plan periods (domain.md §6.6, §7.1)."""

from collections.abc import Mapping
from decimal import Decimal
from uuid import UUID

import msgspec

from gateway.db.queries.marketplace_checks import SELECT_RESOURCE_JSON
from gateway.db.tables.codes import ResourceState
from gateway.exact_json import decode_members, encode_json
from gateway.marketplace.billing.renewal_pricing import parse_limits
from gateway.marketplace.plugins import strip_secret_attributes
from gateway.marketplace.rows import (
    ComponentQuotaRow,
    ComponentRow,
    EventFeedRow,
    EventRow,
    OfferingRow,
    PlanPeriodRow,
    ProjectRow,
    QuotaUsageRow,
    ResourceRow,
    RevisionRow,
    VersionRow,
)
from gateway.marketplace.table_row import ColumnValues
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


async def log_event(
    unit_of_work: UnitOfWork, event_type: str, resource: ResourceRow, message: str
) -> None:
    """Write an event into Waldur's log, in the feeds of the resource, project and organisation."""
    project = await unit_of_work.load_row(ProjectRow, resource.project_id)
    offering = await unit_of_work.load_row(OfferingRow, resource.offering_id)
    attributes = strip_secret_attributes(encode_json(resource.attributes).decode(), offering.type)
    event_id = await unit_of_work.insert_row(
        EventRow,
        event_type=event_type,
        message=message,
        context={
            "resource_uuid": UUID(resource.uuid).hex,
            "resource_name": resource.name,
            "resource_get_state_display": _display_state(resource.state),
            "resource_limits": resource.limits,
            "resource_attributes": msgspec.Raw(attributes.encode()),
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
        await unit_of_work.insert_row(
            EventFeedRow,
            event_id=event_id,
            content_type_id=get_content_type(*model),
            object_id=object_id,
        )


def _display_state(state: ResourceState) -> str:
    return state.name if state is ResourceState.OK else state.name.capitalize()


async def update_resource(
    unit_of_work: UnitOfWork, before: ResourceRow, values: ColumnValues[ResourceRow]
) -> ResourceRow:
    """Update columns of a resource with all side effects and return the updated row.

    Changed columns are logged, changed limits are copied to the component quotas, and
    a changed plan starts a new plan period.
    """
    becomes_usable = values.apply_to(before).state is ResourceState.OK
    if before.state is ResourceState.ERRED and becomes_usable:
        values |= ColumnValues(ResourceRow, error_traceback="")
    await unit_of_work.update_columns(before.id, values)
    after = await unit_of_work.load_row(ResourceRow, before.id)
    differences = [
        _describe_difference(name, getattr(before, name), getattr(after, name))
        for name in values.by_column
        if name not in _UNLOGGED_COLUMNS and getattr(after, name) != getattr(before, name)
    ]
    if differences:
        message = f"Resource {after.name} has been changed: {', '.join(differences)}."
        await log_event(unit_of_work, "marketplace_resource_has_been_changed", after, message)
    if after.limits != before.limits:
        await _update_component_quotas(unit_of_work, after)
    if after.plan_id != before.plan_id:
        await begin_plan_period(unit_of_work, after)
    return after


def _describe_difference(name: str, *values: object) -> str:
    old_text, new_text = (
        _display_state(each) if isinstance(each, ResourceState) else each for each in values
    )
    return f"field '{name}': from {old_text} to {new_text}"


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


async def _update_component_quotas(unit_of_work: UnitOfWork, resource: ResourceRow) -> None:
    """Copy a resource's limits to the quotas of its components."""
    quotas_by_component = {
        each.component_id: each
        for each in await unit_of_work.load_rows(ComponentQuotaRow, resource_id=resource.id)
    }
    limits = await _load_component_limits(unit_of_work, resource.offering_id, resource.limits)
    for component_id, limit in limits.items():
        if component_id in quotas_by_component:
            quota = quotas_by_component[component_id]
            await unit_of_work.update_rows(ComponentQuotaRow, quota.id, limit=str(limit))
        else:
            await unit_of_work.insert_row(
                ComponentQuotaRow,
                resource_id=resource.id,
                component_id=component_id,
                limit=str(limit),
            )


async def _load_component_limits(
    unit_of_work: UnitOfWork, offering_id: int, limits: Mapping[str, object]
) -> dict[int, Decimal]:
    """Return limits by the component's key instead of its type."""
    components = await unit_of_work.load_rows(ComponentRow, offering_id=offering_id)
    amounts = parse_limits(limits)
    return {each.id: amounts[each.type] for each in components if each.type in amounts}


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
