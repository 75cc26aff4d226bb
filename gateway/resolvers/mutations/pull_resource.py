"""`pullResource`: having a backend asked how a resource is."""

from typing import Annotated

import strawberry

from gateway.marketplace.operations.pull_resource import pull
from gateway.marketplace.unit_of_work import Change, Changed
from gateway.resolvers.mutations.mutation_field import accepted, mutation
from gateway.schema.framework.publish import asks
from gateway.schema.framework.scalars import UUID, DateTime
from gateway.schema.types.accepted import Accepted
from gateway.schema.types.problems import Usual


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
