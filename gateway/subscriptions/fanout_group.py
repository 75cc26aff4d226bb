"""Fan-out group: subscribers of the same messages, for whom each message is built once."""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from itertools import islice

from gateway.db.access.viewer import Viewer
from gateway.db.driver.errors import TimedOutError, UnavailableError
from gateway.db.events.feed import EventPosition, FeedEvent
from gateway.db.events.scope_uuids import ScopeUuidCache
from gateway.execution.subscription import PreparedSubscription
from gateway.schema.types.object_event import ResyncReason
from gateway.subscriptions.event_filter import EventFilter, visible_kind
from gateway.subscriptions.message_builder import MessageBuilder
from gateway.subscriptions.subscriber import (
    MAX_EVENTS_PER_BATCH,
    Subscriber,
    SubscriberMessage,
    SubscriberState,
)

log = logging.getLogger(__name__)
MAX_MESSAGES_PER_TURN = 4_000
"""Number of messages delivered before the event loop may run other tasks."""
MAX_QUEUED_EVENTS = 20_000
"""Number of waiting events above which all are dropped and members receive ResyncRequired."""


class FanoutGroup:
    """Subscribers with the same document, the same variables and the same visibility.

    The hub appends events to the group's queue (`enqueue_events`). One task takes them in
    batches, decides for each event whether the group's viewer sees it and the filter matches
    (`event_filter`), builds its message (`MessageBuilder`), and delivers the result to the
    members (`Subscriber`), in order:

        enqueue_events --> _queued_events --> build_messages --> _deliver_message --> members
                                 |             (concurrently       (advances the position of
                                 |              in a batch)         the group and of members)
                                 |                    |
                                 v                    v
                     over MAX_QUEUED_EVENTS      any exception
                                 +---- drop_events ---+
                                 all members: RESYNC; group continues at that position

    **Position.** `position` is that of the last event which was delivered to all members that
    are LIVE. Others are members, too: they go on at that position when they become LIVE.

    **Nothing is built while no member is LIVE**, but for the missed events of each. Such a batch is
    passed over in one step, as a member may become LIVE whenever other tasks run.

    **Events dropped while a batch is built.** Building awaits queries, and meanwhile
    `drop_events` may clear the queue. So an event is delivered only if it is still the first
    of the queue.

    The group ends with its last member: the hub removes it and calls `end_delivery`.
    """

    def __init__(
        self,
        message_builder: MessageBuilder,
        scope_uuid_cache: ScopeUuidCache,
        subscription: PreparedSubscription,
        viewer: Viewer,
        position: EventPosition,
    ) -> None:
        """Deliver the events after `position`."""
        self.subscription, self.viewer = subscription, viewer
        self.members: set[Subscriber] = set()
        """Subscribers in any state but CLOSED."""
        self.position = position
        """Position of the last event that was delivered, with or without a message."""
        self._message_builder, self._scope_uuid_cache = message_builder, scope_uuid_cache
        self._event_filter = EventFilter.from_argument(
            subscription.event_type.tracked_table, subscription.arguments.get("filter")
        )
        self._queued_events: deque[FeedEvent] = deque()
        self._has_events = asyncio.Event()
        self._delivery_task: asyncio.Task[None] | None = asyncio.create_task(self._delivery_loop())

    @property
    def queued_event_count(self) -> int:
        """Number of events that are waiting to be delivered."""
        return len(self._queued_events)

    def end_delivery(self) -> None:
        """Deliver no more events."""
        if self._delivery_task is not None:
            self._delivery_task.cancel()
            # A cancelled task refers to its coroutine's frame by the traceback of its error,
            # so keeping it would be a reference cycle.
            self._delivery_task = None

    def enqueue_events(self, events: Sequence[FeedEvent]) -> None:
        """Append events to the group's queue; drop all if there are too many."""
        self._queued_events.extend(events)
        if len(self._queued_events) > MAX_QUEUED_EVENTS:
            self.drop_events(self._queued_events[-1].position, ResyncReason.TOO_SLOW)
        self._has_events.set()

    def drop_events(self, position: EventPosition, reason: ResyncReason) -> None:
        """Drop the waiting events, require a resync of all, and continue from `position`."""
        self._queued_events.clear()
        self.position = position
        for subscriber in self.members:
            subscriber.position = position
            subscriber.require_resync(reason)

    async def build_messages(self, events: Sequence[FeedEvent]) -> list[SubscriberMessage | None]:
        """Return the message for each event, None for those that are hidden or filtered.

        Events of other types of objects are passed over.
        """
        object_type = self._event_filter.object_type
        own_events = [each for each in events if each.object_type == object_type]
        for column in {column for column, _ in self._event_filter.scopes}:
            await self._load_scope_uuids(column, own_events)
        messages = iter(await asyncio.gather(*map(self._build_message, own_events)))
        return [next(messages) if each.object_type == object_type else None for each in events]

    async def _delivery_loop(self) -> None:
        while True:
            self._has_events.clear()
            while self._queued_events:
                if any(each.state is SubscriberState.LIVE for each in self.members):
                    await self._deliver_batch()
                else:
                    self._skip_batch()
                await asyncio.sleep(0)  # the transports send the messages
            await self._has_events.wait()

    async def _deliver_batch(self) -> None:
        """Deliver the first waiting events to all members."""
        events = [*islice(self._queued_events, MAX_EVENTS_PER_BATCH)]
        try:
            messages = await self.build_messages(events)
        except Exception:
            log.exception("Events could not be delivered")
            if self._queued_events and self._queued_events[0] is events[0]:
                self.drop_events(self._queued_events[-1].position, ResyncReason.INTERRUPTED)
            return  # else the events were dropped meanwhile
        message_count = 0
        for event, message in zip(events, messages, strict=True):
            if not self._queued_events or self._queued_events[0] is not event:
                return  # the events were dropped meanwhile
            self._deliver_message(self._queued_events.popleft(), message)
            message_count += len(self.members)
            if message_count >= MAX_MESSAGES_PER_TURN:
                message_count = 0
                await asyncio.sleep(0)

    def _skip_batch(self) -> None:
        """Pass over the first waiting events while no member is LIVE: all read nothing or catch up.

        That is one step of the event loop: a member that becomes LIVE afterwards goes on at the
        group's position, so it gets each later event with its message.
        """
        for _ in range(min(len(self._queued_events), MAX_EVENTS_PER_BATCH)):
            self.position = self._queued_events.popleft().position

    def _deliver_message(self, event: FeedEvent, message: SubscriberMessage | None) -> None:
        for subscriber in self.members:
            subscriber.deliver_event(event.position, message)
        self.position = event.position

    async def _load_scope_uuids(self, column: str, events: Sequence[FeedEvent]) -> None:
        """Load the uuids of what a column of the events refers to, waiting for the database."""
        while True:
            try:
                return await self._scope_uuid_cache.load_scope_uuids(column, events)
            except (UnavailableError, TimedOutError):
                await asyncio.sleep(1)

    async def _build_message(self, event: FeedEvent) -> SubscriberMessage | None:
        kind = visible_kind(event, self.viewer)
        if kind is None or not self._event_filter.matches_event(
            event, kind, self._scope_uuid_cache
        ):
            return None
        return await self._message_builder.build_message(
            self.subscription, event, kind, self.viewer
        )
