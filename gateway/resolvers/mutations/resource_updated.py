"""The payload of mutations that change a resource at once."""

from gateway.schema.framework.publish import object_type
from gateway.schema.types.accepted import Accepted
from gateway.schema.types.order import Order
from gateway.schema.types.resource import Resource


@object_type
class ResourceUpdated(Accepted):
    """The resource was changed at once, without an order.

    If it had the requested values already, nothing was written.
    """

    resource: Resource | None
    """The resource with its new values; null if it is not visible to the viewer."""
    order: Order | None
    """Always null: no order is placed."""
