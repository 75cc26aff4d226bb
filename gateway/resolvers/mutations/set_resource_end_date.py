"""The mutation `setResourceEndDate`."""

import strawberry

from gateway.marketplace.operations.set_end_date import set_end_date
from gateway.resolvers.mutations.batch_field import declare_many
from gateway.resolvers.mutations.mutation_field import ResourceInput, declare_mutation
from gateway.schema.framework.publish import input_type, object_type
from gateway.schema.framework.scalars import Date
from gateway.schema.types.accepted import Accepted
from gateway.schema.types.order import Order
from gateway.schema.types.resource import Resource


@input_type
class SetResourceEndDateInput(ResourceInput):
    """Input of `setResourceEndDate`."""

    end_date: Date | None = strawberry.UNSET
    """The new end date; null clears it.

    Any date is accepted. If it is left out, the date is unchanged, and the viewer is recorded as
    its requester.
    """


@object_type
class ResourceEndDateSet(Accepted):
    """The end date was set or cleared.

    A resource whose end date is today or in the past is terminated by the next daily task.
    """

    resource: Resource | None
    """The resource with its new end date; null if it is not visible to the viewer."""
    order: Order | None
    """Always null: no order is placed."""


set_resource_end_date_field = declare_mutation(
    SetResourceEndDateInput, ResourceEndDateSet, set_end_date
)
set_resources_end_date_field = declare_many(
    SetResourceEndDateInput, ResourceEndDateSet, set_end_date
)
