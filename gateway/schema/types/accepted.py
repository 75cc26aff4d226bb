"""The interface of mutation results."""

import inspect

import strawberry

from gateway.schema.framework.publish import apply_docstrings
from gateway.schema.types.order import Order
from gateway.schema.types.resource import Resource


class Accepted:
    """What was asked for is accepted. When it is carried out, the state of the order tells."""

    resource: Resource | None
    """The resource as it is now; null if the viewer does not see it any more."""
    order: Order | None
    """The order that was placed, approved, rejected or called off; null if it takes none."""


apply_docstrings(Accepted, strawberry.interface(Accepted, description=inspect.getdoc(Accepted)))
