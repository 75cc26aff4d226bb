"""How lists of resources are narrowed and sorted; the names are REST's (domain.md §5.1)."""

from enum import Enum

from gateway.db import tables
from gateway.db.query_spec import At, Order, Side
from gateway.db.sql import json_filters, relation_filters
from gateway.db.sql.filters import among, at_least, at_most, contains, equal, given, pattern, where
from gateway.schema.enums import OrderState, ResourceState
from gateway.schema.framework.filters import asked_for, filtered_by
from gateway.schema.framework.publish import named
from gateway.schema.framework.scalars import JSON, UUID, Date, DateTime
from gateway.schema.lists.attribute_filter import wanted_attributes

resource, offering, project = tables.resource.c, tables.offering.c, tables.project.c


@named
class VisibleAs(Enum):
    """From which side a viewer looks at resources; staff and support see all from each."""

    CONSUMER = Side.CONSUMER
    """Resources of the viewer's projects and organisations."""
    PROVIDER = Side.PROVIDER
    """Resources of the offerings that the viewer provides."""
    ANY = None
    """Both."""


@named
class ResourceOrder(Enum):
    """What resources are sorted by; without a value come last, or first downward."""

    CREATED_ASC = Order((At(resource.created),))
    """The oldest first."""
    CREATED_DESC = Order((At(resource.created),), descending=True)
    """The newest first."""
    NAME_ASC = Order((At(resource.name),))
    """By name."""
    NAME_DESC = Order((At(resource.name),), descending=True)
    """By name, backward."""
    PROJECT_NAME_ASC = Order((At(project.name, (resource.project_id,)),))
    """By the project's name."""
    PROJECT_NAME_DESC = Order((At(project.name, (resource.project_id,)),), descending=True)
    """By the project's name, backward."""
    STATE_ASC = Order((At(resource.state),))
    """By state, from creating to terminated."""
    STATE_DESC = Order((At(resource.state),), descending=True)
    """By state, from terminated to creating."""
    END_DATE_ASC = Order((At(resource.end_date),))
    """The first to end first."""
    END_DATE_DESC = Order((At(resource.end_date),), descending=True)
    """Those without an end, then the last to end."""


