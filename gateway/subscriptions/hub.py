"""Event hub: fan-out of the events of a process to its groups of subscribers."""

from collections.abc import Hashable, Sequence
from dataclasses import replace
from uuid import uuid4

from gateway.db.access.viewer import Viewer
from gateway.db.events.change_feed import ChangeFeed
from gateway.db.events.feed import FeedEvent
from gateway.db.events.scope_uuids import ScopeUuidCache
from gateway.execution.subscription import PreparedSubscription
from gateway.schema.types.resource_event import ResyncReason
from gateway.subscriptions.fanout_group import FanoutGroup
from gateway.subscriptions.message_builder import MessageBuilder
from gateway.subscriptions.subscriber_queue import SubscriberQueue

MISSED_EVENTS_PAGE_SIZE = 200
"""Number of missed events read by one statement."""


class EventHub:
    """Fan-out of one event source to groups of subscribers.

    A subscription is assigned to the group of its document, variables and viewer. The viewer
    is reduced to what decides about visibility, unless the selection depends on the person
    (`PreparedSubscription.depends_on_viewer`): all members of staff share a group, and so do
    users with the same roles.
    """

    def __init__(
        self, source: ChangeFeed, message_builder: MessageBuilder, scope_uuid_cache: ScopeUuidCache
    ) -> None:
        """Publish the events of `source`."""
        self.source, self.message_builder = source, message_builder
        self._scope_uuid_cache = scope_uuid_cache
        self.groups: dict[Hashable, FanoutGroup] = {}
        """Groups with at least one subscriber, by subscription and viewer."""
        self.event_count = 0
        """Number of events published so far."""

    def publish_events(self, events: Sequence[FeedEvent]) -> None:
        """Append events to the queues of all groups."""
        self.event_count += len(events)
        for group in self.groups.values():
            group.enqueue_events(events)

    def interrupt_all(self) -> None:
        """Send ResyncRequired to all subscribers, as some events could not be published."""
        for group in self.groups.values():
            group.drop_events(self.source.position, ResyncReason.INTERRUPTED)

    async def join_group(
        self, queue: SubscriberQueue, subscription: PreparedSubscription, viewer: Viewer
    ) -> FanoutGroup:
        """Deliver the events that a subscriber has missed, then make it a member of its group.

        Without a gap: between the comparison of the positions and the entry into
        `member_queues` there is no `await`, so the group can't deliver an event in between.
        Without duplicates: the queue ignores events up to its own position.
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
        """Remove a member from its group; end the group with its last subscriber."""
        group.member_queues.discard(queue)
        self._discard_if_empty(group)

    async def _deliver_missed_page(self, queue: SubscriberQueue, group: FanoutGroup) -> None:
        """Deliver the next missed events, at most MISSED_EVENTS_PAGE_SIZE."""
        await queue.wait_for_space()
        start_position, end_position = queue.position, group.position
        events = await self.source.load_events_after(start_position, MISSED_EVENTS_PAGE_SIZE)
        if queue.position != start_position:  # a resync has moved the queue meanwhile
            return
        if events is None:
            group.send_resync(queue, ResyncReason.CURSOR_EXPIRED)
        elif events:
            await group.deliver_missed(queue, events)
        else:
            queue.advance_to(end_position, None)

    def _get_group(self, subscription: PreparedSubscription, viewer: Viewer) -> FanoutGroup:
        """Return the group of a subscription and a viewer's visibility; create it if needed."""
        group_viewer = viewer if subscription.depends_on_viewer else anonymise_viewer(viewer)
        group_key = subscription.sharing_key, group_viewer
        if group_key not in self.groups:
            # A client may choose its request id, which the other members must not get.
            group_subscription = subscription.with_request_id(f"group-{uuid4().hex}")
            self.groups[group_key] = FanoutGroup(
                self.message_builder,
                self._scope_uuid_cache,
                group_subscription,
                group_viewer,
                self.source.position,
            )
        return self.groups[group_key]

    def _discard_if_empty(self, group: FanoutGroup) -> None:
        group_key = group.subscription.sharing_key, group.viewer
        if group.is_empty and self.groups.get(group_key) is group:
            del self.groups[group_key]
            group.end_delivery()

    def close(self) -> None:
        """End the delivery of all groups."""
        for group in self.groups.values():
            group.end_delivery()


def anonymise_viewer(viewer: Viewer) -> Viewer:
    """Return a viewer of the same visibility, without the person's id, name and permissions."""
    return replace(viewer, user_id=None, username=None, permissions=frozenset())
