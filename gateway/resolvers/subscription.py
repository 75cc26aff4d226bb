"""The root type of subscriptions.

Declares the fields only: `gateway.subscriptions` matches events with subscribers, and has the
selection of each event executed.
"""

from collections.abc import AsyncIterator
from typing import Annotated

import strawberry

from gateway.schema.framework.errors import BadInputError
from gateway.schema.framework.publish import object_type
from gateway.schema.types.resource_event import ResourceChange, ResourceEventFilter

EventFilterArgument = Annotated[
    ResourceEventFilter | None,
    strawberry.argument(name="filter", description="Filter of events; null for all events."),
]
AfterArgument = Annotated[
    str | None,
    strawberry.argument(
        description="Cursor of the last event received: the events since then are delivered first."
        " Null for new events only."
    ),
]


async def _refuse_execution(
    event_filter: EventFilterArgument = strawberry.UNSET, after: AfterArgument = strawberry.UNSET
) -> AsyncIterator[ResourceChange]:
    del event_filter, after
    raise BadInputError("Subscriptions require a WebSocket or an HTTP event stream.")
    yield


@object_type
class Subscription:
    """Events that are pushed to clients as they happen."""

    resource_changed = strawberry.subscription(resolver=_refuse_execution)
    """Changes of the resources that are visible to the viewer, in the order of their transactions.

    Each event is delivered once. Changes of other objects, such as orders, are not events.
    """
