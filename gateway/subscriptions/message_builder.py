"""Message builder: from an event of the feed to the encoded message for a viewer."""

import asyncio
from collections.abc import Callable
from datetime import UTC
from weakref import WeakValueDictionary

from gateway.db.access.viewer import Viewer
from gateway.db.events.feed import EventPosition, FeedEvent
from gateway.db.tables.codes import ResourceEventKind, ResourceState
from gateway.error_table import ErrorCode
from gateway.exact_json import encode_json
from gateway.execution.executor import Executor, GraphQLResult
from gateway.execution.subscription import PreparedSubscription
from gateway.fairness.current_client import ClientKey, get_current_client
from gateway.schema.framework.context import RequestContext
from gateway.schema.framework.scalars import UUID, DateTime
from gateway.schema.types.resource_event import (
    ResourceEvent,
    ResyncReason,
    ResyncRequired,
    published_field_names,
)
from gateway.subscriptions.cursors import encode_event_cursor
from gateway.subscriptions.subscriber import SubscriberMessage

MAX_QUERY_ATTEMPTS, RETRY_DELAY_SECONDS = 5, 0.4
"""Maximum number of repeated queries while the database is not available; seconds between them."""
MAX_CONCURRENT_QUERIES = 16
"""Maximum number of concurrent queries for events, so that clients' queries get connections."""
MAX_CLIENT_QUERIES = 4
"""Maximum number of concurrent queries for the events of one client's subscriptions."""
MAX_CACHED_MESSAGES = 1000
"""Maximum number of cached messages."""
ContextFactory = Callable[[Viewer], RequestContext]
"""Creates the context of one operation of a viewer."""


class MessageBuilder:
    """Builder of the messages of one event source.

    A message is a complete GraphQL response. The event's own fields are encoded from the
    event. If the subscription selects fields of `resource`, these are read by a query on the
    viewer's behalf, at most MAX_CONCURRENT_QUERIES at a time, and MAX_CLIENT_QUERIES of the
    client whose subscription was the first one of its group; so the resource is the current
    one, and not the one at the time of the event. Messages without a resource are the same for
    all viewers to whom the event has the same kind, and are cached for them.
    """

    def __init__(
        self, executor: Executor, create_context: ContextFactory, source_name: Callable[[], str]
    ) -> None:
        """Query resources by `executor`; `source_name` returns the source's name in cursors."""
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
        kind: ResourceEventKind,
        viewer: Viewer,
    ) -> SubscriberMessage:
        """Return the message for an event of that kind to a viewer."""
        resource_event = self._build_resource_event(event, kind)
        if subscription.build_resource_operation(resource_event) is not None:
            async with self._get_client_slots(), self._query_slots:
                return SubscriberMessage(
                    await self._execute_event(subscription, resource_event, viewer),
                    resource_event.cursor,
                )
        cache_key = subscription.sharing_key, self._source_name(), event.position, kind
        if cache_key not in self._message_cache:
            if len(self._message_cache) >= MAX_CACHED_MESSAGES:
                self._message_cache.clear()
            data = {"data": subscription.build_event_data(resource_event, {})}
            self._message_cache[cache_key] = SubscriberMessage(
                encode_json(data), resource_event.cursor
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
        cursor = encode_event_cursor(self._source_name(), position)
        resync_required = ResyncRequired(reason=reason, cursor=cursor)
        return SubscriberMessage(
            encode_json({"data": subscription.build_event_data(resync_required, {})}), cursor
        )

    def _build_resource_event(self, event: FeedEvent, kind: ResourceEventKind) -> ResourceEvent:
        at = event.occurred_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f+00")
        return ResourceEvent(
            cursor=encode_event_cursor(self._source_name(), event.position),
            at=DateTime(at),
            kind=kind,
            previous_state=_get_state(event.old_state) if kind.is_change else None,
            state=_get_state(event.new_state) if kind.exists_after else None,
            changed_fields=published_field_names(event.changed_columns) if kind.is_change else [],
            uuid=UUID(event.resource_uuid.replace("-", "")),
        )

    async def _execute_event(
        self, subscription: PreparedSubscription, resource_event: ResourceEvent, viewer: Viewer
    ) -> bytes:
        """Return the encoded response; retry while the database is not available.

        After MAX_QUERY_ATTEMPTS retries the response has the error UNAVAILABLE.
        """
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
    """Return the state of a code; None for an unknown code."""
    return _STATES_BY_CODE.get(code or 0)


_STATES_BY_CODE = {each.value: each for each in ResourceState}


def _is_unavailable(result: GraphQLResult) -> bool:
    errors = result.response.get("errors", ())
    return any(each["extensions"].get("code") == ErrorCode.UNAVAILABLE for each in errors)
