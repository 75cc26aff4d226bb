"""The mutation `updateResourceOptions`."""

from gateway.marketplace.operations.update_options import update_options
from gateway.resolvers.mutations.mutation_field import ResourceOrderInput, declare_mutation
from gateway.schema.framework.publish import input_type, object_type
from gateway.schema.framework.scalars import JSON
from gateway.schema.types.accepted import Accepted
from gateway.schema.types.order import Order
from gateway.schema.types.resource import Resource


@input_type
class UpdateResourceOptionsInput(ResourceOrderInput):
    """Input of `updateResourceOptions`."""

    options: JSON | None = None
    """New values by option key, an object, as `Offering.resourceOptions` defines them.

    Options that are left out keep their values, and options can't be removed; values of options
    that `visible_if` hides are dropped. Keys that are not defined are stored unchecked, and refused
    if `direct` is true. All options of the resource together may have 100 KB as JSON.
    """
    direct: bool = False
    """Whether to change the options at once, on behalf of the provider.

    Places no order, is allowed in any state of the resource, and requires the permission
    RESOURCE.UPDATE_OPTIONS on the provider.
    """


@object_type
class ResourceOptionsUpdated(Accepted):
    """The options were changed, or their change was ordered.

    If an order was placed, they change when it is done.
    """

    resource: Resource | None
    """The resource; with its new options, unless an order was placed.

    Null if it is not visible to the viewer.
    """
    order: Order | None
    """The placed order; null without one, or if the viewer may not list it."""


update_resource_options_field = declare_mutation(
    UpdateResourceOptionsInput, ResourceOptionsUpdated, update_options
)
