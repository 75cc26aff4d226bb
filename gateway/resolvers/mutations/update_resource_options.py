"""`updateResourceOptions`: choosing a resource's options."""

from typing import Annotated

import strawberry

from gateway.marketplace.operations.update_options import update_options
from gateway.marketplace.unit_of_work import Change, Changed
from gateway.resolvers.mutations.mutation_field import accepted, mutation
from gateway.schema.framework.publish import asks
from gateway.schema.framework.scalars import JSON, UUID, DateTime
from gateway.schema.types.accepted import Accepted
from gateway.schema.types.problems import Usual


@asks
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


@accepted
class ResourceOptionsUpdated(Accepted):
    """The options are changed or, with an order, will be when that is carried out."""


UpdateResourceOptionsResult = Annotated[
    ResourceOptionsUpdated | Usual,
    strawberry.union(
        "UpdateResourceOptionsResult", description="Options that were accepted, or why not."
    ),
]


async def _update(change: Change, given: UpdateResourceOptionsInput) -> Changed:
    direct = given.direct
    return await update_options(change, given.uuid, given.options, given.if_modified, direct=direct)


update_resource_options = mutation(UpdateResourceOptionsInput, ResourceOptionsUpdated, _update)
