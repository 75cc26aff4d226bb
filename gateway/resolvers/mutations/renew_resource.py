"""The mutation `renewResource`."""

from gateway.marketplace.operations.renew_resource import order_renewal
from gateway.marketplace.problems import InvalidMonths
from gateway.resolvers.mutations.mutation_field import ResourceOrderInput, declare_mutation
from gateway.schema.framework.publish import input_type, object_type
from gateway.schema.framework.scalars import JSON, Upload
from gateway.schema.types.accepted import Accepted
from gateway.schema.types.order import Order
from gateway.schema.types.resource import Resource


@input_type
class RenewResourceInput(ResourceOrderInput):
    """Input of `renewResource`; `Resource.renewalEstimate` estimates the cost."""

    extension_months: int
    """Number of months to renew by, from 1 to 600.

    Prepaid components may restrict it: see their `minRenewalDuration`, `maxRenewalDuration` and
    `renewalDurationStep`.
    """
    limits: JSON | None = None
    """All limits after the renewal, as an object from `Component.type` to number.

    For example `{"cores": 4, "ram": 8192}`, in the unit of `Resource.limits`. Components that are
    left out lose their limit. Null or an empty object keeps the current limits.
    """
    request_comment: str | None = None
    """Comment for those who approve the order, at most 255 characters."""
    attachment: Upload | None = None
    """Purchase order, as a PDF file of at most 10 MB."""


@object_type
class ResourceRenewed(Accepted):
    """The renewal was ordered; limits and end date change when the order is done."""

    resource: Resource | None
    """The resource, with its old limits and end date until the order is done.

    Null if it is not visible to the viewer.
    """
    order: Order | None
    """The placed order; null if the viewer may not list the orders of the project."""


renew_resource_field = declare_mutation(
    RenewResourceInput, ResourceRenewed, order_renewal, InvalidMonths
)
