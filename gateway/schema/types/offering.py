"""Offerings: the products that providers publish in the marketplace."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from gateway.db import tables
from gateway.db.queries.aggregates import ORDER_COUNT_BY_OFFERING, RESOURCE_STATES_BY_OFFERING
from gateway.db.sql.aggregate import AggregateValue
from gateway.db.sql.row_types import Row
from gateway.db.views import registry
from gateway.schema.enums import OfferingState
from gateway.schema.framework.connection_type import Page
from gateway.schema.framework.context import ContextFact
from gateway.schema.framework.declarations import computed, many, one, pages
from gateway.schema.framework.node import Node, node_id
from gateway.schema.framework.publish import object_type
from gateway.schema.framework.scalars import JSON, UUID, DateTime
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
MAX_COUNT = 2**31 - 1
"""The largest value of GraphQL's Int."""


def clamp_order_count(raw_count: str | int) -> int:
    """Return the number of orders, which is 0 where the quota is negative (domain.md §3.7).

    Larger numbers than GraphQL's Int can hold are its largest value.
    """
    return min(max(0, int(raw_count)), MAX_COUNT)


@object_type
class Offering(Row, Node, tables=(tables.offering, registry.subresource_offering)):
    """A product that a provider publishes, such as an HPC cluster or a cloud.

    `Query.offerings` contains active and paused public offerings, and the offerings that the viewer
    has a role for. An offering that is reached through a resource, an order or a plan shows all its
    fields, too.
    """

    id: strawberry.ID = node_id("Offering", offering.uuid)
    """Global id."""
    uuid: UUID
    """UUID of the offering."""
    name: str
    """Display name."""
    slug: str
    """Short name for URLs; not unique, may be empty."""
    description: str
    """Short description; may be empty."""
    full_description: str
    """Full description; may be empty, may contain HTML."""
    type: str
    """Key of the plugin that manages the offering's resources, such as `Marketplace.Slurm`."""
    state: OfferingState | None
    """State of the offering; null if this version of the API does not know the value."""
    paused_reason: str
    """Why the offering is paused; may be empty."""
    shared: bool
    """Whether the offering is public; if not, it is for some organisation or project only.

    A public offering may still be restricted to groups of organisations.
    """
    billable: bool
    """Whether the offering's resources are billed.

    An offering that is neither public nor billed is private.
    """
    created: DateTime
    """Time of creation."""
    modified: DateTime
    """Time of the last change."""
    backend_id: str
    """Identifier of the offering in the provider's backend; may be empty."""
    privacy_policy_link: str
    """URL of the privacy policy; may be empty."""
    helpdesk_url: str | None
    """URL of the helpdesk; may be empty, null in older versions of Waldur."""
    documentation_url: str | None
    """URL of the documentation; may be empty, null in older versions of Waldur."""
    access_url: str | None
    """URL at which the service is used; may be empty, null in older versions of Waldur."""
    vendor_details: str
    """Information about the vendor; may be empty, may contain HTML."""
    getting_started: str
    """Instructions for first use; may be empty, may contain HTML."""
    integration_guide: str
    """Instructions for integration; may be empty, may contain HTML."""
    country: str
    """ISO 3166-1 alpha-2 code of the service's location; may be empty."""
    latitude: float | None
    """Latitude of the service's location, in degrees; null if it is unknown."""
    longitude: float | None
    """Longitude of the service's location, in degrees; null if it is unknown."""
    datacite_doi: str
    """Digital object identifier (DOI) of the offering; may be empty."""
    citation_count: int
    """Number of citations of the DOI; -1 if unknown."""
    image: str | None = computed(build_media_url, offering.image, ContextFact.MEDIA_URL)
    """URL of the image; null without one, or if this API has no URL of media files."""
    thumbnail: str | None = computed(build_media_url, offering.thumbnail, ContextFact.MEDIA_URL)
    """URL of the thumbnail; null without one, or if this API has no URL of media files."""
    attributes: JSON
    """Values of the attributes that the offering's category defines, by attribute key."""
    options: JSON
    """Definition of the order form, an object with the keys `order` and `options`.

    `order` is the list of the options' keys. `options` is an object from key to definition, with
    `type`, `label`, `required`, `default`, `min`, `max` and `choices`, as far as they are set. Both
    keys may be missing.
    """
    resource_options: JSON
    """Definition of the options of existing resources, in the format of `options`.

    `Resource.options` has their values; `updateResourceOptions` changes them.
    """
    plugin_options: JSON
    """Public settings of the offering's plugin, an object with snake_case keys.

    Secret settings are not published.
    """
    backend_metadata: JSON
    """Metadata reported by the provider's backend, an object; may be empty."""
    category: Category | None = one(offering.category_id)
    """The category of the offering; null only if its record was deleted meanwhile."""
    provider: Customer | None = one(offering.customer_id, "id uuid name slug description")
    """The organisation that provides the offering; null without one."""
    project: Project | None = one(offering.project_id, "id uuid name")
    """The project that the offering is reserved for; null if there is none."""
    parent: Annotated["Offering", strawberry.lazy(__name__)] | None = one(offering.parent_id)
    """The parent offering; null without one.

    For example, the offering of virtual machines has the offering of the cloud as its parent. A
    child offering inherits its parent's components and plans: see `effectiveComponents` and
    `effectivePlans`.
    """
    components: list[Component] = many(tables.component.c.offering_id, tables.component.c.name)
    """The offering's own components, ordered by name.

    For order forms use `effectiveComponents`.
    """
    effective_components: list[Component] = many(
        registry.effective_component.c.of_offering_id, registry.effective_component.c.name
    )
    """The components that orders are billed by: use these for order forms.

    They are those of the parent offering if there is one, otherwise the offering's own, as far as
    the plugin uses them.
    """
    effective_plans: list[Plan] = many(registry.effective_plan.c.of_offering_id)
    """The plans that resources can be ordered with: use these for order forms.

    They are those of the parent offering if there is one, otherwise the offering's own, as far as
    they are visible to the viewer. A plan can be ordered if it is active and not archived.
    """
    roles: list[OfferingRole] = many(tables.offering_user_role.c.offering_id)
    """The roles that users can have in the offering's resources."""
    software_catalogs: list[OfferingSoftwareCatalog] = many(
        tables.offering_software_catalog.c.offering_id
    )
    """The software catalogues that are available in the offering."""
    order_count: int = computed(
        clamp_order_count, AggregateValue(ORDER_COUNT_BY_OFFERING, "count", offering.id, 0)
    )
    """Number of orders that were placed for the offering."""
    plans: list[Plan] = many(tables.plan.c.offering_id)
    """The offering's own plans, including archived ones.

    For order forms use `effectivePlans`. Plans that are reserved for groups of organisations are
    visible to members of these groups, staff and support.
    """
    partitions: list[Partition] = many(tables.partition.c.offering_id)
    """The SLURM partitions of the offering; empty for other types."""
    endpoints: list[Endpoint] = many(tables.offering_endpoint.c.offering_id)
    """The network addresses of the service."""
    resources: Page[Annotated["Resource", strawberry.lazy("gateway.schema.types.resource")]] = (
        pages(tables.resource.c.offering_id, ResourceOrder, ResourceFilter)
    )
    """The offering's resources that are visible to the viewer."""
    resource_counts: list[ResourceCount] = declare_resource_counts(
        RESOURCE_STATES_BY_OFFERING, offering.id
    )
    """Number of visible `resources` by state; states without resources are left out."""
