"""The mutation `setResourceEndDate`."""

from typing import Annotated

import strawberry

from gateway.marketplace.operations.set_end_date import set_end_date
from gateway.marketplace.rows import ResourceRow
from gateway.marketplace.table_row import ColumnValues
from gateway.marketplace.unit_of_work import ChangeResult, UnitOfWork
from gateway.resolvers.mutations.mutation_field import declare_mutation
from gateway.schema.framework.publish import input_type, object_type
from gateway.schema.framework.scalars import UUID, Date, DateTime
from gateway.schema.types.accepted import Accepted
from gateway.schema.types.order import Order
from gateway.schema.types.problems import CommonProblem
from gateway.schema.types.resource import Resource


@input_type
class SetResourceEndDateInput:
    """Input of `setResourceEndDate`."""

    uuid: UUID
    """UUID of the resource."""
    end_date: Date | None = strawberry.UNSET
    """The new end date; null clears it.

    Any date is accepted. If it is left out, the date is unchanged, and the viewer is recorded as
    its requester.
    """
    if_modified: DateTime | None = None
    """Optimistic lock: the `modified` of the resource as last read by the client.

    If the resource was changed later, the mutation returns `Conflict`. Times are compared at the
    precision of this one, so `modified` may be cut to milliseconds. Null disables the check.
    """


@object_type
class ResourceEndDateSet(Accepted):
    """The end date was set or cleared.

    A resource whose end date is today or in the past is terminated by the next daily task.
    """

    resource: Resource | None
    """The resource with its new end date; null if it is not visible to the viewer."""
    order: Order | None
    """Always null: no order is placed."""


SetResourceEndDateResult = Annotated[
    ResourceEndDateSet | CommonProblem,
    strawberry.union(
        "SetResourceEndDateResult",
        description="The result of `setResourceEndDate`: the changed resource, or a problem.",
    ),
]


async def _set_end_date(
    unit_of_work: UnitOfWork, arguments: SetResourceEndDateInput
) -> ChangeResult:
    end_date_change = (
        ColumnValues(ResourceRow)
        if arguments.end_date is strawberry.UNSET
        else ColumnValues(ResourceRow, end_date=arguments.end_date)
    )
    return await set_end_date(unit_of_work, arguments.uuid, end_date_change, arguments.if_modified)


set_resource_end_date_field = declare_mutation(
    SetResourceEndDateInput, ResourceEndDateSet, _set_end_date
)
