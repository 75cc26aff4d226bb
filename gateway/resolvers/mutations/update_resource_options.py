"""The mutation `updateResourceOptions`."""

from typing import Annotated

import strawberry

from gateway.marketplace.operations.update_options import update_options
from gateway.marketplace.unit_of_work import ChangeResult, UnitOfWork
from gateway.resolvers.mutations.mutation_field import declare_mutation
from gateway.schema.framework.publish import input_type, object_type
from gateway.schema.framework.scalars import JSON, UUID, DateTime
from gateway.schema.types.accepted import Accepted
from gateway.schema.types.order import Order
from gateway.schema.types.problems import CommonProblem
from gateway.schema.types.resource import Resource


@input_type
class UpdateResourceOptionsInput:
    """Input of `updateResourceOptions`."""

    uuid: UUID
    """UUID of the resource."""
    options: JSON | None = None
    """New values by option key, an object, as `Offering.resourceOptions` defines them.

    Options that are left out keep their values, and options can't be removed. Keys that are not
    defined are stored unchecked.
    """
    direct: bool = False
    """Whether to change the options at once, on behalf of the provider.

    Places no order, is allowed in any state of the resource, and requires the permission
    RESOURCE.UPDATE_OPTIONS on the provider.
    """
    if_modified: DateTime | None = None
    """Optimistic lock: the `modified` of the resource as last read by the client.

    If the resource was changed later, the mutation returns `Conflict`. Times are compared at the
    precision of this one, so `modified` may be cut to milliseconds. Null disables the check.
    """


@object_type
class ResourceOptionsUpdated(Accepted):
    """The options were changed, or their change was ordered.

    If an order was placed, they change when it is done.
    """

    resource: Resource | None
    """The resource; with its new options, unless an order was placed.

    Null if it is not visible to the viewer.
    """
    order: Order | None
    """The placed order; null without one, or if the viewer may not list it."""


UpdateResourceOptionsResult = Annotated[
    ResourceOptionsUpdated | CommonProblem,
    strawberry.union(
        "UpdateResourceOptionsResult",
        description="The result of `updateResourceOptions`: the accepted change, or a problem.",
    ),
]


async def _update_options(
    unit_of_work: UnitOfWork, arguments: UpdateResourceOptionsInput
) -> ChangeResult:
    return await update_options(
        unit_of_work,
        arguments.uuid,
        arguments.options,
        arguments.if_modified,
        direct=arguments.direct,
    )


update_resource_options_field = declare_mutation(
    UpdateResourceOptionsInput, ResourceOptionsUpdated, _update_options
)
