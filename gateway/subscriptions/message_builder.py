"""From an event to the message that tells of it, as one viewer is to read it."""

import asyncio
from collections.abc import Callable
from datetime import UTC

from gateway.db.access.viewer import Viewer
from gateway.db.events.feed import EventPosition, FeedEvent
from gateway.execution.errors import ErrorCode
from gateway.execution.executor import Executor, GraphQLResult, encode_json
from gateway.execution.subscription import PreparedSubscription
from gateway.marketplace.states import ResourceState
from gateway.schema.framework.context import RequestContext
from gateway.schema.framework.scalars import UUID, DateTime
from gateway.schema.types.resource_event import (
    UUID_ONLY_KINDS,
    ResourceEvent,
    ResourceEventKind,
    ResyncReason,
    ResyncRequired,
    published_field_names,
)
from gateway.subscriptions.cursors import encode_event_cursor as cursor
from gateway.subscriptions.subscriber_queue import SubscriberMessage

MAX_QUERY_ATTEMPTS, RETRY_DELAY_SECONDS = 5, 0.4
"""How often a resource is asked for while the database is away, and seconds between."""
MAX_CONCURRENT_QUERIES = 16
"""So many resources are asked for at a time: queries are to have their turns, too."""
MAX_CACHED_MESSAGES = 1000
"""So many messages without a resource are kept for others who are told the same."""
ContextFactory = Callable[[Viewer], RequestContext]
"""Makes what an operation of a viewer is executed with."""


class MessageBuilder:
    """Writes messages of the events of one source."""

    def __init__(
        self, executor: Executor, create_context: ContextFactory, source_name: Callable[[], str]
    ) -> None:
        """Answer what is asked of resources; cursors name the `source`."""
        self._executor, self._create_context, self._source_name = (
            executor,
            create_context,
            source_name,
        )
        self._message_cache: dict[object, SubscriberMessage] = {}
        self._query_slots = asyncio.Semaphore(MAX_CONCURRENT_QUERIES)

    async def build_message(
        self,
        subscription: PreparedSubscription,
        event: FeedEvent,
        kind: ResourceEventKind,
        viewer: Viewer,
    ) -> SubscriberMessage:
        """Tell a viewer of an event, as one of that kind.

        What is told without a resource is written once for all who ask alike.
        """
        resource_event = self._build_event(event, kind)
        if subscription.build_resource_request(resource_event) is not None:
            async with self._query_slots:
                return SubscriberMessage(
                    await self._execute_event(subscription, resource_event, viewer),
                    resource_event.cursor,
                )
        cache_key = subscription.sharing_key, event.position, kind
        if cache_key not in self._message_cache:
            if len(self._message_cache) >= MAX_CACHED_MESSAGES:
                self._message_cache.clear()
            data = {"data": subscription.build_event_data(resource_event, {})}
            self._message_cache[cache_key] = SubscriberMessage(
                encode_json(data), resource_event.cursor
            )
        return self._message_cache[cache_key]

    def build_resync(
        self, subscription: PreparedSubscription, reason: ResyncReason, position: EventPosition
    ) -> SubscriberMessage:
        """Tell that events up to a position may have been missed."""
        resync_required = ResyncRequired(
            reason=reason, cursor=cursor(self._source_name(), position)
        )
        return SubscriberMessage(
            encode_json({"data": subscription.build_event_data(resync_required, {})}),
            resync_required.cursor,
        )

    def _build_event(self, event: FeedEvent, kind: ResourceEventKind) -> ResourceEvent:
        is_visible = kind not in UUID_ONLY_KINDS
        was_visible = is_visible and kind is not ResourceEventKind.CREATED
        at = event.occurred_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f+00")
        return ResourceEvent(
            cursor=cursor(self._source_name(), event.position),
            at=DateTime(at),
            kind=kind,
            previous_state=_get_state(event.old_state) if was_visible else None,
            state=_get_state(event.new_state) if is_visible else None,
            changed_fields=published_field_names(event.changed_columns) if was_visible else [],
            uuid=UUID(event.resource_uuid.replace("-", "")),
        )

    async def _execute_event(
        self, subscription: PreparedSubscription, resource_event: ResourceEvent, viewer: Viewer
    ) -> bytes:
        """Give the response; while the database is away, wait some seconds for it."""
        result = await self._executor.execute_event(
            subscription, resource_event, self._create_context(viewer)
        )
        for _ in range(MAX_QUERY_ATTEMPTS):
            if not _is_unavailable(result):
                break
            await asyncio.sleep(RETRY_DELAY_SECONDS)
            result = await self._executor.execute_event(
                subscription, resource_event, self._create_context(viewer)
            )
        return result.encode()


def _get_state(code: int | None) -> ResourceState | None:
    """Give the state that a code stands for, if it is known."""
    return _STATES_BY_CODE.get(code or 0)


_STATES_BY_CODE = {each.value: each for each in ResourceState}


def _is_unavailable(result: GraphQLResult) -> bool:
    errors = result.response.get("errors", ())
    return any(each["extensions"].get("code") == ErrorCode.UNAVAILABLE for each in errors)
