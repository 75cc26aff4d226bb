"""Having a backend asked how a resource is (domain.md §5.3)."""

from gateway.db.admin import own_tables
from gateway.marketplace.preconditions import ResourceOperation
from gateway.marketplace.unit_of_work import Change, Changed


async def pull(change: Change, uuid: str, modified: str | None) -> Changed:
    """Note that a resource is to be pulled; whoever looks after its backend does it soon."""
    facts = await change.resource(uuid, ResourceOperation.PULL_RESOURCE, modified)
    await change.writer.insert(
        own_tables.pull, resource_id=facts.id, requested_by_id=change.actor, requested_at=change.now
    )
    return Changed(facts.id)
