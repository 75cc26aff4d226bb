"""What transports need: to start a subscription, to go on as another viewer, and to end it."""

import asyncio
import logging
from collections.abc import Callable, Hashable
from contextlib import ExitStack

from gateway.db.access.viewer import Viewer
from gateway.db.driver.errors import TimedOutError, UnavailableError
from gateway.db.events.feed import Position
from gateway.execution.subscription import Subscribing
from gateway.schema.types.resource_event import ResyncReason
from gateway.subscriptions.cursors import decode
from gateway.subscriptions.event_filter import Wanted
from gateway.subscriptions.fanout_group import Group
from gateway.subscriptions.hub import Hub
from gateway.subscriptions.quota import Admission
from gateway.subscriptions.subscriber_queue import Message, Subscriber

log = logging.getLogger(__name__)
PATIENCE = 5
"""Seconds to wait for the first look at the events."""
PAUSE = 1
"""Seconds between attempts to tell of what was missed."""
Wake = Callable[[], None]


class Subscriptions:
    """The subscriptions of a process."""

    def __init__(self, hub: Hub, admission: Admission, queue: int) -> None:
        """Tell of what `hub` has; let `queue` messages wait for a subscriber."""
        self.hub, self.admission = hub, admission
        self.overflows = 0
        """How often a queue was too short."""
        self._queue = queue

    async def start(
        self,
        subscribed: Subscribing,
        viewer: Viewer,
        user: Hashable,
        wake: Wake,
        after: str | None = None,
    ) -> "Running":
        """Start a subscription of a `user`; `wake` is called when there is something to send.

        It begins `after` a cursor, or where its own arguments say. BadInputError
        for a filter or a cursor that makes no sense, TooManyError without room,
        UnavailableError while nobody can tell where the events are, UnwatchedError
        if nobody ever will.
        """
        Wanted.by(subscribed.arguments.get("filter"))
        given = after or subscribed.arguments.get("after")
        await self._ready()
        position = None if given is None else await self._position(given)
        running = Running(self, subscribed, viewer)
        running.held.enter_context(self.admission.one(user))
        now = self.hub.source.position
        subscriber = Subscriber(position or now, self._queue, running.too_slow, wake)
        if given is not None and position is None:
            subscriber.put(running.resync(ResyncReason.CURSOR_UNKNOWN, now))
        running.begin(subscriber)
        return running

    async def _position(self, cursor: str) -> Position | None:
        """Give the position of a cursor; None if it is none of these events."""
        (kind, position), source = decode(cursor), self.hub.source
        if kind != source.kind:
            return None
        ahead = position > source.position
        return None if ahead and await source.after(position, 1) is None else position

    async def _ready(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                await self.hub.source.attach()
        except TimeoutError:
            raise UnavailableError("The events can't be read.") from None


class Running:
    """A subscription that goes on until it is ended."""

    subscriber: Subscriber

    def __init__(self, all_: Subscriptions, subscribed: Subscribing, viewer: Viewer) -> None:
        """Tell a viewer of what there is."""
        self._all, self._hub = all_, all_.hub
        self._subscribed, self._viewer = subscribed, viewer
        self._group: Group | None = None
        self._joining: asyncio.Task[None]
        self.held = ExitStack()
        """What is to be given back in the end."""

    def begin(self, subscriber: Subscriber) -> None:
        """Tell a subscriber from now on."""
        self.subscriber = subscriber
        self._joining = asyncio.create_task(self._join())

    def seen(self, viewer: Viewer) -> None:
        """Go on as what the viewer has become."""
        if viewer != self._viewer:
            self._leave()
            self._viewer = viewer
            self._joining = asyncio.create_task(self._join())

    def end(self) -> None:
        """Tell nothing more."""
        self._leave()
        self.held.close()

    def resync(self, reason: ResyncReason, position: Position) -> Message:
        """Give what says that events up to a position may have been missed."""
        return self._hub.telling.resync(self._subscribed, reason, position)

    def too_slow(self, position: Position) -> Message:
        """Give what says that too many events waited, up to a position."""
        self._all.overflows += 1
        return self.resync(ResyncReason.TOO_SLOW, position)

    async def _join(self) -> None:
        while True:
            try:
                self._group = await self._hub.join(self.subscriber, self._subscribed, self._viewer)
            except (UnavailableError, TimedOutError):
                await asyncio.sleep(PAUSE)
            except Exception:
                log.exception("A subscriber could not be told of what it missed")
                position = self._hub.source.position
                self.subscriber.take(position, self.resync(ResyncReason.INTERRUPTED, position))
                await asyncio.sleep(PAUSE)
            else:
                return

    def _leave(self) -> None:
        self._joining.cancel()
        if self._group is not None:
            self._hub.leave(self.subscriber, self._group)
            self._group = None
