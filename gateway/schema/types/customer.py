"""Organisations."""

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
    """An organisation: it has projects, or provides offerings, or both.

    One that the viewer only meets by a reference shows id, uuid, name and slug,
    and as a provider its description; all else is null.
    """

    id: strawberry.ID = node_id("Customer", customer.uuid)
    """Identifies the organisation among all nodes."""
    uuid: UUID
    """Identifies the organisation for good."""
    name: str
    """What people call the organisation."""
    slug: str
    """A short name for addresses."""
    description: str | None
    """What the organisation is; null in older marketplaces."""
    native_name: str | None
    """Its name in its own language; null if it is not shown to the viewer."""
    abbreviation: str | None
    """A shorter name; null if it is not shown to the viewer."""
    country: str | None
    """Where it is, as two letters; null if it is not shown to the viewer."""
    homepage: str | None
    """Where it is on the web; null if it is not shown to the viewer."""
    created: DateTime | None
    """When it was made; null if it is not shown to the viewer."""
    projects: Page[Annotated["Project", strawberry.lazy("gateway.schema.types.project")]] | None = (
        pages(project.customer_id, ProjectOrder, ProjectFilter)
    )
    """Its projects that the viewer sees; null if it is only referred to."""
    offerings: (
        Page[Annotated["Offering", strawberry.lazy("gateway.schema.types.offering")]] | None
    ) = pages(tables.offering.c.customer_id, OfferingOrder, OfferingFilter)
    """What it provides, as far as the viewer sees it; null if it is only referred to."""
    resources: (
        Page[Annotated["Resource", strawberry.lazy("gateway.schema.types.resource")]] | None
    ) = pages(project.customer_id, ResourceOrder, ResourceFilter, tables.resource.c.project_id)
    """The resources of its projects that the viewer sees; null if it is only referred to."""
    resource_counts: list[ResourceCount] | None = declare_resource_counts(
        RESOURCE_STATES_BY_CUSTOMER, customer.id
    )
    """How many of `resources` are in each state; states without any are left out."""
