"""The mutation `moveResource`."""

from typing import Annotated

import strawberry

from gateway.marketplace.operations.move_resource import move_to_project
from gateway.marketplace.unit_of_work import ChangeResult, UnitOfWork
from gateway.resolvers.mutations.mutation_field import declare_mutation
from gateway.schema.framework.publish import input_type, object_type
from gateway.schema.framework.scalars import UUID, DateTime
from gateway.schema.types.accepted import Accepted
from gateway.schema.types.order import Order
from gateway.schema.types.problems import CommonProblem
from gateway.schema.types.resource import Resource


@input_type
class MoveResourceInput:
    """Input of `moveResource`."""

    uuid: UUID
    """UUID of the resource."""
    project: UUID
    """UUID of the project to move the resource to; it must be visible to the viewer."""
    if_modified: DateTime | None = None
    """Optimistic lock: the `modified` of the resource as last read by the client.

    If the resource was changed later, the mutation returns `Conflict`. Times are compared at the
    precision of this one, so `modified` may be cut to milliseconds. Null disables the check.
    """


@object_type
class ResourceMoved(Accepted):
    """The resource was moved.

    Its orders, its backend object and its items on pending invoices moved with it.
    """

    resource: Resource | None
    """The moved resource, in its new project; null if it is not visible to the viewer."""
    order: Order | None
    """Always null: no order is placed."""


MoveResourceResult = Annotated[
    ResourceMoved | CommonProblem,
    strawberry.union(
        "MoveResourceResult",
        description="The result of `moveResource`: the moved resource, or a problem.",
    ),
]


async def _move_resource(unit_of_work: UnitOfWork, arguments: MoveResourceInput) -> ChangeResult:
    return await move_to_project(
        unit_of_work, arguments.uuid, arguments.project, arguments.if_modified
    )


move_resource_field = declare_mutation(MoveResourceInput, ResourceMoved, _move_resource)
