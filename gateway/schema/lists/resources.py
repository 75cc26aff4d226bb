"""How lists of resources are narrowed and sorted; the names are REST's (domain.md §5.1)."""

from enum import Enum

from gateway.db import tables
from gateway.db.query_spec import ColumnRef, Perspective, SortOrder
from gateway.db.sql import json_filters, relation_filters
from gateway.db.sql.filters import (
    at_least,
    at_most,
    build_like_pattern,
    contains_text,
    equals_value,
    filter_column,
    has_value,
    in_values,
)
from gateway.schema.enums import OrderState, ResourceState
from gateway.schema.framework.filters import filter_field, filter_input
from gateway.schema.framework.publish import enum
from gateway.schema.framework.scalars import JSON, UUID, Date, DateTime
from gateway.schema.lists.attribute_filter import parse_attribute_filter

resource, offering, project = tables.resource.c, tables.offering.c, tables.project.c


@enum
class VisibleAs(Enum):
    """From which side a viewer looks at resources; staff and support see all from each."""

    CONSUMER = Perspective.CONSUMER
    """Resources of the viewer's projects and organisations."""
    PROVIDER = Perspective.PROVIDER
    """Resources of the offerings that the viewer provides."""
    ANY = None
    """Both."""


@enum
class ResourceOrder(Enum):
    """What resources are sorted by; without a value come last, or first downward."""

    CREATED_ASC = SortOrder((ColumnRef(resource.created),))
    """The oldest first."""
    CREATED_DESC = SortOrder((ColumnRef(resource.created),), descending=True)
    """The newest first."""
    NAME_ASC = SortOrder((ColumnRef(resource.name),))
    """By name."""
    NAME_DESC = SortOrder((ColumnRef(resource.name),), descending=True)
    """By name, backward."""
    PROJECT_NAME_ASC = SortOrder((ColumnRef(project.name, (resource.project_id,)),))
    """By the project's name."""
    PROJECT_NAME_DESC = SortOrder(
        (ColumnRef(project.name, (resource.project_id,)),), descending=True
    )
    """By the project's name, backward."""
    STATE_ASC = SortOrder((ColumnRef(resource.state),))
    """By state, from creating to terminated."""
    STATE_DESC = SortOrder((ColumnRef(resource.state),), descending=True)
    """By state, from terminated to creating."""
    END_DATE_ASC = SortOrder((ColumnRef(resource.end_date),))
    """The first to end first."""
    END_DATE_DESC = SortOrder((ColumnRef(resource.end_date),), descending=True)
    """Those without an end, then the last to end."""


