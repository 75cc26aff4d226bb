"""Filter and sort orders of lists of orders; filter fields have the names of REST."""

from enum import Enum

from gateway.db import tables
from gateway.db.query_spec import ColumnRef, SortOrder
from gateway.db.sql.filters import (
    at_least,
    build_like_pattern,
    contains_short_text,
    contains_text,
    equals_value,
    filter_column,
    in_values,
    strip_texts,
)
from gateway.schema.enums import OrderState, OrderType
from gateway.schema.framework.filters import filter_field, filter_input
from gateway.schema.framework.publish import enum
from gateway.schema.framework.scalars import UUID, DateTime

order, offering, project = tables.order.c, tables.offering.c, tables.project.c


@enum
class OrderOrder(Enum):
    """Sort order of orders.

    Objects without a value are last in ascending and first in descending order.
    """

    CREATED_ASC = SortOrder((ColumnRef(order.created),))
    """Oldest first."""
    CREATED_DESC = SortOrder((ColumnRef(order.created),), descending=True)
    """Newest first."""
    CONSUMER_REVIEWED_AT_ASC = SortOrder((ColumnRef(order.consumer_reviewed_at),))
    """Earliest review by the consumer first."""
    CONSUMER_REVIEWED_AT_DESC = SortOrder((ColumnRef(order.consumer_reviewed_at),), descending=True)
    """Objects without a review by the consumer first, then latest review first."""
    COST_ASC = SortOrder((ColumnRef(order.cost),))
    """Lowest cost first."""
    COST_DESC = SortOrder((ColumnRef(order.cost),), descending=True)
    """Objects without a cost first, then highest cost first."""
    STATE_ASC = SortOrder((ColumnRef(order.state),))
    """By state, in the order of `OrderState`."""
    STATE_DESC = SortOrder((ColumnRef(order.state),), descending=True)
    """By state, in reverse order of `OrderState`."""


@filter_input
class OrderFilter:
    """Filter of orders: all conditions must hold; nulls and blank texts are ignored.

    Spaces around a text are ignored, too. A list matches if one of its elements does; an empty list
    matches nothing.
    """

    uuid: list[UUID] | None = filter_field(filter_column(in_values, order.uuid))
    """The UUID is one of these."""
    state: list[OrderState] | None = filter_field(filter_column(in_values, order.state))
    """The state is one of these."""
    type: list[OrderType] | None = filter_field(filter_column(in_values, order.type))
    """The type is one of these."""
    created: DateTime | None = filter_field(filter_column(at_least, order.created))
    """Lower bound: created at this time or later."""
    modified: DateTime | None = filter_field(filter_column(at_least, order.modified))
    """Lower bound: last modified at this time or later."""
    resource_uuid: UUID | None = filter_field(
        filter_column(equals_value, tables.resource.c.uuid, order.resource_id)
    )
    """The order is for the resource with this UUID."""
    resource_name: str | None = filter_field(
        filter_column(contains_text, tables.resource.c.name, order.resource_id),
        build_like_pattern,
        filter_column(contains_short_text, tables.resource.c.name, order.resource_id),
    )
    """The resource's name contains this text; case-insensitive."""
    offering_uuid: list[UUID] | None = filter_field(
        filter_column(in_values, offering.uuid, order.offering_id)
    )
    """The offering's UUID is one of these."""
    offering_slug: list[str] | None = filter_field(
        filter_column(in_values, offering.slug, order.offering_id), strip_texts
    )
    """The offering's slug is one of these."""
    offering_type: list[str] | None = filter_field(
        filter_column(in_values, offering.type, order.offering_id)
    )
    """The offering's type is one of these."""
    parent_offering_uuid: UUID | None = filter_field(
        filter_column(equals_value, offering.uuid, order.offering_id, offering.parent_id)
    )
    """The offering is a child of the offering with this UUID."""
    project_uuid: UUID | None = filter_field(
        filter_column(equals_value, project.uuid, order.project_id)
    )
    """The project has this UUID."""
    customer_uuid: UUID | None = filter_field(
        filter_column(equals_value, tables.customer.c.uuid, order.project_id, project.customer_id)
    )
    """The project belongs to the organisation with this UUID."""
    provider_uuid: UUID | None = filter_field(
        filter_column(equals_value, tables.customer.c.uuid, order.offering_id, offering.customer_id)
    )
    """The offering is provided by the organisation with this UUID."""
    category_uuid: UUID | None = filter_field(
        filter_column(equals_value, tables.category.c.uuid, order.offering_id, offering.category_id)
    )
    """The offering's category has this UUID."""
