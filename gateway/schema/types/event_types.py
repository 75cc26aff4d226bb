"""The types of events by the subscriptions that send them."""

from collections.abc import Mapping

from gateway.schema.types.object_event import EventType
from gateway.schema.types.order_event import ORDER_EVENTS
from gateway.schema.types.resource_event import RESOURCE_EVENTS

EVENT_TYPES: Mapping[str, EventType] = {
    each.subscription_field: each for each in (RESOURCE_EVENTS, ORDER_EVENTS)
}
"""The types of events, by the field of the type Subscription."""
