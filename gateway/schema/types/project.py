"""What people of an organisation work on together."""

from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated

import strawberry

from gateway.db import tables
from gateway.db.queries.aggregates import STATES_OF_PROJECT
from gateway.db.query_spec import At
from gateway.db.sql.row_types import Row
from gateway.schema.framework.connection_type import Page
from gateway.schema.framework.context import Fact
from gateway.schema.framework.declarations import computed, one, pages
from gateway.schema.framework.node import Node, identified
from gateway.schema.framework.publish import published
from gateway.schema.framework.scalars import UUID, Date, DateTime
from gateway.schema.lists.resources import ResourceFilter, ResourceOrder
from gateway.schema.types.customer import Customer
from gateway.schema.types.resource_count import ResourceCount, resource_counts
from gateway.schema.types.user import User

if TYPE_CHECKING:
    from gateway.schema.types.resource import Resource

project = tables.project.c
GRACE = (
    project.end_date,
    project.grace_period_days,
    At(tables.customer.c.grace_period_days, (project.customer_id,)),
)


def effective_end_date(end: str | None, own: int | None, customers: int | None) -> str | None:
    """Give the last day of a project's grace, its own or its customer's (domain.md §1.12)."""
    if end is None:
        return None
    days = own if own is not None else customers or 0
    last = date.fromisoformat(end)
    return (last + min(timedelta(days=days), date.max - last)).isoformat()


def is_in_grace_period(
    end: str | None, own: int | None, customers: int | None, today: date
) -> bool:
    """Say whether a project is past its end and still in its grace."""
    until = effective_end_date(end, own, customers)
    if end is None or until is None:
        return False
    return end < today.isoformat() <= until


@published
class Project(
    Row,
    Node,
    tables=(tables.project,),
    by_reference="id uuid name slug description end_date effective_end_date is_in_grace_period"
    " end_date_requested_by customer",
):
    """What people of an organisation work on together, with resources of its own.

    One that the viewer only meets by a resource shows all but its time of
    making and its resources; one that they meet by an offering only id, uuid
    and name.
    """

    id: strawberry.ID = identified("Project", project.uuid)
    """Identifies the project among all nodes."""
    uuid: UUID
    """Identifies the project for good."""
    name: str
    """What people call the project."""
    slug: str | None
    """A short name for addresses; null if it is not shown to the viewer."""
    description: str | None
    """What it is about; null if it is not shown to the viewer."""
    end_date: Date | None
    """Its last day; null if it has no end."""
    effective_end_date: Date | None = computed(effective_end_date, *GRACE)
    """The last day on which its resources are kept: its last day and the days of grace."""
    is_in_grace_period: bool | None = computed(is_in_grace_period, *GRACE, Fact.TODAY)
    """Whether it is past its last day, and its resources are still kept."""
    end_date_requested_by: User | None = one(project.end_date_requested_by_id)
    """Who set the end date."""
    customer: Customer | None = one(project.customer_id, "id uuid name slug")
    """Whose project it is; null if it is not shown to the viewer."""
    created: DateTime | None
    """When it was made; null if it is not shown to the viewer."""
    resources: (
        Page[Annotated["Resource", strawberry.lazy("gateway.schema.types.resource")]] | None
    ) = pages(tables.resource.c.project_id, ResourceOrder, ResourceFilter)
    """Its resources that the viewer sees."""
    resource_counts: list[ResourceCount] | None = resource_counts(STATES_OF_PROJECT, project.id)
    """How many of `resources` are in each state; states without any are left out."""
