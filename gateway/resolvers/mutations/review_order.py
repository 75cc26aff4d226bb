"""`approveOrder`, `rejectOrder`, `cancelOrder`: what becomes of an order that waits."""

from typing import Annotated

import strawberry

from gateway.marketplace.operations.review_order import (
    approve_pending_order,
    cancel_open_order,
    reject_pending_order,
)
from gateway.marketplace.unit_of_work import ChangeResult, UnitOfWork
from gateway.resolvers.mutations.mutation_field import declare_mutation, mutation_payload
from gateway.schema.framework.publish import input_type
from gateway.schema.framework.scalars import UUID, DateTime
from gateway.schema.types.accepted import Accepted
from gateway.schema.types.problems import CommonProblem


@input_type
class ApproveOrderInput:
    """Which order to approve."""

    uuid: UUID
    """The uuid of the order."""
    if_modified: DateTime | None = None
    """The `modified` of the order that you know: if it was changed since, nothing is done."""


@input_type
class RejectOrderInput:
    """Which order to reject."""

    uuid: UUID
    """The uuid of the order."""
    comment: str | None = None
    """Why, at any length."""
    if_modified: DateTime | None = None
    """The `modified` of the order that you know: if it was changed since, nothing is done."""


@input_type
class CancelOrderInput:
    """Which order to call off."""

    uuid: UUID
    """The uuid of the order."""
    if_modified: DateTime | None = None
    """The `modified` of the order that you know: if it was changed since, nothing is done."""


@mutation_payload
class OrderApproved(Accepted):
    """The order goes on: it waits for somebody else, or is carried out."""


@mutation_payload
class OrderRejected(Accepted):
    """The order is over, and the resource OK; one that was to be created is terminated."""


@mutation_payload
class OrderCanceled(Accepted):
    """The order is over, and the resource OK; one that was to be created is terminated."""


ApproveOrderResult = Annotated[
    OrderApproved | CommonProblem,
    strawberry.union("ApproveOrderResult", description="An order that is approved, or why not."),
]
RejectOrderResult = Annotated[
    OrderRejected | CommonProblem,
    strawberry.union("RejectOrderResult", description="An order that is rejected, or why not."),
]
CancelOrderResult = Annotated[
    OrderCanceled | CommonProblem,
    strawberry.union("CancelOrderResult", description="An order that is called off, or why not."),
]


async def _approve_order(unit_of_work: UnitOfWork, arguments: ApproveOrderInput) -> ChangeResult:
    return await approve_pending_order(unit_of_work, arguments.uuid, arguments.if_modified)


async def _reject_order(unit_of_work: UnitOfWork, arguments: RejectOrderInput) -> ChangeResult:
    return await reject_pending_order(
        unit_of_work, arguments.uuid, arguments.comment, arguments.if_modified
    )


async def _cancel_order(unit_of_work: UnitOfWork, arguments: CancelOrderInput) -> ChangeResult:
    return await cancel_open_order(unit_of_work, arguments.uuid, arguments.if_modified)


approve_order_field = declare_mutation(ApproveOrderInput, OrderApproved, _approve_order)
reject_order_field = declare_mutation(RejectOrderInput, OrderRejected, _reject_order)
cancel_order_field = declare_mutation(CancelOrderInput, OrderCanceled, _cancel_order)
