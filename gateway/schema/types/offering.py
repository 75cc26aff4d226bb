"""What providers offer."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from gateway.db import tables
from gateway.db.queries.aggregates import ORDER_COUNT_BY_OFFERING, RESOURCE_STATES_BY_OFFERING
from gateway.db.sql.aggregate import AggregateValue
from gateway.db.sql.row_types import Row
from gateway.db.views import registry
from gateway.schema.framework.connection_type import Page
from gateway.schema.framework.context import ContextFact
from gateway.schema.framework.declarations import computed, many, one, pages
from gateway.schema.framework.node import Node, node_id
from gateway.schema.framework.publish import object_type
from gateway.schema.framework.scalars import JSON, UUID, DateTime
from gateway.schema.lists.offerings import OfferingState
from gateway.schema.lists.resources import ResourceFilter, ResourceOrder
from gateway.schema.types.category import Category
from gateway.schema.types.component import Component
from gateway.schema.types.customer import Customer
from gateway.schema.types.endpoint import Endpoint, build_media_url
from gateway.schema.types.partition import Partition
from gateway.schema.types.plan import Plan
from gateway.schema.types.project import Project
from gateway.schema.types.resource_count import ResourceCount, declare_resource_counts
from gateway.schema.types.software import OfferingRole, OfferingSoftwareCatalog

if TYPE_CHECKING:
    from gateway.schema.types.resource import Resource

offering = tables.offering.c


def clamp_order_count(raw_count: str | int) -> int:
    """Give how many orders there were; what was counted down may be below none (domain.md §3.7)."""
    return max(0, int(raw_count))


@object_type
class Offering(Row, Node, tables=(tables.offering, registry.subresource_offering)):
    """Something that a provider offers, such as a cluster or a cloud.

    Whoever sees one of its resources sees all of it.
    """

    id: strawberry.ID = node_id("Offering", offering.uuid)
    """Identifies the offering among all nodes."""
    uuid: UUID
    """Identifies the offering for good."""
    name: str
    """What people call the offering."""
    slug: str
    """A short name for addresses."""
    description: str
    """What the offering is, in short."""
    full_description: str
    """What the offering is, at length; may hold HTML."""
    type: str
    """The kind of backend, such as Marketplace.Slurm."""
    state: OfferingState | None
    """Whether it can be ordered."""
    paused_reason: str
    """Why it can't be ordered at present; empty if it can."""
    shared: bool
    """Whether it is for everybody."""
    billable: bool
    """Whether it is billed."""
    created: DateTime
    """When it was made."""
    modified: DateTime
    """When it last changed."""
    backend_id: str
    """What the backend calls it."""
    privacy_policy_link: str
    """Where its privacy policy is."""
    helpdesk_url: str | None
    """Where to ask for help; null in older marketplaces."""
    documentation_url: str | None
    """Where its documentation is; null in older marketplaces."""
    access_url: str | None
    """Where to use it; null in older marketplaces."""
    vendor_details: str
    """Who makes what is offered; may hold HTML."""
    getting_started: str
    """How to begin; may hold HTML."""
    integration_guide: str
    """How to connect it; may hold HTML."""
    country: str
    """Where it is, as two letters; empty if nobody said."""
    latitude: float | None
    """Where it is; null if nobody said."""
    longitude: float | None
    """Where it is; null if nobody said."""
    datacite_doi: str
    """Its digital object identifier; empty if it has none."""
    citation_count: int
    """How often it was cited; -1 if that is not known."""
    image: str | None = computed(build_media_url, offering.image, ContextFact.MEDIA_URL)
    """The address of its picture; null if there is none, or nobody said where pictures are."""
    thumbnail: str | None = computed(build_media_url, offering.thumbnail, ContextFact.MEDIA_URL)
    """The address of its small picture; null as for `image`."""
    attributes: JSON
    """What its category asks to know of it."""
    options: JSON
    """What can be chosen in an order: `order` lists names, `options` has each with its type."""
    resource_options: JSON
    """What can be chosen for a resource later on; as `options`."""
    plugin_options: JSON
    """How its type is set up; never a secret."""
    backend_metadata: JSON
    """What the backend says of it."""
    category: Category = one(offering.category_id)
    """The kind of offering."""
    provider: Customer | None = one(offering.customer_id, "id uuid name slug description")
    """The organisation that provides it; null if none does."""
    project: Project | None = one(offering.project_id, "id uuid name")
    """The project that it is for; null if it is for more."""
    parent: Annotated["Offering", strawberry.lazy(__name__)] | None = one(offering.parent_id)
    """The offering that it belongs to, such as the cloud of its machines; null if there is none."""
    components: list[Component] = many(tables.component.c.offering_id, tables.component.c.name)
    """What it is metered by, ordered by name."""
    effective_components: list[Component] = many(
        registry.effective_component.c.of_offering_id, registry.effective_component.c.name
    )
    """What it is metered by in effect: by its parent's components if it has one."""
    effective_plans: list[Plan] = many(registry.effective_plan.c.of_offering_id)
    """The ways to pay for it in effect: its parent's if it has one."""
    roles: list[OfferingRole] = many(tables.offering_user_role.c.offering_id)
    """The roles that people can have in its resources."""
    software_catalogs: list[OfferingSoftwareCatalog] = many(
        tables.offering_software_catalog.c.offering_id
    )
    """The software that comes with it."""
    order_count: int = computed(
        clamp_order_count, AggregateValue(ORDER_COUNT_BY_OFFERING, "count", offering.id, 0)
    )
    """How many orders it had."""
    plans: list[Plan] = many(tables.plan.c.offering_id)
    """The ways to pay for it that are open to the viewer."""
    partitions: list[Partition] = many(tables.partition.c.offering_id)
    """The partitions of its cluster; empty if it is none."""
    endpoints: list[Endpoint] = many(tables.offering_endpoint.c.offering_id)
    """Where it can be reached."""
    resources: Page[Annotated["Resource", strawberry.lazy("gateway.schema.types.resource")]] = (
        pages(tables.resource.c.offering_id, ResourceOrder, ResourceFilter)
    )
    """Its resources that the viewer sees."""
    resource_counts: list[ResourceCount] = declare_resource_counts(
        RESOURCE_STATES_BY_OFFERING, offering.id
    )
    """How many of `resources` are in each state; states without any are left out."""
