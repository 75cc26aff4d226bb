"""The mutation `restoreResource`."""

from gateway.marketplace.operations.restore_resource import order_restoration
from gateway.resolvers.mutations.mutation_field import ResourceOrderInput, declare_mutation
from gateway.schema.framework.publish import input_type, object_type
from gateway.schema.types.accepted import Accepted
from gateway.schema.types.order import Order
from gateway.schema.types.resource import Resource


@input_type
class RestoreResourceInput(ResourceOrderInput):
    """Input of `restoreResource`."""


@object_type
class ResourceRestorationOrdered(Accepted):
    """The restoration was ordered; `Resource.state` is `OK` when the order is done.

    If the order is rejected or cancelled, the resource is `OK`, too: it is not terminated again.
    """

    resource: Resource | None
    """The resource, which is `CREATING`; null if it is not visible to the viewer."""
    order: Order | None
    """The placed order; null if the viewer may not list it."""


restore_resource_field = declare_mutation(
    RestoreResourceInput, ResourceRestorationOrdered, order_restoration
)
