"""`approveOrder`, `rejectOrder`, `cancelOrder`: what becomes of an order that waits."""

from typing import Annotated

import strawberry

from gateway.marketplace.operations.review_order import approve, cancel, reject
from gateway.marketplace.unit_of_work import Change, Changed
from gateway.resolvers.mutations.mutation_field import accepted, mutation
from gateway.schema.framework.publish import asks
from gateway.schema.framework.scalars import UUID, DateTime
from gateway.schema.types.accepted import Accepted
from gateway.schema.types.problems import Usual


@asks
class ApproveOrderInput:
    """Which order to approve."""

    uuid: UUID
    """The uuid of the order."""
    if_modified: DateTime | None = None
    """The `modified` of the order that you know: if it was changed since, nothing is done."""


@asks
class RejectOrderInput:
    """Which order to reject."""

    uuid: UUID
    """The uuid of the order."""
    comment: str | None = None
    """Why, at any length."""
    if_modified: DateTime | None = None
    """The `modified` of the order that you know: if it was changed since, nothing is done."""


@asks
class CancelOrderInput:
    """Which order to call off."""

    uuid: UUID
    """The uuid of the order."""
    if_modified: DateTime | None = None
    """The `modified` of the order that you know: if it was changed since, nothing is done."""


@accepted
class OrderApproved(Accepted):
    """The order goes on: it waits for somebody else, or is carried out."""


@accepted
class OrderRejected(Accepted):
    """The order is over, and the resource OK; one that was to be created is terminated."""


@accepted
class OrderCanceled(Accepted):
    """The order is over, and the resource OK; one that was to be created is terminated."""


ApproveOrderResult = Annotated[
    OrderApproved | Usual,
    strawberry.union("ApproveOrderResult", description="An order that is approved, or why not."),
]
RejectOrderResult = Annotated[
    OrderRejected | Usual,
    strawberry.union("RejectOrderResult", description="An order that is rejected, or why not."),
]
CancelOrderResult = Annotated[
    OrderCanceled | Usual,
    strawberry.union("CancelOrderResult", description="An order that is called off, or why not."),
]


async def _approve(change: Change, given: ApproveOrderInput) -> Changed:
    return await approve(change, given.uuid, given.if_modified)


async def _reject(change: Change, given: RejectOrderInput) -> Changed:
    return await reject(change, given.uuid, given.comment, given.if_modified)


async def _cancel(change: Change, given: CancelOrderInput) -> Changed:
    return await cancel(change, given.uuid, given.if_modified)


approve_order = mutation(ApproveOrderInput, OrderApproved, _approve)
reject_order = mutation(RejectOrderInput, OrderRejected, _reject)
cancel_order = mutation(CancelOrderInput, OrderCanceled, _cancel)
