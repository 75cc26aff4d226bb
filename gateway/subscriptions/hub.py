"""The events of a process, and the groups of subscribers that are told of them."""

import asyncio
import logging
from collections.abc import Hashable, Sequence
from typing import Protocol

from gateway.db.events import Event, Position
from gateway.db.places import Places
from gateway.db.viewer import Viewer
from gateway.execution.subscribing import Subscribing
from gateway.schema.resource_event import ResyncReason
from gateway.subscriptions.groups import Group
from gateway.subscriptions.subscriber import Subscriber
from gateway.subscriptions.telling import Telling

log = logging.getLogger(__name__)
PAGE = 200
"""So many missed events are read at once, if there is room for them."""


class Source(Protocol):
    """Where events come from."""

    @property
    def kind(self) -> str | None:
        """What cursors call it."""

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

    def take(self, events: Sequence[Event]) -> None:
        """Hand events to all groups."""
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
        group.joining += 1
        try:
            while subscriber.position < group.position:
                await self._catch_up(subscriber, group)
            group.members.add(subscriber)
        finally:
            group.joining -= 1
            self._forget(group)
        return group

    def leave(self, subscriber: Subscriber, group: Group) -> None:
        """Tell a subscriber nothing more."""
        group.members.discard(subscriber)
        self._forget(group)

    async def _catch_up(self, subscriber: Subscriber, group: Group) -> None:
        """Tell of some of what was missed."""
        few = min(PAGE, await subscriber.room())
        until = group.position
        events = await self.source.after(subscriber.position, few)
        if events is None:
            reason, position = ResyncReason.CURSOR_EXPIRED, group.position
            message = self.telling.resync(group.subscribed, reason, position)
            subscriber.take(position, message)
        elif events:
            await group.tell(subscriber, events)
        else:
            subscriber.take(until, None)

    def _group(self, subscribed: Subscribing, viewer: Viewer) -> Group:
        name = subscribed.shared, viewer
        if name not in self.groups:
            position = self.source.position
            self.groups[name] = Group(self.telling, self._places, subscribed, viewer, position)
        return self.groups[name]

    def _forget(self, group: Group) -> None:
        name = group.subscribed.shared, group.viewer
        if group.empty and self.groups.get(name) is group:
            del self.groups[name]
            group.working.cancel()

    async def close(self) -> None:
        """Tell nobody anything more."""
        working = [each.working for each in self.groups.values()]
        for each in working:
            each.cancel()
        await asyncio.gather(*working, return_exceptions=True)
