"""Subscribers who are told the same: for each event the work is done once for all of them."""

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
"""So many events are told together."""
MAX_MESSAGES_PER_TURN = 4_000
"""So many messages are handed over before others have a turn; more of them are sent as one."""
MAX_QUEUED_EVENTS = 20_000
"""So many events wait to be told before they are dropped, and all are told to read anew."""


class FanoutGroup:
    """Tells subscribers of one document, with the same variables and the same sight.

    They may join late: each knows what it was told last.
    """

    def __init__(
        self,
        message_builder: MessageBuilder,
        scope_uuid_cache: ScopeUuidCache,
        subscription: PreparedSubscription,
        viewer: Viewer,
        position: EventPosition,
    ) -> None:
        """Tell of what comes after `position`."""
        self.subscription, self.viewer = subscription, viewer
        self.member_queues: set[SubscriberQueue] = set()
        self.joining_queues: set[SubscriberQueue] = set()
        """Who is being told of what it missed, and will be a member."""
        self.position = position
        """Of the event that all members were told of last, whether they wanted it or not."""
        self._message_builder, self._scope_uuid_cache = message_builder, scope_uuid_cache
        self._event_filter = EventFilter.from_argument(subscription.arguments.get("filter"))
        self._queued_events: deque[FeedEvent] = deque()
        self._has_events = asyncio.Event()
        self.delivery_task = asyncio.create_task(self._delivery_loop())

    @property
    def is_empty(self) -> bool:
        """Whether nobody needs the group."""
        return not self.member_queues and not self.joining_queues

    @property
    def queued_event_count(self) -> int:
        """How many events are still to be told."""
        return len(self._queued_events)

    def enqueue_events(self, events: Sequence[FeedEvent]) -> None:
        """Tell of events, soon."""
        self._queued_events.extend(events)
        if len(self._queued_events) > MAX_QUEUED_EVENTS:
            self.drop_events(self._queued_events[-1].position, ResyncReason.TOO_SLOW)
        self._has_events.set()

    def drop_events(self, position: EventPosition, reason: ResyncReason) -> None:
        """Have all read anew, and go on from a position."""
        self._queued_events.clear()
        self.position = position
        for queue in (*self.member_queues, *self.joining_queues):
            self.send_resync(queue, reason)

    def send_resync(self, queue: SubscriberQueue, reason: ResyncReason) -> None:
        """Have a subscriber read anew, and go on from where the group is."""
        message = self._message_builder.build_resync(self.subscription, reason, self.position)
        queue.reset_to(self.position, message)

    async def deliver_missed(self, queue: SubscriberQueue, events: Sequence[FeedEvent]) -> None:
        """Tell one subscriber of events that the others were told of before."""
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
        """Tell all members of the first events that wait."""
        events = [*islice(self._queued_events, MAX_EVENTS_PER_BATCH)]
        try:
            messages = await self._build_messages(events)
        except Exception:
            log.exception("Events could not be told")
            last_event = self._queued_events[-1] if self._queued_events else events[-1]
            self.drop_events(max(last_event.position, self.position), ResyncReason.INTERRUPTED)
            return
        message_count = 0
        for event, message in zip(events, messages, strict=True):
            if not self._queued_events or self._queued_events[0] is not event:
                return  # they were dropped meanwhile
            self._deliver_message(self._queued_events.popleft(), message)
            message_count += len(self.member_queues)
            if message_count >= MAX_MESSAGES_PER_TURN:
                message_count = 0
                await asyncio.sleep(0)
        await asyncio.sleep(0)  # let what was told be sent

    def _deliver_message(self, event: FeedEvent, message: SubscriberMessage | None) -> None:
        for queue in self.member_queues:
            queue.advance_to(event.position, message)
        self.position = event.position

    async def _build_messages(self, events: Sequence[FeedEvent]) -> list[SubscriberMessage | None]:
        if self._event_filter.needs_scope_uuids:
            await self._load_scope_uuids(events)
        return await asyncio.gather(*map(self._build_message, events))

    async def _load_scope_uuids(self, events: Sequence[FeedEvent]) -> None:
        """Get to know the events' places; while the database is away, wait for it."""
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
