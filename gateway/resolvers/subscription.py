"""Where subscriptions start. `gateway.subscriptions` delivers; nothing is resolved before."""

from collections.abc import AsyncIterator
from typing import Annotated

import strawberry

from gateway.schema.framework.errors import BadInputError
from gateway.schema.framework.publish import published
from gateway.schema.types.resource_event import ResourceChange, ResourceEventFilter

Wanted = Annotated[
    ResourceEventFilter | None,
    strawberry.argument(name="filter", description="Which events are wanted; all, without it."),
]
After = Annotated[
    str | None,
    strawberry.argument(
        description="The cursor of the last event that was received: what came since comes first."
    ),
]


async def _resource_changed(
    wanted: Wanted = strawberry.UNSET, after: After = strawberry.UNSET
) -> AsyncIterator[ResourceChange]:
    del wanted, after
    raise BadInputError("Subscriptions are delivered by transports.")
    yield


@published
class Subscription:
    """What one can be told of as it happens."""

    resource_changed = strawberry.subscription(resolver=_resource_changed)
    """The changes of the resources that the viewer sees, in the order of their transactions."""
