"""The mutation `updateResource`."""

import strawberry

from gateway.marketplace.operations.update_resource import update_details
from gateway.resolvers.mutations.mutation_field import ResourceInput, declare_mutation
from gateway.resolvers.mutations.resource_updated import ResourceUpdated
from gateway.schema.framework.publish import input_type
from gateway.schema.framework.scalars import Date


@input_type
class UpdateResourceInput(ResourceInput):
    """Input of `updateResource`; what is left out keeps its value."""

    name: str | None = None
    """The new name, 1 to 150 characters; null keeps the current one."""
    description: str | None = None
    """The new description, at most 4096 characters, may be empty; null keeps the current one."""
    end_date: Date | None = strawberry.UNSET
    """The new end date; null clears it.

    It must not be in the past, nor later than the offering's `pluginOptions` allow:
    `latest_date_for_resource_termination`, and `max_resource_termination_offset_in_days` after the
    resource's creation.
    """


update_resource_field = declare_mutation(UpdateResourceInput, ResourceUpdated, update_details)
