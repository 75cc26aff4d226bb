"""The interface of the success types of mutations."""

import inspect

import strawberry

from gateway.schema.framework.publish import apply_docstrings
from gateway.schema.types.order import Order
from gateway.schema.types.resource import Resource


class Accepted:
    """The result of a mutation that was accepted.

    An accepted change may still be pending: `order.state` or the subscription `resourceChanged`
    shows when it is completed.
    """

    resource: Resource | None
    """The resource after the mutation; null if it is no longer visible to the viewer."""
    order: Order | None
    """The order that was placed or reviewed; null if the mutation needs no order."""


apply_docstrings(Accepted, strawberry.interface(Accepted, description=inspect.getdoc(Accepted)))
