"""The mutation `adjustResourceDates`."""

from gateway.marketplace.operations.adjust_dates import adjust_dates
from gateway.resolvers.mutations.mutation_field import ResourceInput, declare_mutation
from gateway.schema.framework.publish import input_type, object_type
from gateway.schema.framework.scalars import Date
from gateway.schema.types.accepted import Accepted
from gateway.schema.types.order import Order
from gateway.schema.types.resource import Resource


@input_type
class AdjustResourceDatesInput(ResourceInput):
    """Input of `adjustResourceDates`."""

    start_date: Date
    """The new start date, before `endDate`: that of the order that created the resource.

    It is ignored if the resource has no such order.
    """
    end_date: Date
    """The new end date of the resource: today or later."""
    comment: str | None = None
    """Comment of at most 500 characters; it is stored with the resource's version."""


@object_type
class ResourceDatesAdjusted(Accepted):
    """The dates of the resource were adjusted; they are not billed again."""

    resource: Resource | None
    """The resource with its new end date; null if it is not visible to the viewer."""
    order: Order | None
    """The order that created the resource, with its new start date; null without one."""


adjust_resource_dates_field = declare_mutation(
    AdjustResourceDatesInput, ResourceDatesAdjusted, adjust_dates
)
