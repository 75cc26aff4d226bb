"""Saying when a resource ends (domain.md §5.8)."""

from collections.abc import Mapping

from gateway.db import tables
from gateway.marketplace.preconditions import ResourceOperation, customer, project
from gateway.marketplace.side_effects import changed, revised, tell
from gateway.marketplace.unit_of_work import Change, Changed

PERMISSION = "RESOURCE.SET_END_DATE"


async def set_end_date(
    change: Change, uuid: str, end_date: Mapping[str, str | None], modified: str | None
) -> Changed:
    """Set, or clear, a resource's last day; without an `end_date` only who asked is noted."""
    facts = await change.resource(uuid, ResourceOperation.SET_RESOURCE_END_DATE, modified)
    resource = await change.row(tables.resource, facts.id)
    after = await changed(
        change,
        resource,
        **end_date,
        end_date_requested_by_id=change.actor,
        end_date_updated_at=change.now,
    )
    consumer = change.viewer.may(PERMISSION, project(facts), customer(facts))
    side = "consumer" if consumer else "provider"
    told = f"End date of resource {after.name} has been updated by {side}: {after.end_date}."
    await tell(change, "marketplace_resource_update_end_date_succeeded", after, told)
    await revised(change, after, f"End date has been updated by {side}")
    return Changed(facts.id)
