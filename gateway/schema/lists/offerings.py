"""How lists of offerings are narrowed and sorted; the names are REST's."""

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
from gateway.schema.framework.filters import filter_field, filter_input
from gateway.schema.framework.publish import enum
from gateway.schema.framework.scalars import JSON, UUID, DateTime
from gateway.schema.lists.attribute_filter import parse_attribute_filter

offering, customer, project = tables.offering.c, tables.customer.c, tables.project.c
terms = tables.terms_of_service.c


@enum
class OfferingState(Enum):
    """Whether an offering can be ordered."""

    DRAFT = 1
    """It is being prepared."""
    ACTIVE = 2
    """It can be ordered."""
    PAUSED = 3
    """It can't be ordered at present."""
    ARCHIVED = 4
    """It is not offered any more."""
    UNAVAILABLE = 5
    """Nothing can be done with its resources at present."""


@enum
class OfferingOrder(Enum):
    """What offerings are sorted by."""

    CREATED_ASC = SortOrder((ColumnRef(offering.created),))
    """The oldest first."""
    CREATED_DESC = SortOrder((ColumnRef(offering.created),), descending=True)
    """The newest first."""
    NAME_ASC = SortOrder((ColumnRef(offering.name),))
    """By name."""
    NAME_DESC = SortOrder((ColumnRef(offering.name),), descending=True)
    """By name, backward."""
    TYPE_ASC = SortOrder((ColumnRef(offering.type),))
    """By type."""
    TYPE_DESC = SortOrder((ColumnRef(offering.type),), descending=True)
    """By type, backward."""
    STATE_ASC = SortOrder((ColumnRef(offering.state),))
    """By state, from draft to unavailable."""
    STATE_DESC = SortOrder((ColumnRef(offering.state),), descending=True)
    """By state, from unavailable to draft."""


@filter_input
class OfferingFilter:
    """Which offerings are wanted: those that meet all that is given; a null asks for nothing."""

    uuid: list[UUID] | None = filter_field(filter_column(in_values, offering.uuid))
    """One of these."""
    name: str | None = filter_field(filter_column(contains_text, offering.name), build_like_pattern)
    """The name has this in it, in upper or lower case."""
    name_exact: str | None = filter_field(filter_column(equals_value, offering.name))
    """The name is this."""
    slug: str | None = filter_field(filter_column(equals_value, offering.slug))
    """The slug is this."""
    description: str | None = filter_field(
        filter_column(contains_text, offering.description), build_like_pattern
    )
    """The description has this in it, in upper or lower case."""
    keyword: str | None = filter_field(
        any_predicate(
            filter_column(contains_text, offering.name),
            filter_column(contains_text, offering.description),
            filter_column(contains_text, customer.name, offering.customer_id),
        ),
        build_like_pattern,
    )
    """The name, the description or the provider's name has this in it, in any case."""
    attributes: JSON | None = filter_field(
        filter_column(json_filters.json_contains_all, offering.attributes), parse_attribute_filter
    )
    """Has all of these attributes: a list names values of which one is to be there."""
    type: list[str] | None = filter_field(filter_column(in_values, offering.type))
    """Of one of these types."""
    state: list[OfferingState] | None = filter_field(filter_column(in_values, offering.state))
    """In one of these states."""
    shared: bool | None = filter_field(filter_column(equals_value, offering.shared))
    """For everybody, or private."""
    billable: bool | None = filter_field(filter_column(equals_value, offering.billable))
    """Billed, or not."""
    category_uuid: UUID | None = filter_field(
        filter_column(equals_value, tables.category.c.uuid, offering.category_id)
    )
    """Of this category."""
    customer_uuid: UUID | None = filter_field(
        filter_column(equals_value, customer.uuid, offering.customer_id)
    )
    """Of this provider."""
    project_uuid: UUID | None = filter_field(
        filter_column(equals_value, project.uuid, offering.project_id)
    )
    """For this project."""
    parent_uuid: UUID | None = filter_field(
        filter_column(equals_value, offering.uuid, offering.parent_id)
    )
    """Belongs to this offering."""
    allowed_customer_uuid: UUID | None = filter_field(
        filter_column(relation_filters.is_allowed_for_customer, offering.id)
    )
    """Open to this customer: to everybody, to a group that it is in, or its own."""
    organization_group_uuid: UUID | None = filter_field(
        filter_column(relation_filters.in_organization_group, offering.id)
    )
    """For this group of organisations."""
    service_manager_uuid: UUID | None = filter_field(
        filter_column(relation_filters.has_manager, offering.id)
    )
    """For everybody, and managed by this user."""
    resource_customer_uuid: UUID | None = filter_field(
        relation_filters.has_visible_resources(customer.uuid, project.customer_id)
    )
    """Has resources of this customer that the viewer sees and that are not terminated."""
    resource_project_uuid: UUID | None = filter_field(
        relation_filters.has_visible_resources(project.uuid)
    )
    """Has resources in this project that the viewer sees and that are not terminated."""
    scope_uuid: UUID | None = filter_field(
        filter_column(relation_filters.has_service_settings, offering.id)
    )
    """Stands for these settings of a backend."""
    has_terms_of_service: bool | None = filter_field(
        filter_column(relation_filters.has_related_row(terms.offering_id), offering.id)
    )
    """Has terms of service, of any version, or has none."""
    has_active_terms_of_service: bool | None = filter_field(
        filter_column(
            relation_filters.has_related_row(terms.offering_id, terms.is_active), offering.id
        )
    )
    """Has terms of service that are in force, or has none."""
    user_has_consent: bool | None = filter_field(
        filter_column(relation_filters.has_viewer_consent, offering.id)
    )
    """Has terms that the viewer agreed to and has not revoked, or has not."""
    user_has_offering_user: bool | None = filter_field(
        filter_column(relation_filters.has_viewer_account, offering.id)
    )
    """Has an account of the viewer, or has none."""
    can_create_offering_user: bool | None = filter_field(
        filter_column(
            json_filters.is_json_true("service_provider_can_create_offering_user"),
            offering.plugin_options,
        )
    )
    """Lets its provider make accounts, or does not."""
    created: DateTime | None = filter_field(filter_column(at_least, offering.created))
    """Made then or later."""
    created_before: DateTime | None = filter_field(filter_column(at_most, offering.created))
    """Made then or earlier."""
    modified: DateTime | None = filter_field(filter_column(at_least, offering.modified))
    """Changed then or later."""
    modified_before: DateTime | None = filter_field(filter_column(at_most, offering.modified))
    """Changed then or earlier."""