@asked_for
class ResourceFilter:
    """Which resources are wanted: those that meet all that is given; a null asks for nothing."""

    uuid: list[UUID] | None = filtered_by(where(among, resource.uuid))
    """One of these."""
    name: str | None = filtered_by(where(contains, resource.name), pattern)
    """The name has this in it, in upper or lower case."""
    name_exact: str | None = filtered_by(where(equal, resource.name))
    """The name is this."""
    slug: str | None = filtered_by(where(equal, resource.slug))
    """The slug is this."""
    backend_id: str | None = filtered_by(where(equal, resource.backend_id))
    """The backend calls it this."""
    state: list[ResourceState] | None = filtered_by(where(among, resource.state))
    """In one of these states."""
    runtime_state: str | None = filtered_by(
        where(json_filters.inner("runtime_state", equal), resource.backend_metadata)
    )
    """The backend says that it is in this state."""
    order_state: list[OrderState] | None = filtered_by(where(relation_filters.ordered, resource.id))
    """Has an order in one of these states."""
    created: DateTime | None = filtered_by(where(at_least, resource.created))
    """Made then or later."""
    created_before: DateTime | None = filtered_by(where(at_most, resource.created))
    """Made then or earlier."""
    modified: DateTime | None = filtered_by(where(at_least, resource.modified))
    """Changed then or later."""
    modified_before: DateTime | None = filtered_by(where(at_most, resource.modified))
    """Changed then or earlier."""
    end_date: Date | None = filtered_by(where(at_least, resource.end_date))
    """Ends that day or later."""
    end_date_before: Date | None = filtered_by(where(at_most, resource.end_date))
    """Ends that day or earlier."""
    has_terminate_date: bool | None = filtered_by(where(given, resource.end_date))
    """Has an end date, or has none."""
    downscaled: bool | None = filtered_by(where(equal, resource.downscaled))
    """Has less than its limits, or not."""
    paused: bool | None = filtered_by(where(equal, resource.paused))
    """Is paused, or not."""
    restrict_member_access: bool | None = filtered_by(where(equal, resource.restrict_member_access))
    """Keeps plain members out, or not."""
    is_attached: bool | None = filtered_by(
        where(json_filters.inner("instance_name", given), resource.backend_metadata)
    )
    """Is attached to a machine, or not."""
    flavor_name: str | None = filtered_by(
        where(json_filters.inner("flavor_name", contains), resource.backend_metadata), pattern
    )
    """The name of its flavor has this in it, in upper or lower case."""
    image_name: str | None = filtered_by(
        where(json_filters.inner("image_name", contains), resource.backend_metadata), pattern
    )
    """The name of its image has this in it, in upper or lower case."""
    resource_attributes: JSON | None = filtered_by(
        where(json_filters.all_of, resource.attributes), wanted_attributes
    )
    """Was ordered with all of these attributes: a list names values of which one is to be there."""
    visible_to_providers: bool | None = filtered_by(
        where(relation_filters.shown_to_providers, resource.id)
    )
    """If true, none that waits for its consumer to approve it, or for its time to come."""
    offering_uuid: list[UUID] | None = filtered_by(
        where(among, offering.uuid, resource.offering_id)
    )
    """Of one of these offerings."""
    offering_slug: list[str] | None = filtered_by(where(among, offering.slug, resource.offering_id))
    """Of an offering with one of these slugs."""
    offering_type: str | None = filtered_by(where(equal, offering.type, resource.offering_id))
    """Of an offering of this type."""
    offering_billable: bool | None = filtered_by(
        where(equal, offering.billable, resource.offering_id)
    )
    """Of an offering that is billed, or is not."""
    offering_shared: bool | None = filtered_by(where(equal, offering.shared, resource.offering_id))
    """Of an offering for everybody, or of a private one."""
    lexis_links_supported: bool | None = filtered_by(
        where(json_filters.has("heappe_url"), offering.plugin_options, resource.offering_id)
    )
    """Of an offering that LEXIS can be linked to, or can't."""
    usage_based: bool | None = filtered_by(
        where(relation_filters.of_type("usage"), offering.id, resource.offering_id)
    )
    """Of an offering with components that are billed by use, or without any."""
    limit_based: bool | None = filtered_by(
        where(relation_filters.of_type("limit"), offering.id, resource.offering_id)
    )
    """Of an offering with components that are billed by limit, or without any."""
    only_usage_based: bool | None = filtered_by(
        where(relation_filters.only_of_type("usage"), offering.id, resource.offering_id)
    )
    """Of an offering whose components are all billed by use, or of any other."""
    only_limit_based: bool | None = filtered_by(
        where(relation_filters.only_of_type("limit"), offering.id, resource.offering_id)
    )
    """Of an offering whose components are all billed by limit, or of any other."""
    component_count: int | None = filtered_by(
        where(relation_filters.counted(), offering.id, resource.offering_id)
    )
    """Of an offering with so many components."""
    limit_component_count: int | None = filtered_by(
        where(relation_filters.counted("limit"), offering.id, resource.offering_id)
    )
    """Of an offering with so many components that are billed by limit."""
    service_manager_uuid: UUID | None = filtered_by(
        where(relation_filters.managed, offering.id, resource.offering_id)
    )
    """Of an offering for everybody that this user manages."""
    parent_offering_uuid: UUID | None = filtered_by(
        where(equal, offering.uuid, resource.offering_id, offering.parent_id)
    )
    """Of an offering that belongs to this one."""
    plan_uuid: UUID | None = filtered_by(where(equal, tables.plan.c.uuid, resource.plan_id))
    """With this plan."""
    project_uuid: UUID | None = filtered_by(where(equal, project.uuid, resource.project_id))
    """In this project."""
    project_name: str | None = filtered_by(where(equal, project.name, resource.project_id))
    """In a project of this name."""
    customer_uuid: UUID | None = filtered_by(
        where(equal, tables.customer.c.uuid, resource.project_id, project.customer_id)
    )
    """In a project of this customer."""
    provider_uuid: UUID | None = filtered_by(
        where(equal, tables.customer.c.uuid, resource.offering_id, offering.customer_id)
    )
    """Of an offering of this provider."""
    category_uuid: UUID | None = filtered_by(
        where(equal, tables.category.c.uuid, resource.offering_id, offering.category_id)
    )
    """Of an offering of this category."""
