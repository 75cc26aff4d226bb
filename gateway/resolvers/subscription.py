"""The root type of subscriptions.

Declares the fields only: `gateway.subscriptions` matches events with subscribers, and has the
selection of each event executed.
"""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import strawberry

from gateway.schema.framework.errors import BadInputError
from gateway.schema.framework.publish import object_type
from gateway.schema.types.object_event import EventType
from gateway.schema.types.order_event import ORDER_EVENTS, OrderEventFilter
from gateway.schema.types.resource_event import RESOURCE_EVENTS, ResourceEventFilter

AfterArgument = Annotated[
    str | None,
    strawberry.argument(
        description="Cursor of the last event received, or that of a query such as"
        " `resourceEventsCursor` or `orderEventsCursor`: the events since then are delivered first."
        " Null for new events only."
    ),
]
ConfirmStartArgument = Annotated[
    bool,
    strawberry.argument(
        description="Whether the first message is `SubscriptionStarted`, whose cursor a client can"
        " continue from before it has received an event."
    ),
]


def declare_subscription(event_type: EventType, filter_type: type) -> Any:
    """Return a subscription to the events of a type, with a filter of that type."""
    message_type: Any = event_type.message_type

    async def refuse_execution(
        event_filter: Any = strawberry.UNSET,
        after: AfterArgument = strawberry.UNSET,
        *,
        confirm_start: ConfirmStartArgument = False,
    ) -> AsyncIterator[Any]:
        del event_filter, after, confirm_start
        raise BadInputError("Subscriptions require a WebSocket or an HTTP event stream.")
        yield

    filter_argument = strawberry.argument(
        name="filter", description="Filter of events; null for all events."
    )
    refuse_execution.__annotations__ |= {
        "event_filter": Annotated[filter_type | None, filter_argument],
        "return": AsyncIterator[message_type],
    }
    return strawberry.subscription(resolver=refuse_execution)


@object_type
class Subscription:
    """Events that are pushed to clients as they happen."""

    resource_changed = declare_subscription(RESOURCE_EVENTS, ResourceEventFilter)
    """Changes of the resources that are visible to the viewer, in the order of their transactions.

    Each event is delivered once. Changes of other objects are not events: see `orderChanged` for
    those of orders.
    """
    order_changed = declare_subscription(ORDER_EVENTS, OrderEventFilter)
    """Changes of the orders that the viewer may list, in the order of their transactions.

    Each event is delivered once. The viewer may list an order as for `Query.orders`, as a consumer
    or as a provider. Changes of other objects, such as the order's resource, are not events.
    """
