"""The events of a process, and the groups of subscribers that are told of them."""

from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Protocol

from gateway.db.access.viewer import Viewer
from gateway.db.events.feed import Event, Position
from gateway.db.events.scope_uuids import Places
from gateway.execution.subscription import Subscribing
from gateway.schema.types.resource_event import ResyncReason
from gateway.subscriptions.fanout_group import Group
from gateway.subscriptions.message_builder import Telling
from gateway.subscriptions.subscriber_queue import Subscriber

PAGE = 200
"""So many missed events are read at once."""


class Source(Protocol):
    """Where events come from."""

    @property
    def kind(self) -> str | None:
        """What cursors call it."""

    @property
    def attached(self) -> bool:
        """Whether what is committed now will be handed on at once."""

    @property
    def position(self) -> Position:
        """Of the event that was handed on last, or where it began."""

    async def attach(self) -> None:
        """Wait until what is committed will be handed on; UnwatchedError if it never will be."""

    async def after(self, position: Position, limit: int) -> Sequence[Event] | None:
        """Give the events that follow a position, in order; None if they are not all kept."""


class Hub:
    """Hands the events of one source to groups, and lets subscribers join them."""

    def __init__(self, source: Source, telling: Telling, places: Places) -> None:
        """Tell of the events of `source`."""
        self.source, self.telling = source, telling
        self._places = places
        self.groups: dict[Hashable, Group] = {}
        self.taken = 0
        """How many events were handed on so far."""

    def take(self, events: Sequence[Event]) -> None:
        """Hand events to all groups."""
        self.taken += len(events)
        for each in self.groups.values():
            each.take(events)

    def lost(self) -> None:
        """Have everybody read anew: some events can't be handed on."""
        for each in self.groups.values():
            each.drop(self.source.position, ResyncReason.INTERRUPTED)

    async def join(self, subscriber: Subscriber, subscribed: Subscribing, viewer: Viewer) -> Group:
        """Tell a subscriber of what it has missed, then of all that comes.

        There is neither a gap between the two nor an event that is told twice: it
        joins its group in the moment in which it was told of all that the group was.
        """
        group = self._group(subscribed, viewer)
        group.joining.add(subscriber)
        try:
            while subscriber.position < group.position:
                await self._catch_up(subscriber, group)
            group.members.add(subscriber)
        finally:
            group.joining.discard(subscriber)
            self._forget(group)
        return group

    def leave(self, subscriber: Subscriber, group: Group) -> None:
        """Tell a subscriber nothing more."""
        group.members.discard(subscriber)
        self._forget(group)

    async def _catch_up(self, subscriber: Subscriber, group: Group) -> None:
        """Tell of some of what was missed."""
        await subscriber.room()
        began, until = subscriber.position, group.position
        events = await self.source.after(began, PAGE)
        if subscriber.position != began:  # all were told to read anew meanwhile
            return
        if events is None:
            group.resync(subscriber, ResyncReason.CURSOR_EXPIRED)
        elif events:
            await group.tell(subscriber, events)
        else:
            subscriber.take(until, None)

    def _group(self, subscribed: Subscribing, viewer: Viewer) -> Group:
        """Give the group of those who ask alike and see alike; who they are may not matter."""
        seen = viewer if subscribed.personal else nobody(viewer)
        name = subscribed.shared, seen
        if name not in self.groups:
            position = self.source.position
            self.groups[name] = Group(self.telling, self._places, subscribed, seen, position)
        return self.groups[name]

    def _forget(self, group: Group) -> None:
        name = group.subscribed.shared, group.viewer
        if group.empty and self.groups.get(name) is group:
            del self.groups[name]
            group.working.cancel()

    def close(self) -> None:
        """Tell nobody anything more."""
        for each in self.groups.values():
            each.working.cancel()


def nobody(viewer: Viewer) -> Viewer:
    """Give somebody who sees the same, without what only matters for what is personal."""
    return replace(viewer, user_id=None, username=None, permissions=frozenset())
