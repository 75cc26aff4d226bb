"""`moveResource`: giving a resource to another project."""

from typing import Annotated

import strawberry

from gateway.marketplace.operations.move_resource import move_to_project
from gateway.marketplace.unit_of_work import ChangeResult, UnitOfWork
from gateway.resolvers.mutations.mutation_field import declare_mutation, mutation_payload
from gateway.schema.framework.publish import input_type
from gateway.schema.framework.scalars import UUID, DateTime
from gateway.schema.types.accepted import Accepted
from gateway.schema.types.problems import CommonProblem


@input_type
class MoveResourceInput:
    """Which resource to move, and where to."""

    uuid: UUID
    """The uuid of the resource."""
    project: UUID
    """The uuid of the project that it is to belong to."""
    if_modified: DateTime | None = None
    """The `modified` of the resource that you know: if it was changed since, nothing is done."""


@mutation_payload
class ResourceMoved(Accepted):
    """The resource belongs to the other project, with its orders and what it costs this month."""


MoveResourceResult = Annotated[
    ResourceMoved | CommonProblem,
    strawberry.union("MoveResourceResult", description="A move that was made, or why not."),
]


async def _move_resource(unit_of_work: UnitOfWork, arguments: MoveResourceInput) -> ChangeResult:
    return await move_to_project(
        unit_of_work, arguments.uuid, arguments.project, arguments.if_modified
    )


move_resource_field = declare_mutation(MoveResourceInput, ResourceMoved, _move_resource)
