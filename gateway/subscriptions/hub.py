"""Event hub: fan-out of the events of a process to its groups of subscribers."""

from collections.abc import Hashable, Sequence
from dataclasses import replace
from uuid import uuid4

from gateway.db.access.viewer import Viewer
from gateway.db.events.change_feed import ChangeFeed
from gateway.db.events.feed import FeedEvent
from gateway.db.events.scope_uuids import ScopeUuidCache
from gateway.execution.subscription import PreparedSubscription
from gateway.schema.types.object_event import ResyncReason
from gateway.subscriptions.fanout_group import FanoutGroup
from gateway.subscriptions.message_builder import MessageBuilder
from gateway.subscriptions.subscriber import BufferLimits, Subscriber


class EventHub:
    """Fan-out of one event source to groups of subscribers.

    A subscription is assigned to the group of its document, variables and viewer. The viewer
    is reduced to what decides about visibility, unless the selection depends on the person
    (`PreparedSubscription.depends_on_viewer`): all members of staff share a group, and so do
    users with the same roles.
    """

    def __init__(
        self,
        source: ChangeFeed,
        message_builder: MessageBuilder,
        scope_uuid_cache: ScopeUuidCache,
        buffer_limits: BufferLimits,
    ) -> None:
        """Publish the events of `source` to subscribers whose buffers have `buffer_limits`."""
        self.source, self.message_builder = source, message_builder
        self.buffer_limits = buffer_limits
        self._scope_uuid_cache = scope_uuid_cache
        self.groups: dict[Hashable, FanoutGroup] = {}
        """Groups with at least one subscriber, by subscription and viewer."""
        self.event_count = 0
        """Number of events published so far."""
        self.overflow_count = 0
        """Number of overflows of subscribers' buffers so far."""

    def publish_events(self, events: Sequence[FeedEvent]) -> None:
        """Append events to the queues of all groups."""
        self.event_count += len(events)
        for group in self.groups.values():
            group.enqueue_events(events)

    def interrupt_all(self, reason: ResyncReason = ResyncReason.INTERRUPTED) -> None:
        """Require a resync of all subscribers, as some events could not be published."""
        for group in self.groups.values():
            group.drop_events(self.source.position, reason)

    def change_source(self) -> None:
        """Continue with another source, or with none: all subscribers need a resync."""
        self._scope_uuid_cache.clear_cache()
        self.interrupt_all(ResyncReason.SOURCE_CHANGED)

    def get_group(self, subscription: PreparedSubscription, viewer: Viewer) -> FanoutGroup:
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

    def remove_member(self, subscriber: Subscriber, group: FanoutGroup) -> None:
        """Remove a subscriber from its group; end the group with its last member."""
        group.members.discard(subscriber)
        group_key = group.subscription.sharing_key, group.viewer
        if not group.members and self.groups.get(group_key) is group:
            del self.groups[group_key]
            group.end_delivery()

    def close(self) -> None:
        """End the delivery of all groups."""
        for group in self.groups.values():
            group.end_delivery()


def anonymise_viewer(viewer: Viewer) -> Viewer:
    """Return a viewer of the same visibility, without the person's id, name and rights."""
    return replace(
        viewer,
        user_id=None,
        username=None,
        token_scopes=None,
        consent_enforced=False,
        permissions=frozenset(),
        roles=frozenset(),
        impersonator=None,
    )
