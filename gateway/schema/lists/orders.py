"""How lists of orders are narrowed and sorted; the names are REST's."""

from enum import Enum

from gateway.db import tables
from gateway.db.query_spec import ColumnRef, SortOrder
from gateway.db.sql.filters import (
    at_least,
    build_like_pattern,
    contains_text,
    equals_value,
    filter_column,
    in_values,
)
from gateway.schema.enums import OrderState, OrderType
from gateway.schema.framework.filters import filter_field, filter_input
from gateway.schema.framework.publish import enum
from gateway.schema.framework.scalars import UUID, DateTime

order, offering, project = tables.order.c, tables.offering.c, tables.project.c


@enum
class OrderOrder(Enum):
    """What orders are sorted by; without a value come last, or first downward."""

    CREATED_ASC = SortOrder((ColumnRef(order.created),))
    """The oldest first."""
    CREATED_DESC = SortOrder((ColumnRef(order.created),), descending=True)
    """The newest first."""
    CONSUMER_REVIEWED_AT_ASC = SortOrder((ColumnRef(order.consumer_reviewed_at),))
    """The first to be reviewed by those who pay."""
    CONSUMER_REVIEWED_AT_DESC = SortOrder((ColumnRef(order.consumer_reviewed_at),), descending=True)
    """Those not reviewed by those who pay, then the last to be."""
    COST_ASC = SortOrder((ColumnRef(order.cost),))
    """The cheapest first."""
    COST_DESC = SortOrder((ColumnRef(order.cost),), descending=True)
    """Those without a cost, then the dearest."""
    STATE_ASC = SortOrder((ColumnRef(order.state),))
    """By state, in the order in which Waldur numbers them."""
    STATE_DESC = SortOrder((ColumnRef(order.state),), descending=True)
    """By state, backward."""


@filter_input
class OrderFilter:
    """Which orders are wanted: those that meet all that is given; a null asks for nothing."""

    uuid: list[UUID] | None = filter_field(filter_column(in_values, order.uuid))
    """One of these."""
    state: list[OrderState] | None = filter_field(filter_column(in_values, order.state))
    """In one of these states."""
    type: list[OrderType] | None = filter_field(filter_column(in_values, order.type))
    """Of one of these types."""
    created: DateTime | None = filter_field(filter_column(at_least, order.created))
    """Made then or later."""
    modified: DateTime | None = filter_field(filter_column(at_least, order.modified))
    """Changed then or later."""
    resource_uuid: UUID | None = filter_field(
        filter_column(equals_value, tables.resource.c.uuid, order.resource_id)
    )
    """For this resource."""
    resource_name: str | None = filter_field(
        filter_column(contains_text, tables.resource.c.name, order.resource_id), build_like_pattern
    )
    """The resource's name has this in it, in upper or lower case."""
    offering_uuid: list[UUID] | None = filter_field(
        filter_column(in_values, offering.uuid, order.offering_id)
    )
    """Of one of these offerings."""
    offering_slug: list[str] | None = filter_field(
        filter_column(in_values, offering.slug, order.offering_id)
    )
    """Of an offering with one of these slugs."""
    offering_type: list[str] | None = filter_field(
        filter_column(in_values, offering.type, order.offering_id)
    )
    """Of an offering of one of these types."""
    parent_offering_uuid: UUID | None = filter_field(
        filter_column(equals_value, offering.uuid, order.offering_id, offering.parent_id)
    )
    """Of an offering that belongs to this one."""
    project_uuid: UUID | None = filter_field(
        filter_column(equals_value, project.uuid, order.project_id)
    )
    """In this project."""
    customer_uuid: UUID | None = filter_field(
        filter_column(equals_value, tables.customer.c.uuid, order.project_id, project.customer_id)
    )
    """In a project of this customer."""
    provider_uuid: UUID | None = filter_field(
        filter_column(equals_value, tables.customer.c.uuid, order.offering_id, offering.customer_id)
    )
    """Of an offering of this provider."""
    category_uuid: UUID | None = filter_field(
        filter_column(equals_value, tables.category.c.uuid, order.offering_id, offering.category_id)
    )
    """Of an offering of this category."""
