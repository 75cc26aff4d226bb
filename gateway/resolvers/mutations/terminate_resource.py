"""The mutation `terminateResource`."""

from gateway.marketplace.operations.terminate_resource import order_termination
from gateway.resolvers.mutations.batch_field import declare_many
from gateway.resolvers.mutations.mutation_field import ResourceOrderInput, declare_mutation
from gateway.schema.framework.publish import input_type, object_type
from gateway.schema.framework.scalars import JSON
from gateway.schema.types.accepted import Accepted
from gateway.schema.types.order import Order
from gateway.schema.types.resource import Resource


@input_type
class TerminateResourceInput(ResourceOrderInput):
    """Input of `terminateResource`."""

    attributes: JSON | None = None
    """Parameters for the offering's plugin, an object such as `{"delete_volumes": true}`.

    They become `Order.attributes`.
    """


@object_type
class ResourceTerminationOrdered(Accepted):
    """The termination was ordered, or its order was approved.

    `Resource.state` is `TERMINATED` when the order is done.
    """

    resource: Resource | None
    """The resource, `TERMINATING` or still `ERRED`; null if it is not visible to the viewer."""
    order: Order | None
    """The placed or approved order; null if the viewer may not list the orders of the project."""


terminate_resource_field = declare_mutation(
    TerminateResourceInput, ResourceTerminationOrdered, order_termination
)
terminate_resources_field = declare_many(
    TerminateResourceInput, ResourceTerminationOrdered, order_termination
)
