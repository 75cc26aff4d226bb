"""Events of the subscription `orderChanged`: changes of orders."""

from enum import StrEnum

import strawberry

from gateway.db.events.tracked_tables import ORDERS
from gateway.db.tables.codes import EventKind
from gateway.schema.enums import OrderState, OrderType
from gateway.schema.framework.publish import enum, input_type, object_type
from gateway.schema.framework.scalars import UUID
from gateway.schema.types.object_event import (
    EventType,
    ObjectEvent,
    declare_object,
)
from gateway.schema.types.order import Order


@enum
class OrderEventKind(StrEnum):
    """What happened to an order, from the viewer's perspective."""

    CREATED = EventKind.CREATED
    """The order was placed, or became visible to the viewer."""
    STATE_CHANGED = EventKind.STATE_CHANGED
    """The state changed, perhaps other fields as well."""
    UPDATED = EventKind.UPDATED
    """Fields other than the state changed."""
    HIDDEN = EventKind.HIDDEN
    """The order is no longer visible to the viewer, for example after a move of its resource."""
    DELETED = EventKind.DELETED
    """The order's record was deleted."""


@input_type
class OrderEventFilter:
    """Filter of events: all conditions must hold; null conditions are ignored.

    A list matches if one of its elements does; an empty list matches nothing. If the resource of an
    order moves, its project and organisation before and after the move both match, as far as the
    order was or is visible to the viewer.
    """

    uuids: list[UUID] | None = strawberry.UNSET
    """The order's UUID is one of these, at most 300."""
    project: UUID | None = strawberry.UNSET
    """The order belongs, or belonged before the change, to the project with this UUID."""
    customer: UUID | None = strawberry.UNSET
    """The order belongs, or belonged before the change, to a project of this organisation.

    The value is the UUID of the organisation.
    """
    offering: UUID | None = strawberry.UNSET
    """The order is for the offering with this UUID, or was before the change."""
    resource: UUID | None = strawberry.UNSET
    """The order is for the resource with this UUID."""
    states: list[OrderState] | None = strawberry.UNSET
    """The order's state after the change is one of these.

    For events of kind `HIDDEN` or `DELETED` it is the last state before.
    """
    types: list[OrderType] | None = strawberry.UNSET
    """The order's type is one of these."""
    kinds: list[OrderEventKind] | None = strawberry.UNSET
    """The event's kind is one of these."""


@object_type
class OrderEvent(ObjectEvent):
    """A change of an order."""

    kind: EventKind = strawberry.field(graphql_type=OrderEventKind)
    """What happened to the order."""
    previous_state: OrderState | None
    """State before the change.

    Null if it is unknown, or if the order was not visible to the viewer before.
    """
    state: OrderState | None
    """State after the change; null for events of kind `HIDDEN` or `DELETED`."""
    changed_fields: list[str]
    """Names of the fields of Order that changed, such as `providerMessage`.

    Empty for events of kind `CREATED`, `HIDDEN` or `DELETED`.
    """
    uuid: UUID
    """UUID of the order."""
    order: Order | None = declare_object(Order)
    """The order at the time of delivery, which may be later than the event.

    Null for events of kind `HIDDEN` or `DELETED`, or if it is not visible to the viewer.
    """


ORDER_EVENTS = EventType(ORDERS, OrderEvent, Order)
