"""Customers: organisations that consume or provide offerings."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from gateway.db import tables
from gateway.db.queries.aggregates import RESOURCE_STATES_BY_CUSTOMER
from gateway.db.sql.row_types import Row
from gateway.schema.framework.connection_type import Page
from gateway.schema.framework.declarations import pages
from gateway.schema.framework.node import Node, node_id
from gateway.schema.framework.publish import object_type
from gateway.schema.framework.scalars import UUID, DateTime
from gateway.schema.lists.offerings import OfferingFilter, OfferingOrder
from gateway.schema.lists.projects_and_customers import ProjectFilter, ProjectOrder
from gateway.schema.lists.resources import ResourceFilter, ResourceOrder
from gateway.schema.types.resource_count import ResourceCount, declare_resource_counts

if TYPE_CHECKING:
    from gateway.schema.types.offering import Offering
    from gateway.schema.types.project import Project
    from gateway.schema.types.resource import Resource

customer, project = tables.customer.c, tables.project.c


@object_type
class Customer(Row, Node, tables=(tables.customer,), by_reference="id uuid name slug description"):
    """An organisation that owns projects, provides offerings, or both.

    It is visible in full to staff, support, and users with a role in the organisation or in one of
    its projects. For other viewers, an organisation that is reached through a reference has only
    `id`, `uuid`, `name` and `slug` (a provider its `description`, too); its other fields are null.
    """

    id: strawberry.ID = node_id("Customer", customer.uuid)
    """Global id."""
    uuid: UUID
    """UUID of the organisation."""
    name: str
    """Display name."""
    slug: str
    """Short name for URLs; not unique, may be empty."""
    description: str | None
    """Description of the organisation; may be empty.

    Null if it is not visible to the viewer, and in older versions of Waldur.
    """
    native_name: str | None
    """Name in the organisation's own language; may be empty.

    Null if it is not visible to the viewer.
    """
    abbreviation: str | None
    """Abbreviated name; may be empty, null if it is not visible to the viewer."""
    country: str | None
    """ISO 3166-1 alpha-2 country code; may be empty, null if it is not visible to the viewer."""
    homepage: str | None
    """URL of the organisation's website; may be empty, null if it is not visible to the viewer."""
    created: DateTime | None
    """Time of creation; null if it is not visible to the viewer."""
    projects: Page[Annotated["Project", strawberry.lazy("gateway.schema.types.project")]] | None = (
        pages(project.customer_id, ProjectOrder, ProjectFilter)
    )
    """The organisation's projects that are visible to the viewer.

    Null if the viewer sees only a reference to the organisation.
    """
    offerings: (
        Page[Annotated["Offering", strawberry.lazy("gateway.schema.types.offering")]] | None
    ) = pages(tables.offering.c.customer_id, OfferingOrder, OfferingFilter)
    """The offerings provided by the organisation that are visible to the viewer.

    Null if the viewer sees only a reference to the organisation.
    """
    resources: (
        Page[Annotated["Resource", strawberry.lazy("gateway.schema.types.resource")]] | None
    ) = pages(project.customer_id, ResourceOrder, ResourceFilter, tables.resource.c.project_id)
    """The resources of the organisation's projects that are visible to the viewer.

    Null if the viewer sees only a reference to the organisation.
    """
    resource_counts: list[ResourceCount] | None = declare_resource_counts(
        RESOURCE_STATES_BY_CUSTOMER, customer.id
    )
    """Number of visible `resources` by state; states without resources are left out.

    Null if the viewer sees only a reference to the organisation.
    """
