"""`renewResource`: having what is paid for in advance for longer."""

from typing import Annotated

import strawberry

from gateway.marketplace.operations.renew_resource import RenewalRequest, order_renewal
from gateway.marketplace.problems import InvalidMonths
from gateway.marketplace.unit_of_work import ChangeResult, UnitOfWork
from gateway.resolvers.mutations.mutation_field import declare_mutation, mutation_payload
from gateway.schema.framework.publish import input_type
from gateway.schema.framework.scalars import JSON, UUID, DateTime, Upload
from gateway.schema.types.accepted import Accepted
from gateway.schema.types.problems import CommonProblem


@input_type
class RenewResourceInput:
    """Which resource to renew, and by how much; `Resource.renewalEstimate` tells what it costs."""

    uuid: UUID
    """The uuid of the resource."""
    extension_months: int
    """By how many months to renew: 1 to 600, as the rules of its components allow."""
    limits: JSON | None = None
    """What it may use from then on, by the component's type; without any, its limits stay."""
    request_comment: str | None = None
    """What to tell those who approve; at most 255 characters."""
    attachment: Upload | None = None
    """A purchase order, as a PDF of at most 10 MB."""
    idempotency_key: str | None = None
    """Your own name of this wish: within 24 hours the same under it is done but once."""
    if_modified: DateTime | None = None
    """The `modified` of the resource that you know: if it was changed since, nothing is done."""


@mutation_payload
class ResourceRenewed(Accepted):
    """The renewal is ordered; the resource ends later when the order is done."""


RenewResourceResult = Annotated[
    ResourceRenewed | CommonProblem | InvalidMonths,
    strawberry.union("RenewResourceResult", description="A renewal that is ordered, or why not."),
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
