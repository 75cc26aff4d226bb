"""The mutation `updateResourceLimits`."""

from gateway.marketplace.operations.update_limits import order_limit_update
from gateway.resolvers.mutations.mutation_field import ResourceOrderInput, declare_mutation
from gateway.schema.framework.publish import input_type, object_type
from gateway.schema.framework.scalars import JSON, Upload
from gateway.schema.types.accepted import Accepted
from gateway.schema.types.order import Order
from gateway.schema.types.resource import Resource


@input_type
class UpdateResourceLimitsInput(ResourceOrderInput):
    """Input of `updateResourceLimits`."""

    limits: JSON
    """All limits after the update, as an object from `Component.type` to number.

    For example `{"cores": 4, "ram": 8192}`, in the unit of `Resource.limits`. Components that are
    left out lose their limit, so send the limits that stay, too. An empty object is refused.
    """
    request_comment: str | None = None
    """Comment for those who approve the order, at most 255 characters."""
    attachment: Upload | None = None
    """Purchase order, as a PDF file of at most 10 MB."""


@object_type
class ResourceLimitsUpdated(Accepted):
    """New limits were ordered; `Resource.limits` changes when the order is done."""

    resource: Resource | None
    """The resource, with its old limits until the order is done.

    Null if it is not visible to the viewer.
    """
    order: Order | None
    """The placed order; null if the viewer may not list the orders of the project."""


update_resource_limits_field = declare_mutation(
    UpdateResourceLimitsInput, ResourceLimitsUpdated, order_limit_update
)
