"""The mutation `reallocateResourceLimits`."""

from gateway.marketplace.operations.reallocate_limits import order_reallocation
from gateway.resolvers.mutations.mutation_field import ResourceOrderInput, declare_mutation
from gateway.schema.framework.publish import input_type, object_type
from gateway.schema.framework.scalars import JSON, UUID
from gateway.schema.types.accepted import Accepted
from gateway.schema.types.order import Order
from gateway.schema.types.resource import Resource


@input_type
class ReallocationTargetInput:
    """A resource that gets limits from another."""

    resource: UUID
    """UUID of the resource.

    It must be of the same offering, `OK`, and have limits for the same components; the viewer needs
    the permission RESOURCE.SET_LIMITS on its project or organisation.
    """
    limits: JSON
    """Amounts that are added to its limits, as an object from `Component.type` to number."""


@input_type
class ReallocateResourceLimitsInput(ResourceOrderInput):
    """Input of `reallocateResourceLimits`; `uuid` is the resource that gives limits."""

    limits: JSON
    """Amounts that are taken from the resource, as an object from `Component.type` to number.

    For example `{"cores": 2}`, in the unit of `Resource.limits`. For each component the amounts of
    the targets must add up to it.
    """
    targets: list[ReallocationTargetInput]
    """The resources that get the amounts, 1 to 20."""


@object_type
class ResourceLimitsReallocated(Accepted):
    """The new limits of all resources were ordered, each by an order of its own.

    The orders are approved and carried out independently of each other.
    """

    resource: Resource | None
    """The resource that gives limits; it has its old limits until `order` is done.

    Null if it is not visible to the viewer.
    """
    order: Order | None
    """The order that lowers its limits; null if the viewer may not list it."""
    target_orders: list[Order | None]
    """The orders that raise the limits of the targets, in the order of `targets`.

    An order that the viewer may not list is null.
    """


reallocate_resource_limits_field = declare_mutation(
    ReallocateResourceLimitsInput, ResourceLimitsReallocated, order_reallocation
)
