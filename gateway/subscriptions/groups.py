"""Subscribers who are told the same: for each event the work is done once for all of them."""

import asyncio
import logging
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice

from gateway.db.events import Event, Position
from gateway.db.places import Places
from gateway.db.trouble import TimedOutError, UnavailableError
from gateway.db.viewer import Viewer
from gateway.execution.subscribing import Subscribing
from gateway.schema.resource_event import ResyncReason
from gateway.subscriptions.subscriber import Message, Subscriber
from gateway.subscriptions.telling import Telling
from gateway.subscriptions.wanted import Wanted, kind_for

log = logging.getLogger(__name__)
AT_ONCE = 32
"""So many events are told together."""
BREATH = 4_000
"""So many messages are handed over before others have a turn; more of them are sent as one."""
MOST = 20_000
"""So many events wait to be told before they are dropped, and all are told to read anew."""


class Group:
    """Tells subscribers of one document, with the same variables and the same viewer.

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
        self.telling, self.subscribed, self.viewer = telling, subscribed, viewer
        self.members: set[Subscriber] = set()
        self.position = position
        """Of the event that all members were told of last, whether they wanted it or not."""
        self.joining = 0
        """How many are being told of what they missed, and will be members."""
        self._places = places
        self._wanted = Wanted.by(subscribed.arguments.get("filter"))
        self._coming: deque[Event] = deque()
        self._some = asyncio.Event()
        self.working = asyncio.create_task(self._work())

    @property
    def empty(self) -> bool:
        """Whether nobody needs the group."""
        return not self.members and not self.joining

    def take(self, events: Sequence[Event]) -> None:
        """Tell of events, soon."""
        self._coming.extend(events)
        if len(self._coming) > MOST:
            self.drop(self._coming[-1].position, ResyncReason.TOO_SLOW)
        self._some.set()

    async def tell(self, subscriber: Subscriber, events: Sequence[Event]) -> None:
        """Tell one subscriber of events that the others were told of before."""
        for few in _batches(events):
            for event, message in zip(few, await self._messages(few), strict=True):
                subscriber.take(event.position, message)

    async def _work(self) -> None:
        while True:
            self._some.clear()
            while self._coming:
                await self._tell_all([*islice(self._coming, AT_ONCE)])
            await self._some.wait()

    async def _tell_all(self, events: Sequence[Event]) -> None:
        """Tell all members of events that came; the first ones that wait."""
        last = self._coming[len(events) - 1].position
        try:
            messages = await self._messages(events)
        except Exception:
            log.exception("Events could not be told")
            self.drop(self._coming[-1].position, ResyncReason.INTERRUPTED)
        else:
            told = 0
            for event, message in zip(events, messages, strict=True):
                for each in self.members:
                    each.take(event.position, message)
                self.position = max(self.position, event.position)
                told += len(self.members)
                if told >= BREATH:
                    told = 0
                    await asyncio.sleep(0)
            await asyncio.sleep(0)  # let what was told be sent
        while self._coming and self._coming[0].position <= last:
            self._coming.popleft()

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
        return await self.telling.message(self.subscribed, event, kind, self.viewer)

    def drop(self, last: Position, reason: ResyncReason) -> None:
        """Have all members read anew what happened up to a position."""
        self._coming.clear()
        message = self.telling.resync(self.subscribed, reason, last)
        for each in self.members:
            each.take(last, message)
        self.position = max(self.position, last)


def _batches(events: Sequence[Event]) -> Iterator[Sequence[Event]]:
    for start in range(0, len(events), AT_ONCE):
        yield events[start : start + AT_ONCE]
