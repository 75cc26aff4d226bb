"""`setResourceEndDate`: saying when a resource ends."""

from typing import Annotated

import strawberry

from gateway.marketplace.operations.set_end_date import set_end_date
from gateway.marketplace.unit_of_work import ChangeResult, UnitOfWork
from gateway.resolvers.mutations.mutation_field import declare_mutation, mutation_payload
from gateway.schema.framework.publish import input_type
from gateway.schema.framework.scalars import UUID, Date, DateTime
from gateway.schema.types.accepted import Accepted
from gateway.schema.types.problems import CommonProblem


@input_type
class SetResourceEndDateInput:
    """Which resource is to end, and when."""

    uuid: UUID
    """The uuid of the resource."""
    end_date: Date | None = strawberry.UNSET
    """Its last day; null if it has no end. Left out, the day stays, and who asked is noted."""
    if_modified: DateTime | None = None
    """The `modified` of the resource that you know: if it was changed since, nothing is done."""


@mutation_payload
class ResourceEndDateSet(Accepted):
    """The resource ends after that day; a day that has passed ends it soon."""


SetResourceEndDateResult = Annotated[
    ResourceEndDateSet | CommonProblem,
    strawberry.union("SetResourceEndDateResult", description="An end that was set, or why not."),
]


async def _set_end_date(
    unit_of_work: UnitOfWork, arguments: SetResourceEndDateInput
) -> ChangeResult:
    end_date_change = (
        {} if arguments.end_date is strawberry.UNSET else {"end_date": arguments.end_date}
    )
    return await set_end_date(unit_of_work, arguments.uuid, end_date_change, arguments.if_modified)


set_resource_end_date_field = declare_mutation(
    SetResourceEndDateInput, ResourceEndDateSet, _set_end_date
)
