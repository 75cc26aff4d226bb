"""Subscribers who are told the same: for each event the work is done once for all of them."""

import asyncio
import logging
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice

from gateway.db.access.viewer import Viewer
from gateway.db.driver.errors import TimedOutError, UnavailableError
from gateway.db.events.feed import Event, Position
from gateway.db.events.scope_uuids import Places
from gateway.execution.subscription import Subscribing
from gateway.schema.types.resource_event import ResyncReason
from gateway.subscriptions.event_filter import Wanted, kind_for
from gateway.subscriptions.message_builder import Telling
from gateway.subscriptions.subscriber_queue import Message, Subscriber

log = logging.getLogger(__name__)
AT_ONCE = 32
"""So many events are told together."""
BREATH = 4_000
"""So many messages are handed over before others have a turn; more of them are sent as one."""
MOST = 20_000
"""So many events wait to be told before they are dropped, and all are told to read anew."""


class Group:
    """Tells subscribers of one document, with the same variables and the same sight.

    They may join late: each knows what it was told last.
    """

    def __init__(
        self,
        telling: Telling,
        places: Places,
        subscribed: Subscribing,
        viewer: Viewer,
        position: Position,
    ) -> None:
        """Tell of what comes after `position`."""
        self.subscribed, self.viewer = subscribed, viewer
        self.members: set[Subscriber] = set()
        self.joining: set[Subscriber] = set()
        """Who is being told of what it missed, and will be a member."""
        self.position = position
        """Of the event that all members were told of last, whether they wanted it or not."""
        self._telling, self._places = telling, places
        self._wanted = Wanted.by(subscribed.arguments.get("filter"))
        self._coming: deque[Event] = deque()
        self._some = asyncio.Event()
        self.working = asyncio.create_task(self._work())

    @property
    def empty(self) -> bool:
        """Whether nobody needs the group."""
        return not self.members and not self.joining

    @property
    def waiting(self) -> int:
        """How many events are still to be told."""
        return len(self._coming)

    def take(self, events: Sequence[Event]) -> None:
        """Tell of events, soon."""
        self._coming.extend(events)
        if len(self._coming) > MOST:
            self.drop(self._coming[-1].position, ResyncReason.TOO_SLOW)
        self._some.set()

    def drop(self, position: Position, reason: ResyncReason) -> None:
        """Have all read anew, and go on from a position."""
        self._coming.clear()
        self.position = position
        for each in (*self.members, *self.joining):
            self.resync(each, reason)

    def resync(self, subscriber: Subscriber, reason: ResyncReason) -> None:
        """Have a subscriber read anew, and go on from where the group is."""
        message = self._telling.resync(self.subscribed, reason, self.position)
        subscriber.reset(self.position, message)

    async def tell(self, subscriber: Subscriber, events: Sequence[Event]) -> None:
        """Tell one subscriber of events that the others were told of before."""
        for few in _batches(events):
            for event, message in zip(few, await self._messages(few), strict=True):
                await subscriber.room()
                subscriber.take(event.position, message)

    async def _work(self) -> None:
        while True:
            self._some.clear()
            while self._coming:
                await self._tell_first()
            await self._some.wait()

    async def _tell_first(self) -> None:
        """Tell all members of the first events that wait."""
        events = [*islice(self._coming, AT_ONCE)]
        try:
            messages = await self._messages(events)
        except Exception:
            log.exception("Events could not be told")
            last = self._coming[-1] if self._coming else events[-1]
            self.drop(max(last.position, self.position), ResyncReason.INTERRUPTED)
            return
        told = 0
        for event, message in zip(events, messages, strict=True):
            if not self._coming or self._coming[0] is not event:
                return  # they were dropped meanwhile
            self._tell(self._coming.popleft(), message)
            told += len(self.members)
            if told >= BREATH:
                told = 0
                await asyncio.sleep(0)
        await asyncio.sleep(0)  # let what was told be sent

    def _tell(self, event: Event, message: Message | None) -> None:
        for each in self.members:
            each.take(event.position, message)
        self.position = event.position

    async def _messages(self, events: Sequence[Event]) -> list[Message | None]:
        if self._wanted.placed:
            await self._learn(events)
        return await asyncio.gather(*map(self._message, events))

    async def _learn(self, events: Sequence[Event]) -> None:
        """Get to know the events' places; while the database is away, wait for it."""
        projects = {id_ for each in events for id_ in each.projects if id_ is not None}
        offerings = {id_ for each in events for id_ in each.offerings if id_ is not None}
        while True:
            try:
                return await self._places.learn(projects, offerings)
            except (UnavailableError, TimedOutError):
                await asyncio.sleep(1)

    async def _message(self, event: Event) -> Message | None:
        kind = kind_for(event, self.viewer)
        if kind is None or not self._wanted.holds(event, kind, self._places):
            return None
        return await self._telling.message(self.subscribed, event, kind, self.viewer)


def _batches(events: Sequence[Event]) -> Iterator[Sequence[Event]]:
    for start in range(0, len(events), AT_ONCE):
        yield events[start : start + AT_ONCE]
