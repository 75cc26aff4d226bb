"""`moveResource`: giving a resource to another project."""

from typing import Annotated

import strawberry

from gateway.marketplace.operations.move_resource import move
from gateway.marketplace.unit_of_work import Change, Changed
from gateway.resolvers.mutations.mutation_field import accepted, mutation
from gateway.schema.framework.publish import asks
from gateway.schema.framework.scalars import UUID, DateTime
from gateway.schema.types.accepted import Accepted
from gateway.schema.types.problems import Usual


@asks
class MoveResourceInput:
    """Which resource to move, and where to."""

    uuid: UUID
    """The uuid of the resource."""
    project: UUID
    """The uuid of the project that it is to belong to."""
    if_modified: DateTime | None = None
    """The `modified` of the resource that you know: if it was changed since, nothing is done."""


@accepted
class ResourceMoved(Accepted):
    """The resource belongs to the other project, with its orders and what it costs this month."""


MoveResourceResult = Annotated[
    ResourceMoved | Usual,
    strawberry.union("MoveResourceResult", description="A move that was made, or why not."),
]


async def _move(change: Change, given: MoveResourceInput) -> Changed:
    return await move(change, given.uuid, given.project, given.if_modified)


move_resource = mutation(MoveResourceInput, ResourceMoved, _move)
