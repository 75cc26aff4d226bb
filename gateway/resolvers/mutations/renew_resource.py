"""`renewResource`: having what is paid for in advance for longer."""

from typing import Annotated

import strawberry

from gateway.marketplace.operations.renew_resource import Renewal, renew
from gateway.marketplace.problems import InvalidMonths
from gateway.marketplace.unit_of_work import Change, Changed
from gateway.resolvers.mutations.mutation_field import accepted, mutation
from gateway.schema.framework.publish import asks
from gateway.schema.framework.scalars import JSON, UUID, DateTime, Upload
from gateway.schema.types.accepted import Accepted
from gateway.schema.types.problems import Usual


@asks
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


@accepted
class ResourceRenewed(Accepted):
    """The renewal is ordered; the resource ends later when the order is done."""


RenewResourceResult = Annotated[
    ResourceRenewed | Usual | InvalidMonths,
    strawberry.union("RenewResourceResult", description="A renewal that is ordered, or why not."),
]


async def _renew(change: Change, given: RenewResourceInput) -> Changed:
    asked = Renewal(
        uuid=given.uuid,
        months=given.extension_months,
        limits=given.limits,
        comment=given.request_comment,
        attachment=given.attachment,
        key=given.idempotency_key,
        modified=given.if_modified,
    )
    return await renew(change, asked)


renew_resource = mutation(RenewResourceInput, ResourceRenewed, _renew)
