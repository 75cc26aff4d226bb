"""Pulling a resource's state from its backend (domain.md §5.3)."""

from gateway.marketplace.operation_rules import ResourceOperation
from gateway.marketplace.rows import PullRow
from gateway.marketplace.unit_of_work import ChangeResult, UnitOfWork


async def request_pull(
    unit_of_work: UnitOfWork, uuid: str, if_modified: str | None
) -> ChangeResult:
    """Queue a pull of a resource; the provider's background task carries it out."""
    facts = await unit_of_work.lock_resource(uuid, ResourceOperation.PULL_RESOURCE, if_modified)
    await unit_of_work.insert_row(
        PullRow,
        resource_id=facts.id,
        requested_by_id=unit_of_work.requester_id,
        requested_at=unit_of_work.now_text,
    )
    return ChangeResult(facts.id)
