"""The mutation `pullResource`."""

from typing import Annotated

import strawberry

from gateway.marketplace.operations.pull_resource import request_pull
from gateway.marketplace.unit_of_work import ChangeResult, UnitOfWork
from gateway.resolvers.mutations.mutation_field import declare_mutation
from gateway.schema.framework.publish import input_type, object_type
from gateway.schema.framework.scalars import UUID, DateTime
from gateway.schema.types.accepted import Accepted
from gateway.schema.types.order import Order
from gateway.schema.types.problems import CommonProblem
from gateway.schema.types.resource import Resource


@input_type
class PullResourceInput:
    """Input of `pullResource`."""

    uuid: UUID
    """UUID of the resource."""
    if_modified: DateTime | None = None
    """Optimistic lock: the `modified` of the resource as last read by the client.

    If the resource was changed later, the mutation returns `Conflict`. Times are compared at the
    precision of this one, so `modified` may be cut to milliseconds. Null disables the check.
    """


@object_type
class ResourcePulled(Accepted):
    """The synchronisation was requested; `Resource.lastSync` changes when it is done."""

    resource: Resource | None
    """The resource, as it was before the synchronisation.

    Null if it is not visible to the viewer.
    """
    order: Order | None
    """Always null: no order is placed."""


PullResourceResult = Annotated[
    ResourcePulled | CommonProblem,
    strawberry.union(
        "PullResourceResult",
        description="The result of `pullResource`: the accepted request, or a problem.",
    ),
]


async def _pull_resource(unit_of_work: UnitOfWork, arguments: PullResourceInput) -> ChangeResult:
    return await request_pull(unit_of_work, arguments.uuid, arguments.if_modified)


pull_resource_field = declare_mutation(PullResourceInput, ResourcePulled, _pull_resource)
