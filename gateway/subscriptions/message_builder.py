"""Message builder: from an event of the feed to the encoded message for a viewer."""

import asyncio
from collections.abc import Callable
from weakref import WeakValueDictionary

from gateway.db.access.viewer import Viewer
from gateway.db.events.feed import EventPosition, FeedEvent
from gateway.db.tables.codes import EventKind
from gateway.error_table import ErrorCode
from gateway.exact_json import encode_json
from gateway.execution.executor import Executor, GraphQLResult
from gateway.execution.subscription import PreparedSubscription
from gateway.fairness.current_client import ClientKey, get_current_client
from gateway.marketplace.requester import Requester
from gateway.schema.framework.context import RequestContext
from gateway.schema.framework.event_cursors import encode_event_cursor
from gateway.schema.types.object_event import (
    ObjectEvent,
    ResyncReason,
    ResyncRequired,
    SubscriptionStarted,
)
from gateway.subscriptions.subscriber import SubscriberMessage

MAX_QUERY_ATTEMPTS, RETRY_DELAY_SECONDS = 5, 0.4
"""Maximum number of repeated queries while the database is not available; seconds between them."""
MAX_CONCURRENT_QUERIES = 16
"""Maximum number of concurrent queries for events, so that clients' queries get connections."""
MAX_CLIENT_QUERIES = 4
"""Maximum number of concurrent queries for the events of one client's subscriptions."""
MAX_CACHED_MESSAGES = 1000
"""Maximum number of cached messages."""
ContextFactory = Callable[[Requester], RequestContext]
"""Creates the context of one operation."""


class MessageBuilder:
    """Builder of the messages of one event source.

    A message is a complete GraphQL response. The event's own fields are encoded from the
    event. If the subscription selects fields of the object, these are read by a query on the
    viewer's behalf, at most MAX_CONCURRENT_QUERIES at a time, and MAX_CLIENT_QUERIES of the
    client whose subscription was the first one of its group; so the object is the current
    one, and not the one at the time of the event. Messages without an object are the same for
    all viewers to whom the event has the same kind, and are cached for them.
    """

    def __init__(
        self, executor: Executor, create_context: ContextFactory, source_name: Callable[[], str]
    ) -> None:
        """Query objects by `executor`; `source_name` returns the source's name in cursors."""
        self._executor, self._create_context = executor, create_context
        self._source_name = source_name
        self._message_cache: dict[object, SubscriberMessage] = {}
        self._query_slots = asyncio.Semaphore(MAX_CONCURRENT_QUERIES)
        self._client_slots: WeakValueDictionary[ClientKey | None, asyncio.Semaphore] = (
            WeakValueDictionary()
        )

    async def build_message(
        self,
        subscription: PreparedSubscription,
        event: FeedEvent,
        kind: EventKind,
        viewer: Viewer,
    ) -> SubscriberMessage:
        """Return the message for an event of that kind to a viewer."""
        cursor = encode_event_cursor(self._source_name(), event.position)
        object_event = subscription.event_type.build_event(event, kind, cursor)
        if subscription.build_object_operation(object_event) is not None:
            async with self._get_client_slots(), self._query_slots:
                return SubscriberMessage(
                    await self._execute_event(subscription, object_event, viewer),
                    object_event.cursor,
                )
        cache_key = subscription.sharing_key, self._source_name(), event.position, kind
        if cache_key not in self._message_cache:
            if len(self._message_cache) >= MAX_CACHED_MESSAGES:
                self._message_cache.clear()
            data = {"data": subscription.build_event_data(object_event, {})}
            self._message_cache[cache_key] = SubscriberMessage(
                encode_json(data), object_event.cursor
            )
        return self._message_cache[cache_key]

    def _get_client_slots(self) -> asyncio.Semaphore:
        """Return the slots of the client that the current task works for."""
        client = get_current_client()
        return self._client_slots.setdefault(client, asyncio.Semaphore(MAX_CLIENT_QUERIES))

    def build_resync(
        self, subscription: PreparedSubscription, reason: ResyncReason, position: EventPosition
    ) -> SubscriberMessage:
        """Return the message `ResyncRequired`: events up to `position` may have been missed."""
        return self._build_notice(
            subscription, lambda cursor: ResyncRequired(reason=reason, cursor=cursor), position
        )

    def build_start(
        self, subscription: PreparedSubscription, position: EventPosition
    ) -> SubscriberMessage:
        """Return the message `SubscriptionStarted`: the events after `position` follow."""
        return self._build_notice(
            subscription, lambda cursor: SubscriptionStarted(cursor=cursor), position
        )

    def _build_notice(
        self,
        subscription: PreparedSubscription,
        create_notice: Callable[[str], ResyncRequired | SubscriptionStarted],
        position: EventPosition,
    ) -> SubscriberMessage:
        """Return a message that is not about an object; `create_notice` gets its cursor."""
        cursor = encode_event_cursor(self._source_name(), position)
        data = subscription.build_event_data(create_notice(cursor), {})
        return SubscriberMessage(encode_json({"data": data}), cursor)

    async def _execute_event(
        self, subscription: PreparedSubscription, object_event: ObjectEvent, viewer: Viewer
    ) -> bytes:
        """Return the encoded response; retry while the database is not available.

        After MAX_QUERY_ATTEMPTS retries the response has the error UNAVAILABLE.
        """
        result = await self._executor.execute_event(
            subscription, object_event, self._create_context(Requester(viewer))
        )
        for _ in range(MAX_QUERY_ATTEMPTS):
            if not _is_unavailable(result):
                break
            await asyncio.sleep(RETRY_DELAY_SECONDS)
            result = await self._executor.execute_event(
                subscription, object_event, self._create_context(Requester(viewer))
            )
        return result.encode()


def _is_unavailable(result: GraphQLResult) -> bool:
    errors = result.response.get("errors", ())
    return any(each["extensions"].get("code") == ErrorCode.UNAVAILABLE for each in errors)
