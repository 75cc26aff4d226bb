"""The mutation `createOrder`."""

from gateway.marketplace.operations.create_order import order_creation
from gateway.resolvers.mutations.mutation_field import declare_mutation
from gateway.schema.framework.publish import object_type
from gateway.schema.types.accepted import Accepted
from gateway.schema.types.order import Order
from gateway.schema.types.order_preview import CreateOrderInput
from gateway.schema.types.resource import Resource


@object_type
class OrderCreated(Accepted):
    """The order was placed, and its resource is `CREATING` until the order is done."""

    resource: Resource | None
    """The new resource; null if it is not visible to the viewer."""
    order: Order | None
    """The placed order; null if the viewer may not list the orders of the project."""


create_order_field = declare_mutation(CreateOrderInput, OrderCreated, order_creation)
