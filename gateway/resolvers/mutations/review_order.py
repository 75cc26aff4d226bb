"""The mutations `approveOrder`, `rejectOrder` and `cancelOrder`."""

from gateway.marketplace.operations.review_order import (
    approve_pending_order,
    cancel_open_order,
    reject_pending_order,
)
from gateway.resolvers.mutations.batch_field import declare_many
from gateway.resolvers.mutations.mutation_field import OrderInput, declare_mutation
from gateway.schema.framework.publish import input_type, object_type
from gateway.schema.types.accepted import Accepted
from gateway.schema.types.order import Order
from gateway.schema.types.resource import Resource


@input_type
class ApproveOrderInput(OrderInput):
    """Input of `approveOrder`."""


@input_type
class RejectOrderInput(OrderInput):
    """Input of `rejectOrder`."""

    comment: str | None = None
    """Reason for the rejection, of any length. Null is the same as an empty text."""


@input_type
class CancelOrderInput(OrderInput):
    """Input of `cancelOrder`."""


@object_type
class OrderApproved(Accepted):
    """The order was approved.

    It is executing, or waits for another approval or for a start date: see `order.state`.
    """

    resource: Resource | None
    """The resource of the order; null if it is not visible to the viewer."""
    order: Order | None
    """The approved order; null if the viewer may no longer list it."""


@object_type
class OrderRejected(Accepted):
    """The order was rejected.

    Its resource is `OK` again; a resource that it was to create is `TERMINATED`.
    """

    resource: Resource | None
    """The resource of the order; null if it is not visible to the viewer."""
    order: Order | None
    """The rejected order; null if the viewer may no longer list it."""


@object_type
class OrderCanceled(Accepted):
    """The order was cancelled.

    Its resource is `OK` again; a resource that it was to create is `TERMINATED`.
    """

    resource: Resource | None
    """The resource of the order; null if it is not visible to the viewer."""
    order: Order | None
    """The cancelled order; null if the viewer may no longer list it."""


approve_order_field = declare_mutation(ApproveOrderInput, OrderApproved, approve_pending_order)
approve_orders_field = declare_many(ApproveOrderInput, OrderApproved, approve_pending_order)
reject_order_field = declare_mutation(RejectOrderInput, OrderRejected, reject_pending_order)
reject_orders_field = declare_many(RejectOrderInput, OrderRejected, reject_pending_order)
cancel_order_field = declare_mutation(CancelOrderInput, OrderCanceled, cancel_open_order)