@filter_input
class ResourceFilter:
    """Which resources are wanted: those that meet all that is given; a null asks for nothing."""

    uuid: list[UUID] | None = filter_field(filter_column(in_values, resource.uuid))
    """One of these."""
    name: str | None = filter_field(filter_column(contains_text, resource.name), build_like_pattern)
    """The name has this in it, in upper or lower case."""
    name_exact: str | None = filter_field(filter_column(equals_value, resource.name))
    """The name is this."""
    slug: str | None = filter_field(filter_column(equals_value, resource.slug))
    """The slug is this."""
    backend_id: str | None = filter_field(filter_column(equals_value, resource.backend_id))
    """The backend calls it this."""
    state: list[ResourceState] | None = filter_field(filter_column(in_values, resource.state))
    """In one of these states."""
    runtime_state: str | None = filter_field(
        filter_column(
            json_filters.compare_json_text("runtime_state", equals_value), resource.backend_metadata
        )
    )
    """The backend says that it is in this state."""
    order_state: list[OrderState] | None = filter_field(
        filter_column(relation_filters.has_order_in_states, resource.id)
    )
    """Has an order in one of these states."""
    created: DateTime | None = filter_field(filter_column(at_least, resource.created))
    """Made then or later."""
    created_before: DateTime | None = filter_field(filter_column(at_most, resource.created))
    """Made then or earlier."""
    modified: DateTime | None = filter_field(filter_column(at_least, resource.modified))
    """Changed then or later."""
    modified_before: DateTime | None = filter_field(filter_column(at_most, resource.modified))
    """Changed then or earlier."""
    end_date: Date | None = filter_field(filter_column(at_least, resource.end_date))
    """Ends that day or later."""
    end_date_before: Date | None = filter_field(filter_column(at_most, resource.end_date))
    """Ends that day or earlier."""
    has_terminate_date: bool | None = filter_field(filter_column(has_value, resource.end_date))
    """Has an end date, or has none."""
    downscaled: bool | None = filter_field(filter_column(equals_value, resource.downscaled))
    """Has less than its limits, or not."""
    paused: bool | None = filter_field(filter_column(equals_value, resource.paused))
    """Is paused, or not."""
    restrict_member_access: bool | None = filter_field(
        filter_column(equals_value, resource.restrict_member_access)
    )
    """Keeps plain members out, or not."""
    is_attached: bool | None = filter_field(
        filter_column(
            json_filters.compare_json_text("instance_name", has_value), resource.backend_metadata
        )
    )
    """Is attached to a machine, or not."""
    flavor_name: str | None = filter_field(
        filter_column(
            json_filters.compare_json_text("flavor_name", contains_text), resource.backend_metadata
        ),
        build_like_pattern,
    )
    """The name of its flavor has this in it, in upper or lower case."""
    image_name: str | None = filter_field(
        filter_column(
            json_filters.compare_json_text("image_name", contains_text), resource.backend_metadata
        ),
        build_like_pattern,
    )
    """The name of its image has this in it, in upper or lower case."""
    resource_attributes: JSON | None = filter_field(
        filter_column(json_filters.json_equals_all, resource.attributes), parse_attribute_filter
    )
    """Was ordered with all of these attributes: a list names values of which one is to be there."""
    visible_to_providers: bool | None = filter_field(
        filter_column(relation_filters.is_visible_to_providers, resource.id)
    )
    """If true, none that waits for its consumer to approve it, or for its time to come."""
    offering_uuid: list[UUID] | None = filter_field(
        filter_column(in_values, offering.uuid, resource.offering_id)
    )
    """Of one of these offerings."""
    offering_slug: list[str] | None = filter_field(
        filter_column(in_values, offering.slug, resource.offering_id)
    )
    """Of an offering with one of these slugs."""
    offering_type: str | None = filter_field(
        filter_column(equals_value, offering.type, resource.offering_id)
    )
    """Of an offering of this type."""
    offering_billable: bool | None = filter_field(
        filter_column(equals_value, offering.billable, resource.offering_id)
    )
    """Of an offering that is billed, or is not."""
    offering_shared: bool | None = filter_field(
        filter_column(equals_value, offering.shared, resource.offering_id)
    )
    """Of an offering for everybody, or of a private one."""
    lexis_links_supported: bool | None = filter_field(
        filter_column(
            json_filters.has_json_key("heappe_url"), offering.plugin_options, resource.offering_id
        )
    )
    """Of an offering that LEXIS can be linked to, or can't."""
    usage_based: bool | None = filter_field(
        filter_column(relation_filters.has_billing_type("usage"), offering.id, resource.offering_id)
    )
    """Of an offering with components that are billed by use, or without any."""
    limit_based: bool | None = filter_field(
        filter_column(relation_filters.has_billing_type("limit"), offering.id, resource.offering_id)
    )
    """Of an offering with components that are billed by limit, or without any."""
    only_usage_based: bool | None = filter_field(
        filter_column(
            relation_filters.has_only_billing_type("usage"), offering.id, resource.offering_id
        )
    )
    """Of an offering whose components are all billed by use, or of any other."""
    only_limit_based: bool | None = filter_field(
        filter_column(
            relation_filters.has_only_billing_type("limit"), offering.id, resource.offering_id
        )
    )
    """Of an offering whose components are all billed by limit, or of any other."""
    component_count: int | None = filter_field(
        filter_column(relation_filters.has_component_count(), offering.id, resource.offering_id)
    )
    """Of an offering with so many components."""
    limit_component_count: int | None = filter_field(
        filter_column(
            relation_filters.has_component_count("limit"), offering.id, resource.offering_id
        )
    )
    """Of an offering with so many components that are billed by limit."""
    service_manager_uuid: UUID | None = filter_field(
        filter_column(relation_filters.has_manager, offering.id, resource.offering_id)
    )
    """Of an offering for everybody that this user manages."""
    parent_offering_uuid: UUID | None = filter_field(
        filter_column(equals_value, offering.uuid, resource.offering_id, offering.parent_id)
    )
    """Of an offering that belongs to this one."""
    plan_uuid: UUID | None = filter_field(
        filter_column(equals_value, tables.plan.c.uuid, resource.plan_id)
    )
    """With this plan."""
    project_uuid: UUID | None = filter_field(
        filter_column(equals_value, project.uuid, resource.project_id)
    )
    """In this project."""
    project_name: str | None = filter_field(
        filter_column(equals_value, project.name, resource.project_id)
    )
    """In a project of this name."""
    customer_uuid: UUID | None = filter_field(
        filter_column(
            equals_value, tables.customer.c.uuid, resource.project_id, project.customer_id
        )
    )
    """In a project of this customer."""
    provider_uuid: UUID | None = filter_field(
        filter_column(
            equals_value, tables.customer.c.uuid, resource.offering_id, offering.customer_id
        )
    )
    """Of an offering of this provider."""
    category_uuid: UUID | None = filter_field(
        filter_column(
            equals_value, tables.category.c.uuid, resource.offering_id, offering.category_id
        )
    )
    """Of an offering of this category."""
