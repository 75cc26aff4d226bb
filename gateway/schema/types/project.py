"""What people of an organisation work on together."""

from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated

import strawberry

from gateway.db import tables
from gateway.db.queries.aggregates import RESOURCE_STATES_BY_PROJECT
from gateway.db.query_spec import ColumnRef
from gateway.db.sql.row_types import Row
from gateway.schema.framework.connection_type import Page
from gateway.schema.framework.context import ContextFact
from gateway.schema.framework.declarations import computed, one, pages
from gateway.schema.framework.node import Node, node_id
from gateway.schema.framework.publish import object_type
from gateway.schema.framework.scalars import UUID, Date, DateTime
from gateway.schema.lists.resources import ResourceFilter, ResourceOrder
from gateway.schema.types.customer import Customer
from gateway.schema.types.resource_count import ResourceCount, declare_resource_counts
from gateway.schema.types.user import User

if TYPE_CHECKING:
    from gateway.schema.types.resource import Resource

project = tables.project.c
GRACE_PERIOD_INPUTS = (
    project.end_date,
    project.grace_period_days,
    ColumnRef(tables.customer.c.grace_period_days, (project.customer_id,)),
)


def compute_effective_end_date(
    end_date: str | None, project_grace_days: int | None, customer_grace_days: int | None
) -> str | None:
    """Give the last day of a project's grace, its own or its customer's (domain.md §1.12)."""
    if end_date is None:
        return None
    grace_days = project_grace_days if project_grace_days is not None else customer_grace_days or 0
    last_day = date.fromisoformat(end_date)
    return (last_day + min(timedelta(days=grace_days), date.max - last_day)).isoformat()


def has_grace_period_begun(
    end_date: str | None,
    project_grace_days: int | None,
    customer_grace_days: int | None,
    today: date,
) -> bool:
    """Say whether a project is past its end and still in its grace."""
    effective_end_date = compute_effective_end_date(
        end_date, project_grace_days, customer_grace_days
    )
    if end_date is None or effective_end_date is None:
        return False
    return end_date < today.isoformat() <= effective_end_date


@object_type
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

    id: strawberry.ID = node_id("Project", project.uuid)
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
    effective_end_date: Date | None = computed(compute_effective_end_date, *GRACE_PERIOD_INPUTS)
    """The last day on which its resources are kept: its last day and the days of grace."""
    is_in_grace_period: bool | None = computed(
        has_grace_period_begun, *GRACE_PERIOD_INPUTS, ContextFact.TODAY
    )
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
    resource_counts: list[ResourceCount] | None = declare_resource_counts(
        RESOURCE_STATES_BY_PROJECT, project.id
    )
    """How many of `resources` are in each state; states without any are left out."""
