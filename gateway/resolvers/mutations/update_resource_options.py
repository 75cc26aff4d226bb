"""`updateResourceOptions`: choosing a resource's options."""

from typing import Annotated

import strawberry

from gateway.marketplace.operations.update_options import update_options
from gateway.marketplace.unit_of_work import ChangeResult, UnitOfWork
from gateway.resolvers.mutations.mutation_field import declare_mutation, mutation_payload
from gateway.schema.framework.publish import input_type
from gateway.schema.framework.scalars import JSON, UUID, DateTime
from gateway.schema.types.accepted import Accepted
from gateway.schema.types.problems import CommonProblem


@input_type
class UpdateResourceOptionsInput:
    """Which options of a resource to change."""

    uuid: UUID
    """The uuid of the resource."""
    options: JSON | None = None
    """What is chosen, by the names of `Offering.resourceOptions`; all else stays."""
    direct: bool = False
    """Whether this is the provider's own change: it takes no order, and any state will do."""
    if_modified: DateTime | None = None
    """The `modified` of the resource that you know: if it was changed since, nothing is done."""


@mutation_payload
class ResourceOptionsUpdated(Accepted):
    """The options are changed or, with an order, will be when that is carried out."""


UpdateResourceOptionsResult = Annotated[
    ResourceOptionsUpdated | CommonProblem,
    strawberry.union(
        "UpdateResourceOptionsResult", description="Options that were accepted, or why not."
    ),
]


async def _update_options(
    unit_of_work: UnitOfWork, arguments: UpdateResourceOptionsInput
) -> ChangeResult:
    is_direct = arguments.direct
    return await update_options(
        unit_of_work, arguments.uuid, arguments.options, arguments.if_modified, direct=is_direct
    )


update_resource_options_field = declare_mutation(
    UpdateResourceOptionsInput, ResourceOptionsUpdated, _update_options
)
