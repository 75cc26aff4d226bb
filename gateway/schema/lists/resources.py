"""Filter and sort orders of lists of resources; fields are named as in REST (domain.md §5.1)."""

from enum import Enum

from gateway.db import tables
from gateway.db.query_spec import ColumnRef, Perspective, SortOrder
from gateway.db.sql import json_filters, relation_filters
from gateway.db.sql.filters import (
    at_least,
    at_most,
    build_like_pattern,
    contains_short_text,
    contains_text,
    equals_value,
    filter_column,
    has_value,
    in_values,
    strip_texts,
)
from gateway.schema.enums import BillingType, OrderState, ResourceState
from gateway.schema.framework.filters import filter_field, filter_input
from gateway.schema.framework.publish import enum
from gateway.schema.framework.scalars import JSON, UUID, Date, DateTime
from gateway.schema.lists.attribute_filter import parse_attribute_filter

resource, offering, project = tables.resource.c, tables.offering.c, tables.project.c


@enum
class VisibleAs(Enum):
    """The side from which the viewer has access to resources.

    Staff and support have access to all resources from either side.
    """

    CONSUMER = Perspective.CONSUMER
    """Resources to which the viewer has access as a consumer.

    The access comes from a role in the project, its organisation or the resource itself.
    """
    PROVIDER = Perspective.PROVIDER
    """Resources to which the viewer has access as a provider.

    The access comes from a role in the organisation that provides the offering, or in the offering
    itself.
    """
    ANY = None
    """Resources to which the viewer has access as a consumer or as a provider."""


@enum
class ResourceOrder(Enum):
    """Sort order of resources.

    Objects without a value are last in ascending and first in descending order.
    """

    CREATED_ASC = SortOrder((ColumnRef(resource.created),))
    """Oldest first."""
    CREATED_DESC = SortOrder((ColumnRef(resource.created),), descending=True)
    """Newest first."""
    NAME_ASC = SortOrder((ColumnRef(resource.name),))
    """By name, A to Z."""
    NAME_DESC = SortOrder((ColumnRef(resource.name),), descending=True)
    """By name, Z to A."""
    PROJECT_NAME_ASC = SortOrder((ColumnRef(project.name, (resource.project_id,)),))
    """By the project's name, A to Z."""
    PROJECT_NAME_DESC = SortOrder(
        (ColumnRef(project.name, (resource.project_id,)),), descending=True
    )
    """By the project's name, Z to A."""
    STATE_ASC = SortOrder((ColumnRef(resource.state),))
    """By state, in the order of `ResourceState`."""
    STATE_DESC = SortOrder((ColumnRef(resource.state),), descending=True)
    """By state, in reverse order of `ResourceState`."""
    END_DATE_ASC = SortOrder((ColumnRef(resource.end_date),))
    """Earliest end date first."""
    END_DATE_DESC = SortOrder((ColumnRef(resource.end_date),), descending=True)
    """Objects without an end date first, then latest end date first."""


