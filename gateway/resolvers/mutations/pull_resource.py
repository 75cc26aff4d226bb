"""`pullResource`: having a backend asked how a resource is."""

from typing import Annotated

import strawberry

from gateway.marketplace.operations.pull_resource import request_pull
from gateway.marketplace.unit_of_work import ChangeResult, UnitOfWork
from gateway.resolvers.mutations.mutation_field import declare_mutation, mutation_payload
from gateway.schema.framework.publish import input_type
from gateway.schema.framework.scalars import UUID, DateTime
from gateway.schema.types.accepted import Accepted
from gateway.schema.types.problems import CommonProblem


@input_type
class PullResourceInput:
    """Which resource to pull."""

    uuid: UUID
    """The uuid of the resource."""
    if_modified: DateTime | None = None
    """The `modified` of the resource that you know: if it was changed since, nothing is done."""


@mutation_payload
class ResourcePulled(Accepted):
    """The backend will be asked how the resource is; its `lastSync` tells when that was done."""


PullResourceResult = Annotated[
    ResourcePulled | CommonProblem,
    strawberry.union("PullResourceResult", description="A pull that is accepted, or why not."),
]


async def _pull_resource(unit_of_work: UnitOfWork, arguments: PullResourceInput) -> ChangeResult:
    return await request_pull(unit_of_work, arguments.uuid, arguments.if_modified)


pull_resource_field = declare_mutation(PullResourceInput, ResourcePulled, _pull_resource)
