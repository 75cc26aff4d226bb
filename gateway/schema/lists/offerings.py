"""How lists of offerings are narrowed and sorted; the names are REST's."""

from enum import Enum

from gateway.db import tables
from gateway.db.query_spec import At, Order
from gateway.db.sql import json_filters, relation_filters
from gateway.db.sql.filters import among, at_least, at_most, contains, either, equal, pattern, where
from gateway.schema.framework.filters import asked_for, filtered_by
from gateway.schema.framework.publish import named
from gateway.schema.framework.scalars import JSON, UUID, DateTime
from gateway.schema.lists.attribute_filter import wanted_attributes

offering, customer, project = tables.offering.c, tables.customer.c, tables.project.c
terms = tables.terms_of_service.c


@named
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


@named
class OfferingOrder(Enum):
    """What offerings are sorted by."""

    CREATED_ASC = Order((At(offering.created),))
    """The oldest first."""
    CREATED_DESC = Order((At(offering.created),), descending=True)
    """The newest first."""
    NAME_ASC = Order((At(offering.name),))
    """By name."""
    NAME_DESC = Order((At(offering.name),), descending=True)
    """By name, backward."""
    TYPE_ASC = Order((At(offering.type),))
    """By type."""
    TYPE_DESC = Order((At(offering.type),), descending=True)
    """By type, backward."""
    STATE_ASC = Order((At(offering.state),))
    """By state, from draft to unavailable."""
    STATE_DESC = Order((At(offering.state),), descending=True)
    """By state, from unavailable to draft."""


@asked_for
class OfferingFilter:
    """Which offerings are wanted: those that meet all that is given; a null asks for nothing."""

    uuid: list[UUID] | None = filtered_by(where(among, offering.uuid))
    """One of these."""
    name: str | None = filtered_by(where(contains, offering.name), pattern)
    """The name has this in it, in upper or lower case."""
    name_exact: str | None = filtered_by(where(equal, offering.name))
    """The name is this."""
    slug: str | None = filtered_by(where(equal, offering.slug))
    """The slug is this."""
    description: str | None = filtered_by(where(contains, offering.description), pattern)
    """The description has this in it, in upper or lower case."""
    keyword: str | None = filtered_by(
        either(
            where(contains, offering.name),
            where(contains, offering.description),
            where(contains, customer.name, offering.customer_id),
        ),
        pattern,
    )
    """The name, the description or the provider's name has this in it, in any case."""
    attributes: JSON | None = filtered_by(
        where(json_filters.all_in, offering.attributes), wanted_attributes
    )
    """Has all of these attributes: a list names values of which one is to be there."""
    type: list[str] | None = filtered_by(where(among, offering.type))
    """Of one of these types."""
    state: list[OfferingState] | None = filtered_by(where(among, offering.state))
    """In one of these states."""
    shared: bool | None = filtered_by(where(equal, offering.shared))
    """For everybody, or private."""
    billable: bool | None = filtered_by(where(equal, offering.billable))
    """Billed, or not."""
    category_uuid: UUID | None = filtered_by(
        where(equal, tables.category.c.uuid, offering.category_id)
    )
    """Of this category."""
    customer_uuid: UUID | None = filtered_by(where(equal, customer.uuid, offering.customer_id))
    """Of this provider."""
    project_uuid: UUID | None = filtered_by(where(equal, project.uuid, offering.project_id))
    """For this project."""
    parent_uuid: UUID | None = filtered_by(where(equal, offering.uuid, offering.parent_id))
    """Belongs to this offering."""
    allowed_customer_uuid: UUID | None = filtered_by(where(relation_filters.allowed, offering.id))
    """Open to this customer: to everybody, to a group that it is in, or its own."""
    organization_group_uuid: UUID | None = filtered_by(where(relation_filters.grouped, offering.id))
    """For this group of organisations."""
    service_manager_uuid: UUID | None = filtered_by(where(relation_filters.managed, offering.id))
    """For everybody, and managed by this user."""
    resource_customer_uuid: UUID | None = filtered_by(
        relation_filters.used_in(customer.uuid, project.customer_id)
    )
    """Has resources of this customer that the viewer sees and that are not terminated."""
    resource_project_uuid: UUID | None = filtered_by(relation_filters.used_in(project.uuid))
    """Has resources in this project that the viewer sees and that are not terminated."""
    scope_uuid: UUID | None = filtered_by(where(relation_filters.set_up_by, offering.id))
    """Stands for these settings of a backend."""
    has_terms_of_service: bool | None = filtered_by(
        where(relation_filters.related(terms.offering_id), offering.id)
    )
    """Has terms of service, of any version, or has none."""
    has_active_terms_of_service: bool | None = filtered_by(
        where(relation_filters.related(terms.offering_id, terms.is_active), offering.id)
    )
    """Has terms of service that are in force, or has none."""
    user_has_consent: bool | None = filtered_by(where(relation_filters.agreed, offering.id))
    """Has terms that the viewer agreed to and has not revoked, or has not."""
    user_has_offering_user: bool | None = filtered_by(
        where(relation_filters.known_there, offering.id)
    )
    """Has an account of the viewer, or has none."""
    can_create_offering_user: bool | None = filtered_by(
        where(
            json_filters.is_true("service_provider_can_create_offering_user"),
            offering.plugin_options,
        )
    )
    """Lets its provider make accounts, or does not."""
    created: DateTime | None = filtered_by(where(at_least, offering.created))
    """Made then or later."""
    created_before: DateTime | None = filtered_by(where(at_most, offering.created))
    """Made then or earlier."""
    modified: DateTime | None = filtered_by(where(at_least, offering.modified))
    """Changed then or later."""
    modified_before: DateTime | None = filtered_by(where(at_most, offering.modified))
    """Changed then or earlier."""
