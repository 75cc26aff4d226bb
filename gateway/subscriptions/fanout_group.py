"""Fan-out group: subscribers of the same messages, for whom each message is built once."""

import asyncio
import logging
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice

from gateway.db.access.viewer import Viewer
from gateway.db.driver.errors import TimedOutError, UnavailableError
from gateway.db.events.feed import EventPosition, FeedEvent
from gateway.db.events.scope_uuids import ScopeUuidCache
from gateway.execution.subscription import PreparedSubscription
from gateway.schema.types.resource_event import ResyncReason
from gateway.subscriptions.event_filter import EventFilter, visible_kind
from gateway.subscriptions.message_builder import MessageBuilder
from gateway.subscriptions.subscriber_queue import SubscriberMessage, SubscriberQueue

log = logging.getLogger(__name__)
MAX_EVENTS_PER_BATCH = 32
"""Number of events whose messages are built concurrently."""
MAX_MESSAGES_PER_TURN = 4_000
"""Number of messages delivered before the event loop may run other tasks."""
MAX_QUEUED_EVENTS = 20_000
"""Number of waiting events above which all are dropped and members receive ResyncRequired."""


class FanoutGroup:
    """Subscribers with the same document, the same variables and the same visibility.

    The hub appends events to the group's queue (`enqueue_events`). One task takes them in
    batches, decides for each event whether the group's viewer sees it and the filter matches
    (`event_filter`), builds its message (`MessageBuilder`), and delivers the result to the
    members' queues, in order:

        enqueue_events --> _queued_events --> _build_messages --> _deliver_message --> members
                                 |             (concurrently        (advances the position of
                                 |              in a batch)          the group and of members)
                                 |                    |
                                 v                    v
                     over MAX_QUEUED_EVENTS      any exception
                                 +---- drop_events ---+
                                 all members: ResyncRequired, group continues at that position

    **Position.** `position` is that of the last event which was delivered to all members.
    Subscribers may join at any time; those behind it are in `joining_queues` and receive missed
    events from the table (`deliver_missed`) until they have reached it (`EventHub.join_group`).
    A resync concerns them, too: it moves their queues to the group's position.

    **Events dropped while a batch is built.** Building awaits queries, and meanwhile
    `drop_events` may clear the queue. So an event is delivered only if it is still the first
    of the queue.

    The group ends with its last subscriber: the hub removes it and calls `end_delivery`.
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
        self.member_queues: set[SubscriberQueue] = set()
        """Queues that receive each event of the group."""
        self.joining_queues: set[SubscriberQueue] = set()
        """Queues that receive missed events before they become members."""
        self.position = position
        """Position of the last event that was delivered, with or without a message."""
        self._message_builder, self._scope_uuid_cache = message_builder, scope_uuid_cache
        self._event_filter = EventFilter.from_argument(subscription.arguments.get("filter"))
        self._queued_events: deque[FeedEvent] = deque()
        self._has_events = asyncio.Event()
        self._delivery_task: asyncio.Task[None] | None = asyncio.create_task(self._delivery_loop())

    @property
    def is_empty(self) -> bool:
        """Whether the group has neither members nor joining subscribers."""
        return not self.member_queues and not self.joining_queues

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
        """Drop the waiting events, send ResyncRequired to all, and continue from `position`."""
        self._queued_events.clear()
        self.position = position
        for queue in (*self.member_queues, *self.joining_queues):
            self.send_resync(queue, reason)

    def send_resync(self, queue: SubscriberQueue, reason: ResyncReason) -> None:
        """Send ResyncRequired to one subscriber, which continues from the group's position."""
        message = self._message_builder.build_resync(self.subscription, reason, self.position)
        queue.reset_to(self.position, message)

    async def deliver_missed(self, queue: SubscriberQueue, events: Sequence[FeedEvent]) -> None:
        """Deliver events to one joining subscriber, waiting for space in its queue."""
        for batch in _split_batches(events):
            for event, message in zip(batch, await self._build_messages(batch), strict=True):
                await queue.wait_for_space()
                queue.advance_to(event.position, message)

    async def _delivery_loop(self) -> None:
        while True:
            self._has_events.clear()
            while self._queued_events:
                await self._deliver_batch()
            await self._has_events.wait()

    async def _deliver_batch(self) -> None:
        """Deliver the first waiting events to all members."""
        events = [*islice(self._queued_events, MAX_EVENTS_PER_BATCH)]
        try:
            messages = await self._build_messages(events)
        except Exception:
            log.exception("Events could not be delivered")
            last_event = self._queued_events[-1] if self._queued_events else events[-1]
            self.drop_events(max(last_event.position, self.position), ResyncReason.INTERRUPTED)
            return
        message_count = 0
        for event, message in zip(events, messages, strict=True):
            if not self._queued_events or self._queued_events[0] is not event:
                return  # the events were dropped meanwhile
            self._deliver_message(self._queued_events.popleft(), message)
            message_count += len(self.member_queues)
            if message_count >= MAX_MESSAGES_PER_TURN:
                message_count = 0
                await asyncio.sleep(0)
        await asyncio.sleep(0)  # the transports send the messages

    def _deliver_message(self, event: FeedEvent, message: SubscriberMessage | None) -> None:
        for queue in self.member_queues:
            queue.advance_to(event.position, message)
        self.position = event.position

    async def _build_messages(self, events: Sequence[FeedEvent]) -> list[SubscriberMessage | None]:
        if self._event_filter.needs_scope_uuids:
            await self._load_scope_uuids(events)
        return await asyncio.gather(*map(self._build_message, events))

    async def _load_scope_uuids(self, events: Sequence[FeedEvent]) -> None:
        """Load the uuids of the events' projects and offerings, waiting for the database."""
        projects = {id_ for each in events for id_ in each.project_ids if id_ is not None}
        offerings = {id_ for each in events for id_ in each.offering_ids if id_ is not None}
        while True:
            try:
                return await self._scope_uuid_cache.load_scope_uuids(projects, offerings)
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


def _split_batches(events: Sequence[FeedEvent]) -> Iterator[Sequence[FeedEvent]]:
    for start in range(0, len(events), MAX_EVENTS_PER_BATCH):
        yield events[start : start + MAX_EVENTS_PER_BATCH]
