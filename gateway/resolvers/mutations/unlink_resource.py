"""The mutation `unlinkResource`."""

from gateway.marketplace.operations.unlink_resource import unlink_resource
from gateway.resolvers.mutations.mutation_field import ResourceInput, declare_mutation
from gateway.schema.framework.publish import input_type, object_type
from gateway.schema.types.accepted import Accepted
from gateway.schema.types.order import Order
from gateway.schema.types.resource import Resource


@input_type
class UnlinkResourceInput(ResourceInput):
    """Input of `unlinkResource`."""


@object_type
class ResourceUnlinked(Accepted):
    """The resource's record was deleted."""

    resource: Resource | None
    """Always null: the record is deleted."""
    order: Order | None
    """Always null: no order is placed."""


unlink_resource_field = declare_mutation(UnlinkResourceInput, ResourceUnlinked, unlink_resource)