@filter_input
class ResourceFilter:
    """Filter of resources: all conditions must hold; nulls and blank texts are ignored.

    Spaces around a text are ignored, too. A list matches if one of its elements does; an empty list
    matches nothing.
    """

    uuid: list[UUID] | None = filter_field(filter_column(in_values, resource.uuid))
    """The UUID is one of these."""
    name: str | None = filter_field(
        filter_column(contains_text, resource.name),
        build_like_pattern,
        filter_column(contains_short_text, resource.name),
    )
    """The name contains this text; case-insensitive."""
    name_exact: str | None = filter_field(filter_column(equals_value, resource.name))
    """The name is exactly this text."""
    slug: str | None = filter_field(filter_column(equals_value, resource.slug))
    """The slug is exactly this text."""
    backend_id: str | None = filter_field(filter_column(equals_value, resource.backend_id))
    """The identifier in the backend is exactly this text."""
    state: list[ResourceState] | None = filter_field(filter_column(in_values, resource.state))
    """The state is one of these."""
    runtime_state: str | None = filter_field(
        filter_column(json_filters.equals_json_text("runtime_state"), resource.backend_metadata)
    )
    """The run-time state in `backendMetadata` is exactly this text."""
    order_state: list[OrderState] | None = filter_field(
        filter_column(relation_filters.has_order_in_states, resource.id)
    )
    """The resource has an order whose state is one of these."""
    created: DateTime | None = filter_field(filter_column(at_least, resource.created))
    """Lower bound: created at this time or later."""
    created_before: DateTime | None = filter_field(filter_column(at_most, resource.created))
    """Upper bound: created at this time or earlier."""
    modified: DateTime | None = filter_field(filter_column(at_least, resource.modified))
    """Lower bound: last modified at this time or later."""
    modified_before: DateTime | None = filter_field(filter_column(at_most, resource.modified))
    """Upper bound: last modified at this time or earlier."""
    end_date: Date | None = filter_field(filter_column(at_least, resource.end_date))
    """Lower bound: the end date is this date or later."""
    end_date_before: Date | None = filter_field(filter_column(at_most, resource.end_date))
    """Upper bound: the end date is this date or earlier."""
    has_terminate_date: bool | None = filter_field(filter_column(has_value, resource.end_date))
    """Whether the resource has an end date."""
    downscaled: bool | None = filter_field(filter_column(equals_value, resource.downscaled))
    """Whether the resource is downscaled."""
    paused: bool | None = filter_field(filter_column(equals_value, resource.paused))
    """Whether the resource is paused."""
    restrict_member_access: bool | None = filter_field(
        filter_column(equals_value, resource.restrict_member_access)
    )
    """Whether access by project members is restricted."""
    is_attached: bool | None = filter_field(
        filter_column(
            json_filters.compare_json_text("instance_name", has_value), resource.backend_metadata
        )
    )
    """Whether the resource, such as a volume, is attached to an instance."""
    flavor_name: str | None = filter_field(
        filter_column(
            json_filters.compare_json_text("flavor_name", contains_text), resource.backend_metadata
        ),
        build_like_pattern,
    )
    """The flavor's name in `backendMetadata` contains this text; case-insensitive."""
    image_name: str | None = filter_field(
        filter_column(
            json_filters.compare_json_text("image_name", contains_text), resource.backend_metadata
        ),
        build_like_pattern,
    )
    """The image's name in `backendMetadata` contains this text; case-insensitive."""
    resource_attributes: JSON | None = filter_field(
        filter_column(json_filters.json_equals_all, resource.attributes), parse_attribute_filter
    )
    """The resource was ordered with all these attributes: an object from name to value.

    Example: `{"flavor": ["small", "large"], "public": true}`. A list matches if the stored value
    equals any of its elements; any other value must equal the stored one (an object: be contained
    in it). At most 50 values; secret attributes are refused.
    """
    visible_to_providers: bool | None = filter_field(
        filter_column(relation_filters.is_visible_to_providers, resource.id)
    )
    """True leaves out resources whose creation still awaits the consumer; false has no effect.

    Those are resources in state `CREATING` with an order that is `PENDING_CONSUMER`,
    `PENDING_PROJECT` or `PENDING_START_DATE`.
    """
    offering_uuid: list[UUID] | None = filter_field(
        filter_column(in_values, offering.uuid, resource.offering_id)
    )
    """The offering's UUID is one of these."""
    offering_slug: list[str] | None = filter_field(
        filter_column(in_values, offering.slug, resource.offering_id), strip_texts
    )
    """The offering's slug is one of these."""
    offering_type: str | None = filter_field(
        filter_column(equals_value, offering.type, resource.offering_id)
    )
    """The offering's type is exactly this text."""
    offering_billable: bool | None = filter_field(
        filter_column(equals_value, offering.billable, resource.offering_id)
    )
    """Whether the offering's resources are billed."""
    offering_shared: bool | None = filter_field(
        filter_column(equals_value, offering.shared, resource.offering_id)
    )
    """Whether the offering is public (`Offering.shared`)."""
    lexis_links_supported: bool | None = filter_field(
        filter_column(
            json_filters.has_json_key("heappe_url"), offering.plugin_options, resource.offering_id
        )
    )
    """Whether the offering supports LEXIS links."""
    usage_based: bool | None = filter_field(
        filter_column(
            relation_filters.has_billing_type(BillingType.USAGE), offering.id, resource.offering_id
        )
    )
    """Whether the offering has components that are billed by usage."""
    limit_based: bool | None = filter_field(
        filter_column(
            relation_filters.has_billing_type(BillingType.LIMIT), offering.id, resource.offering_id
        )
    )
    """Whether the offering has components that are billed by limit."""
    only_usage_based: bool | None = filter_field(
        filter_column(
            relation_filters.has_only_billing_type(BillingType.USAGE),
            offering.id,
            resource.offering_id,
        )
    )
    """Whether the offering has components and all are billed by usage."""
    only_limit_based: bool | None = filter_field(
        filter_column(
            relation_filters.has_only_billing_type(BillingType.LIMIT),
            offering.id,
            resource.offering_id,
        )
    )
    """Whether the offering has components and all are billed by limit."""
    component_count: int | None = filter_field(
        filter_column(relation_filters.has_component_count(), offering.id, resource.offering_id)
    )
    """The offering has exactly this number of components."""
    limit_component_count: int | None = filter_field(
        filter_column(
            relation_filters.has_component_count(BillingType.LIMIT),
            offering.id,
            resource.offering_id,
        )
    )
    """The offering has exactly this number of components that are billed by limit."""
    service_manager_uuid: UUID | None = filter_field(
        filter_column(relation_filters.has_manager, offering.id, resource.offering_id)
    )
    """The offering is public, and the user with this UUID has an active role in it."""
    parent_offering_uuid: UUID | None = filter_field(
        filter_column(equals_value, offering.uuid, resource.offering_id, offering.parent_id)
    )
    """The offering is a child of the offering with this UUID."""
    plan_uuid: UUID | None = filter_field(
        filter_column(equals_value, tables.plan.c.uuid, resource.plan_id)
    )
    """The plan has this UUID."""
    project_uuid: UUID | None = filter_field(
        filter_column(equals_value, project.uuid, resource.project_id)
    )
    """The project has this UUID."""
    project_name: str | None = filter_field(
        filter_column(equals_value, project.name, resource.project_id)
    )
    """The project's name is exactly this text."""
    customer_uuid: UUID | None = filter_field(
        filter_column(
            equals_value, tables.customer.c.uuid, resource.project_id, project.customer_id
        )
    )
    """The project belongs to the organisation with this UUID."""
    provider_uuid: UUID | None = filter_field(
        filter_column(
            equals_value, tables.customer.c.uuid, resource.offering_id, offering.customer_id
        )
    )
    """The offering is provided by the organisation with this UUID."""
    category_uuid: UUID | None = filter_field(
        filter_column(
            equals_value, tables.category.c.uuid, resource.offering_id, offering.category_id
        )
    )
    """The offering's category has this UUID."""
