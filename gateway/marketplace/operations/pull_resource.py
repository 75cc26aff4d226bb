"""Pulling a resource's state from its backend (domain.md §5.3)."""

from gateway.db.admin import own_tables
from gateway.marketplace.preconditions import ResourceOperation
from gateway.marketplace.unit_of_work import ChangeResult, UnitOfWork


async def request_pull(
    unit_of_work: UnitOfWork, uuid: str, if_modified: str | None
) -> ChangeResult:
    """Queue a pull of a resource; the provider's background task carries it out."""
    facts = await unit_of_work.lock_resource(uuid, ResourceOperation.PULL_RESOURCE, if_modified)
    await unit_of_work.writer.insert_row(
        own_tables.pull,
        resource_id=facts.id,
        requested_by_id=unit_of_work.actor_id,
        requested_at=unit_of_work.now,
    )
    return ChangeResult(facts.id)
