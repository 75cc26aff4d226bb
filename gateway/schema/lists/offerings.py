"""Filter and sort orders of lists of offerings; filter fields have the names of REST."""

from enum import Enum

from gateway.db import tables
from gateway.db.query_spec import ColumnRef, SortOrder
from gateway.db.sql import json_filters, relation_filters
from gateway.db.sql.filters import (
    any_predicate,
    at_least,
    at_most,
    build_like_pattern,
    contains_text,
    equals_value,
    filter_column,
    in_values,
)
from gateway.schema.enums import OfferingState
from gateway.schema.framework.filters import filter_field, filter_input
from gateway.schema.framework.publish import enum
from gateway.schema.framework.scalars import JSON, UUID, DateTime
from gateway.schema.lists.attribute_filter import parse_attribute_filter

offering, customer, project = tables.offering.c, tables.customer.c, tables.project.c
terms = tables.terms_of_service.c


@enum
class OfferingOrder(Enum):
    """Sort order of offerings."""

    CREATED_ASC = SortOrder((ColumnRef(offering.created),))
    """Oldest first."""
    CREATED_DESC = SortOrder((ColumnRef(offering.created),), descending=True)
    """Newest first."""
    NAME_ASC = SortOrder((ColumnRef(offering.name),))
    """By name, A to Z."""
    NAME_DESC = SortOrder((ColumnRef(offering.name),), descending=True)
    """By name, Z to A."""
    TYPE_ASC = SortOrder((ColumnRef(offering.type),))
    """By type, A to Z."""
    TYPE_DESC = SortOrder((ColumnRef(offering.type),), descending=True)
    """By type, Z to A."""
    STATE_ASC = SortOrder((ColumnRef(offering.state),))
    """By state, in the order of `OfferingState`."""
    STATE_DESC = SortOrder((ColumnRef(offering.state),), descending=True)
    """By state, in reverse order of `OfferingState`."""


@filter_input
class OfferingFilter:
    """Filter of offerings: all conditions must hold; nulls and blank texts are ignored.

    Spaces around a text are ignored, too. A list matches if one of its elements does; an empty list
    matches nothing.
    """

    uuid: list[UUID] | None = filter_field(filter_column(in_values, offering.uuid))
    """The UUID is one of these."""
    name: str | None = filter_field(filter_column(contains_text, offering.name), build_like_pattern)
    """The name contains this text; case-insensitive."""
    name_exact: str | None = filter_field(filter_column(equals_value, offering.name))
    """The name is exactly this text."""
    slug: str | None = filter_field(filter_column(equals_value, offering.slug))
    """The slug is exactly this text."""
    description: str | None = filter_field(
        filter_column(contains_text, offering.description), build_like_pattern
    )
    """The description contains this text; case-insensitive."""
    keyword: str | None = filter_field(
        any_predicate(
            filter_column(contains_text, offering.name),
            filter_column(contains_text, offering.description),
            filter_column(contains_text, customer.name, offering.customer_id),
        ),
        build_like_pattern,
    )
    """The name, description or provider's name contains this text; case-insensitive."""
    attributes: JSON | None = filter_field(
        filter_column(json_filters.json_contains_all, offering.attributes), parse_attribute_filter
    )
    """The offering has all these attributes: an object from attribute key to value.

    Example: `{"cpu_vendor": "amd", "regions": ["north", "south"]}`. A list matches if the stored
    value equals or contains any of its elements; any other value must equal the stored one (an
    object: be contained in it). At most 50 values; secret attributes are refused.
    """
    type: list[str] | None = filter_field(filter_column(in_values, offering.type))
    """The type is one of these."""
    state: list[OfferingState] | None = filter_field(filter_column(in_values, offering.state))
    """The state is one of these."""
    shared: bool | None = filter_field(filter_column(equals_value, offering.shared))
    """Whether the offering is public (`Offering.shared`)."""
    billable: bool | None = filter_field(filter_column(equals_value, offering.billable))
    """Whether the offering's resources are billed."""
    category_uuid: UUID | None = filter_field(
        filter_column(equals_value, tables.category.c.uuid, offering.category_id)
    )
    """The category has this UUID."""
    customer_uuid: UUID | None = filter_field(
        filter_column(equals_value, customer.uuid, offering.customer_id)
    )
    """The offering is provided by the organisation with this UUID."""
    project_uuid: UUID | None = filter_field(
        filter_column(equals_value, project.uuid, offering.project_id)
    )
    """The offering is reserved for the project with this UUID."""
    parent_uuid: UUID | None = filter_field(
        filter_column(equals_value, offering.uuid, offering.parent_id)
    )
    """The offering is a child of the offering with this UUID."""
    allowed_customer_uuid: UUID | None = filter_field(
        filter_column(relation_filters.is_allowed_for_customer, offering.id)
    )
    """The organisation with this UUID may order the offering.

    The offering is its own, or it is public and not restricted to groups that the organisation does
    not belong to.
    """
    organization_group_uuid: UUID | None = filter_field(
        filter_column(relation_filters.in_organization_group, offering.id)
    )
    """The offering is shared with the group of organisations with this UUID."""
    service_manager_uuid: UUID | None = filter_field(
        filter_column(relation_filters.has_manager, offering.id)
    )
    """The offering is public, and the user with this UUID has an active role in it."""
    resource_customer_uuid: UUID | None = filter_field(
        relation_filters.has_visible_resources(customer.uuid, project.customer_id)
    )
    """The organisation with this UUID has resources of the offering.

    Only resources count that the viewer can see and that are not terminated.
    """
    resource_project_uuid: UUID | None = filter_field(
        relation_filters.has_visible_resources(project.uuid)
    )
    """The project with this UUID has resources of the offering.

    Only resources count that the viewer can see and that are not terminated.
    """
    scope_uuid: UUID | None = filter_field(
        filter_column(relation_filters.has_service_settings, offering.id)
    )
    """The offering's backend is configured by the service settings with this UUID."""
    has_terms_of_service: bool | None = filter_field(
        filter_column(relation_filters.has_related_row(terms.offering_id), offering.id)
    )
    """Whether the offering has terms of service, active or not."""
    has_active_terms_of_service: bool | None = filter_field(
        filter_column(
            relation_filters.has_related_row(terms.offering_id, terms.is_active), offering.id
        )
    )
    """Whether the offering has active terms of service."""
    user_has_consent: bool | None = filter_field(
        filter_column(relation_filters.has_viewer_consent, offering.id)
    )
    """Whether the viewer has an active consent to the offering's terms of service."""
    user_has_offering_user: bool | None = filter_field(
        filter_column(relation_filters.has_viewer_account, offering.id)
    )
    """Whether the viewer has an account (offering user) in the offering."""
    can_create_offering_user: bool | None = filter_field(
        filter_column(
            json_filters.is_json_true("service_provider_can_create_offering_user"),
            offering.plugin_options,
        )
    )
    """Whether the offering's provider may create accounts (offering users)."""
    created: DateTime | None = filter_field(filter_column(at_least, offering.created))
    """Lower bound: created at this time or later."""
    created_before: DateTime | None = filter_field(filter_column(at_most, offering.created))
    """Upper bound: created at this time or earlier."""
    modified: DateTime | None = filter_field(filter_column(at_least, offering.modified))
    """Lower bound: last modified at this time or later."""
    modified_before: DateTime | None = filter_field(filter_column(at_most, offering.modified))
    """Upper bound: last modified at this time or earlier."""
