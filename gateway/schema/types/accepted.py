"""The interface of the success types of mutations."""

import inspect

import strawberry

from gateway.schema.framework.publish import apply_docstrings
from gateway.schema.types.order import Order
from gateway.schema.types.resource import Resource


class Accepted:
    """The result of a mutation that was accepted.

    An accepted change may still be pending: `Order.state` or the subscription `resourceChanged`
    shows when it is completed.
    """

    resource: Resource | None
    """The resource after the mutation; null if it is not visible to the viewer."""
    order: Order | None
    """The order of the change; null without one, or if it is not visible to the viewer."""


apply_docstrings(Accepted, strawberry.interface(Accepted, description=inspect.getdoc(Accepted)))
