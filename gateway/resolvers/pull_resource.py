"""`pullResource`: having a backend asked how a resource is."""

from typing import Annotated

import strawberry

from gateway.marketplace.change import Change, Changed
from gateway.marketplace.pulling import pull
from gateway.schema.changes import Accepted, accepted, asks, mutation
from gateway.schema.problems import Usual
from gateway.schema.scalars import UUID, DateTime


@asks
class PullResourceInput:
    """Which resource to pull."""

    uuid: UUID
    """The uuid of the resource."""
    if_modified: DateTime | None = None
    """The `modified` of the resource that you know: if it was changed since, nothing is done."""


@accepted
class ResourcePulled(Accepted):
    """The backend will be asked how the resource is; its `lastSync` tells when that was done."""


PullResourceResult = Annotated[
    ResourcePulled | Usual,
    strawberry.union("PullResourceResult", description="A pull that is accepted, or why not."),
]


async def _pull(change: Change, given: PullResourceInput) -> Changed:
    return await pull(change, given.uuid, given.if_modified)


pull_resource = mutation(PullResourceInput, ResourcePulled, _pull)
