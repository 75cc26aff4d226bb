"""Projects: groups of users and resources within an organisation."""

from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated

import strawberry

from gateway.db import tables
from gateway.db.driver.date_spelling import parse_stored_date
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
    """Return the end date plus the grace period (domain.md §1.12); None without an end date.

    The grace period of the project takes precedence over that of its customer.
    """
    if end_date is None:
        return None
    grace_days = project_grace_days if project_grace_days is not None else customer_grace_days or 0
    last_day = parse_stored_date(end_date)
    return (last_day + timedelta(days=min(grace_days, (date.max - last_day).days))).isoformat()


def has_grace_period_begun(
    end_date: str | None,
    project_grace_days: int | None,
    customer_grace_days: int | None,
    today: date,
) -> bool:
    """Return whether a project is past its end date and within its grace period."""
    effective_end_date = compute_effective_end_date(
        end_date, project_grace_days, customer_grace_days
    )
    if end_date is None or effective_end_date is None:
        return False
    return parse_stored_date(end_date) < today <= parse_stored_date(effective_end_date)


@object_type
class Project(
    Row,
    Node,
    tables=(tables.project,),
    by_reference="id uuid name slug description end_date effective_end_date is_in_grace_period"
    " end_date_requested_by customer",
):
    """A group of users of one organisation that share resources.

    It is visible in full to staff, support, and users who may list the project. For other viewers,
    the project of a visible resource lacks `created`, `resources` and `resourceCounts`; the project
    of a visible offering or order has only `id`, `uuid` and `name`. The fields that it lacks are
    null.
    """

    id: strawberry.ID = node_id("Project", project.uuid)
    """Global id."""
    uuid: UUID
    """UUID of the project."""
    name: str
    """Display name."""
    slug: str | None
    """Short name for URLs; not unique, may be empty. Null if it is not visible to the viewer."""
    description: str | None
    """Description of the project; may be empty. Null if it is not visible to the viewer."""
    end_date: Date | None
    """End date of the project; its grace period begins on the next day.

    Null without an end date, or if it is not visible to the viewer.
    """
    effective_end_date: Date | None = computed(compute_effective_end_date, *GRACE_PERIOD_INPUTS)
    """End date plus the grace period: from this date on, the project has ended.

    Then it accepts no orders, and a daily task of Waldur terminates its resources. Without a grace
    period it is the same as `endDate`. Null without an end date, or if it is not visible to the
    viewer.
    """
    is_in_grace_period: bool | None = computed(
        has_grace_period_begun, *GRACE_PERIOD_INPUTS, ContextFact.TODAY
    )
    """Whether the project is past its end date and within its grace period.

    False without an end date; null if it is not visible to the viewer.
    """
    end_date_requested_by: User | None = one(project.end_date_requested_by_id)
    """The user who set the end date.

    Null if the user is unknown, or if it is not visible to the viewer.
    """
    customer: Customer | None = one(project.customer_id, "id uuid name slug")
    """The organisation that owns the project; null if it is not visible to the viewer."""
    created: DateTime | None
    """Time of creation; null if it is not visible to the viewer."""
    resources: (
        Page[Annotated["Resource", strawberry.lazy("gateway.schema.types.resource")]] | None
    ) = pages(tables.resource.c.project_id, ResourceOrder, ResourceFilter)
    """The project's resources that are visible to the viewer.

    Null if the viewer sees only a reference to the project.
    """
    resource_counts: list[ResourceCount] | None = declare_resource_counts(
        RESOURCE_STATES_BY_PROJECT, project.id
    )
    """Number of visible `resources` by state; states without resources are left out.

    Null if the viewer sees only a reference to the project.
    """
