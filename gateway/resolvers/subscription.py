"""Where subscriptions start. `gateway.subscriptions` delivers; nothing is resolved before."""

from collections.abc import AsyncIterator
from typing import Annotated

import strawberry

from gateway.schema.framework.errors import BadInputError
from gateway.schema.framework.publish import object_type
from gateway.schema.types.resource_event import ResourceChange, ResourceEventFilter

EventFilterArgument = Annotated[
    ResourceEventFilter | None,
    strawberry.argument(name="filter", description="Which events are wanted; all, without it."),
]
AfterArgument = Annotated[
    str | None,
    strawberry.argument(
        description="The cursor of the last event that was received: what came since comes first."
    ),
]


async def _refuse_execution(
    event_filter: EventFilterArgument = strawberry.UNSET, after: AfterArgument = strawberry.UNSET
) -> AsyncIterator[ResourceChange]:
    del event_filter, after
    raise BadInputError("Subscriptions are delivered by transports.")
    yield


@object_type
class Subscription:
    """What one can be told of as it happens."""

    resource_changed = strawberry.subscription(resolver=_refuse_execution)
    """The changes of the resources that the viewer sees, in the order of their transactions."""
