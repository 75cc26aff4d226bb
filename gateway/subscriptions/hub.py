"""The events of a process, and the groups of subscribers that are told of them."""

from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Protocol

from gateway.db.access.viewer import Viewer
from gateway.db.events.feed import EventPosition, FeedEvent
from gateway.db.events.scope_uuids import ScopeUuidCache
from gateway.execution.subscription import PreparedSubscription
from gateway.schema.types.resource_event import ResyncReason
from gateway.subscriptions.fanout_group import FanoutGroup
from gateway.subscriptions.message_builder import MessageBuilder
from gateway.subscriptions.subscriber_queue import SubscriberQueue

MISSED_EVENTS_PAGE_SIZE = 200
"""So many missed events are read at once."""


class EventSource(Protocol):
    """Where events come from."""

    @property
    def source_kind(self) -> str | None:
        """What cursors call it."""

    @property
    def is_attached(self) -> bool:
        """Whether what is committed now will be handed on at once."""

    @property
    def position(self) -> EventPosition:
        """Of the event that was handed on last, or where it began."""

    async def wait_until_attached(self) -> None:
        """Wait until what is committed will be handed on; UnwatchedError if it never will be."""

    async def load_events_after(
        self, position: EventPosition, limit: int
    ) -> Sequence[FeedEvent] | None:
        """Give the events that follow a position, in order; None if they are not all kept."""


class EventHub:
    """Hands the events of one source to groups, and lets subscribers join them."""

    def __init__(
        self, source: EventSource, message_builder: MessageBuilder, scope_uuid_cache: ScopeUuidCache
    ) -> None:
        """Tell of the events of `source`."""
        self.source, self.message_builder = source, message_builder
        self._scope_uuid_cache = scope_uuid_cache
        self.groups: dict[Hashable, FanoutGroup] = {}
        self.event_count = 0
        """How many events were handed on so far."""

    def publish_events(self, events: Sequence[FeedEvent]) -> None:
        """Hand events to all groups."""
        self.event_count += len(events)
        for group in self.groups.values():
            group.enqueue_events(events)

    def interrupt_all(self) -> None:
        """Have everybody read anew: some events can't be handed on."""
        for group in self.groups.values():
            group.drop_events(self.source.position, ResyncReason.INTERRUPTED)

    async def join_group(
        self, queue: SubscriberQueue, subscription: PreparedSubscription, viewer: Viewer
    ) -> FanoutGroup:
        """Tell a subscriber of what it has missed, then of all that comes.

        There is neither a gap between the two nor an event that is told twice: it
        joins its group in the moment in which it was told of all that the group was.
        """
        group = self._get_group(subscription, viewer)
        group.joining_queues.add(queue)
        try:
            while queue.position < group.position:
                await self._deliver_missed_page(queue, group)
            group.member_queues.add(queue)
        finally:
            group.joining_queues.discard(queue)
            self._discard_if_empty(group)
        return group

    def leave_group(self, queue: SubscriberQueue, group: FanoutGroup) -> None:
        """Tell a subscriber nothing more."""
        group.member_queues.discard(queue)
        self._discard_if_empty(group)

    async def _deliver_missed_page(self, queue: SubscriberQueue, group: FanoutGroup) -> None:
        """Tell of some of what was missed."""
        await queue.wait_for_space()
        start_position, end_position = queue.position, group.position
        events = await self.source.load_events_after(start_position, MISSED_EVENTS_PAGE_SIZE)
        if queue.position != start_position:  # all were told to read anew meanwhile
            return
        if events is None:
            group.send_resync(queue, ResyncReason.CURSOR_EXPIRED)
        elif events:
            await group.deliver_missed(queue, events)
        else:
            queue.advance_to(end_position, None)

    def _get_group(self, subscription: PreparedSubscription, viewer: Viewer) -> FanoutGroup:
        """Give the group of those who ask alike and see alike; who they are may not matter."""
        group_viewer = viewer if subscription.depends_on_viewer else anonymise_viewer(viewer)
        group_key = subscription.sharing_key, group_viewer
        if group_key not in self.groups:
            position = self.source.position
            self.groups[group_key] = FanoutGroup(
                self.message_builder, self._scope_uuid_cache, subscription, group_viewer, position
            )
        return self.groups[group_key]

    def _discard_if_empty(self, group: FanoutGroup) -> None:
        group_key = group.subscription.sharing_key, group.viewer
        if group.is_empty and self.groups.get(group_key) is group:
            del self.groups[group_key]
            group.delivery_task.cancel()

    def close(self) -> None:
        """Tell nobody anything more."""
        for group in self.groups.values():
            group.delivery_task.cancel()


def anonymise_viewer(viewer: Viewer) -> Viewer:
    """Give somebody who sees the same, without what only matters for what is personal."""
    return replace(viewer, user_id=None, username=None, permissions=frozenset())
