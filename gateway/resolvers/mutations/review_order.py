"""The mutations `approveOrder`, `rejectOrder` and `cancelOrder`."""

from typing import Annotated

import strawberry

from gateway.marketplace.operations.review_order import (
    approve_pending_order,
    cancel_open_order,
    reject_pending_order,
)
from gateway.marketplace.unit_of_work import ChangeResult, UnitOfWork
from gateway.resolvers.mutations.mutation_field import declare_mutation
from gateway.schema.framework.publish import input_type, object_type
from gateway.schema.framework.scalars import UUID, DateTime
from gateway.schema.types.accepted import Accepted
from gateway.schema.types.order import Order
from gateway.schema.types.problems import CommonProblem
from gateway.schema.types.resource import Resource


@input_type
class ApproveOrderInput:
    """Input of `approveOrder`."""

    uuid: UUID
    """UUID of the order."""
    if_modified: DateTime | None = None
    """Optimistic lock: the `modified` of the order as last read by the client.

    If the order was changed later, the mutation returns `Conflict`. Times are compared at the
    precision of this one, so `modified` may be cut to milliseconds. Null disables the check.
    """


@input_type
class RejectOrderInput:
    """Input of `rejectOrder`."""

    uuid: UUID
    """UUID of the order."""
    comment: str | None = None
    """Reason for the rejection, of any length. Null is the same as an empty text."""
    if_modified: DateTime | None = None
    """Optimistic lock: the `modified` of the order as last read by the client.

    If the order was changed later, the mutation returns `Conflict`. Times are compared at the
    precision of this one, so `modified` may be cut to milliseconds. Null disables the check.
    """


@input_type
class CancelOrderInput:
    """Input of `cancelOrder`."""

    uuid: UUID
    """UUID of the order."""
    if_modified: DateTime | None = None
    """Optimistic lock: the `modified` of the order as last read by the client.

    If the order was changed later, the mutation returns `Conflict`. Times are compared at the
    precision of this one, so `modified` may be cut to milliseconds. Null disables the check.
    """


@object_type
class OrderApproved(Accepted):
    """The order was approved.

    It is executing, or waits for another approval or for a start date: see `order.state`.
    """

    resource: Resource | None
    """The resource of the order; null if it is not visible to the viewer."""
    order: Order | None
    """The approved order; null if the viewer may no longer list it."""


@object_type
class OrderRejected(Accepted):
    """The order was rejected.

    Its resource is `OK` again; a resource that it was to create is `TERMINATED`.
    """

    resource: Resource | None
    """The resource of the order; null if it is not visible to the viewer."""
    order: Order | None
    """The rejected order; null if the viewer may no longer list it."""


@object_type
class OrderCanceled(Accepted):
    """The order was cancelled.

    Its resource is `OK` again; a resource that it was to create is `TERMINATED`.
    """

    resource: Resource | None
    """The resource of the order; null if it is not visible to the viewer."""
    order: Order | None
    """The cancelled order; null if the viewer may no longer list it."""


ApproveOrderResult = Annotated[
    OrderApproved | CommonProblem,
    strawberry.union(
        "ApproveOrderResult",
        description="The result of `approveOrder`: the approved order, or a problem.",
    ),
]
RejectOrderResult = Annotated[
    OrderRejected | CommonProblem,
    strawberry.union(
        "RejectOrderResult",
        description="The result of `rejectOrder`: the rejected order, or a problem.",
    ),
]
CancelOrderResult = Annotated[
    OrderCanceled | CommonProblem,
    strawberry.union(
        "CancelOrderResult",
        description="The result of `cancelOrder`: the cancelled order, or a problem.",
    ),
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
