"""The mutations `setOrderState` and `retryOrder`."""

from gateway.marketplace.operations.carry_out_order import (
    ReportedOrderState,
    apply_order_report,
    retry_failed_order,
)
from gateway.resolvers.mutations.mutation_field import OrderInput, declare_mutation
from gateway.schema.framework.publish import enum, input_type, object_type
from gateway.schema.types.accepted import Accepted
from gateway.schema.types.order import Order
from gateway.schema.types.resource import Resource

enum(ReportedOrderState)


@input_type
class SetOrderStateInput(OrderInput):
    """Input of `setOrderState`."""

    state: ReportedOrderState
    """The new state of the order."""
    error_message: str | None = None
    """Why the order failed, of any length; only for `ERRED`. Null is the same as an empty text."""
    error_traceback: str | None = None
    """Traceback of the error, of any length; only for `ERRED`."""


@input_type
class RetryOrderInput(OrderInput):
    """Input of `retryOrder`."""


@object_type
class OrderStateSet(Accepted):
    """The order has the reported state.

    Its resource has the state that follows from it: see `Resource.state`.
    """

    resource: Resource | None
    """The resource of the order; null if it is not visible to the viewer."""
    order: Order | None
    """The order; null if the viewer may no longer list it."""


@object_type
class OrderRetried(Accepted):
    """The order is executing again, and its resource is being changed again."""

    resource: Resource | None
    """The resource of the order; null if it is not visible to the viewer."""
    order: Order | None
    """The order; null if the viewer may no longer list it."""


set_order_state_field = declare_mutation(SetOrderStateInput, OrderStateSet, apply_order_report)
retry_order_field = declare_mutation(RetryOrderInput, OrderRetried, retry_failed_order)
