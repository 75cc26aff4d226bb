"""The mutation `renewResource`."""

from typing import Annotated

import strawberry

from gateway.marketplace.operations.renew_resource import RenewalRequest, order_renewal
from gateway.marketplace.problems import InvalidMonths
from gateway.marketplace.unit_of_work import ChangeResult, UnitOfWork
from gateway.resolvers.mutations.mutation_field import declare_mutation
from gateway.schema.framework.publish import input_type, object_type
from gateway.schema.framework.scalars import JSON, UUID, DateTime, Upload
from gateway.schema.types.accepted import Accepted
from gateway.schema.types.order import Order
from gateway.schema.types.problems import CommonProblem
from gateway.schema.types.resource import Resource


@input_type
class RenewResourceInput:
    """Input of `renewResource`; `Resource.renewalEstimate` estimates the cost."""

    uuid: UUID
    """UUID of the resource."""
    extension_months: int
    """Number of months to renew by, from 1 to 600.

    Prepaid components may restrict it: see their `minRenewalDuration`, `maxRenewalDuration` and
    `renewalDurationStep`.
    """
    limits: JSON | None = None
    """All limits after the renewal, as an object from `Component.type` to number.

    For example `{"cores": 4, "ram": 8192}`, in the unit of `Resource.limits`. Components that are
    left out lose their limit, so an empty object removes all limits. Null keeps the current limits.
    """
    request_comment: str | None = None
    """Comment for those who approve the order, at most 255 characters."""
    attachment: Upload | None = None
    """Purchase order, as a PDF file of at most 10 MB."""
    idempotency_key: str | None = None
    """Idempotency key chosen by the client, of 1 to 255 characters.

    Within 24 hours, a repeated mutation of the same user with the same key and input returns the
    first one's order instead of placing another; with other input it returns `Conflict`.
    """
    if_modified: DateTime | None = None
    """Optimistic lock: the `modified` of the resource as last read by the client.

    If the resource was changed later, the mutation returns `Conflict`. Times are compared at the
    precision of this one, so `modified` may be cut to milliseconds. Null disables the check.
    """


@object_type
class ResourceRenewed(Accepted):
    """The renewal was ordered; limits and end date change when the order is done."""

    resource: Resource | None
    """The resource, with its old limits and end date until the order is done.

    Null if it is not visible to the viewer.
    """
    order: Order | None
    """The placed order; null if the viewer may not list the orders of the project."""


RenewResourceResult = Annotated[
    ResourceRenewed | CommonProblem | InvalidMonths,
    strawberry.union(
        "RenewResourceResult",
        description="The result of `renewResource`: the ordered renewal, or a problem.",
    ),
]


async def _renew_resource(unit_of_work: UnitOfWork, arguments: RenewResourceInput) -> ChangeResult:
    renewal_request = RenewalRequest(
        uuid=arguments.uuid,
        months=arguments.extension_months,
        limits=arguments.limits,
        comment=arguments.request_comment,
        attachment=arguments.attachment,
        idempotency_key=arguments.idempotency_key,
        if_modified=arguments.if_modified,
    )
    return await order_renewal(unit_of_work, renewal_request)


renew_resource_field = declare_mutation(RenewResourceInput, ResourceRenewed, _renew_resource)
