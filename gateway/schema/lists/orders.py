"""How lists of orders are narrowed and sorted; the names are REST's."""

from enum import Enum

from gateway.db import tables
from gateway.db.query_spec import At, Order
from gateway.db.sql.filters import among, at_least, contains, equal, pattern, where
from gateway.schema.enums import OrderState, OrderType
from gateway.schema.framework.filters import asked_for, filtered_by
from gateway.schema.framework.publish import named
from gateway.schema.framework.scalars import UUID, DateTime

order, offering, project = tables.order.c, tables.offering.c, tables.project.c


@named
class OrderOrder(Enum):
    """What orders are sorted by; without a value come last, or first downward."""

    CREATED_ASC = Order((At(order.created),))
    """The oldest first."""
    CREATED_DESC = Order((At(order.created),), descending=True)
    """The newest first."""
    CONSUMER_REVIEWED_AT_ASC = Order((At(order.consumer_reviewed_at),))
    """The first to be reviewed by those who pay."""
    CONSUMER_REVIEWED_AT_DESC = Order((At(order.consumer_reviewed_at),), descending=True)
    """Those not reviewed by those who pay, then the last to be."""
    COST_ASC = Order((At(order.cost),))
    """The cheapest first."""
    COST_DESC = Order((At(order.cost),), descending=True)
    """Those without a cost, then the dearest."""
    STATE_ASC = Order((At(order.state),))
    """By state, in the order in which Waldur numbers them."""
    STATE_DESC = Order((At(order.state),), descending=True)
    """By state, backward."""


@asked_for
class OrderFilter:
    """Which orders are wanted: those that meet all that is given; a null asks for nothing."""

    uuid: list[UUID] | None = filtered_by(where(among, order.uuid))
    """One of these."""
    state: list[OrderState] | None = filtered_by(where(among, order.state))
    """In one of these states."""
    type: list[OrderType] | None = filtered_by(where(among, order.type))
    """Of one of these types."""
    created: DateTime | None = filtered_by(where(at_least, order.created))
    """Made then or later."""
    modified: DateTime | None = filtered_by(where(at_least, order.modified))
    """Changed then or later."""
    resource_uuid: UUID | None = filtered_by(
        where(equal, tables.resource.c.uuid, order.resource_id)
    )
    """For this resource."""
    resource_name: str | None = filtered_by(
        where(contains, tables.resource.c.name, order.resource_id), pattern
    )
    """The resource's name has this in it, in upper or lower case."""
    offering_uuid: list[UUID] | None = filtered_by(where(among, offering.uuid, order.offering_id))
    """Of one of these offerings."""
    offering_slug: list[str] | None = filtered_by(where(among, offering.slug, order.offering_id))
    """Of an offering with one of these slugs."""
    offering_type: list[str] | None = filtered_by(where(among, offering.type, order.offering_id))
    """Of an offering of one of these types."""
    parent_offering_uuid: UUID | None = filtered_by(
        where(equal, offering.uuid, order.offering_id, offering.parent_id)
    )
    """Of an offering that belongs to this one."""
    project_uuid: UUID | None = filtered_by(where(equal, project.uuid, order.project_id))
    """In this project."""
    customer_uuid: UUID | None = filtered_by(
        where(equal, tables.customer.c.uuid, order.project_id, project.customer_id)
    )
    """In a project of this customer."""
    provider_uuid: UUID | None = filtered_by(
        where(equal, tables.customer.c.uuid, order.offering_id, offering.customer_id)
    )
    """Of an offering of this provider."""
    category_uuid: UUID | None = filtered_by(
        where(equal, tables.category.c.uuid, order.offering_id, offering.category_id)
    )
    """Of an offering of this category."""
