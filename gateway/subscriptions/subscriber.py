"""Subscriber: one subscription's life, with its bounded buffer of outgoing messages."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, NamedTuple

from gateway.db.access.viewer import Viewer
from gateway.db.driver.errors import TimedOutError, UnavailableError
from gateway.db.events.feed import EventPosition
from gateway.execution.subscription import PreparedSubscription
from gateway.schema.types.object_event import ResyncReason

if TYPE_CHECKING:
    from gateway.subscriptions.fanout_group import FanoutGroup
    from gateway.subscriptions.hub import EventHub

log = logging.getLogger(__name__)
MISSED_EVENTS_PAGE_SIZE = 200
"""Number of missed events read by one statement."""
MAX_EVENTS_PER_BATCH = 32
"""Number of events whose messages are built concurrently."""
RETRY_DELAY_SECONDS = 1
"""Seconds between two attempts to read missed events."""


@dataclass(frozen=True, slots=True)
class SubscriberMessage:
    """A message to a subscriber."""

    payload: bytes
    """A GraphQL response, as JSON."""
    cursor: str
    """Cursor of the event, from which a client can continue."""


class BufferLimits(NamedTuple):
    """Limits of a subscriber's buffer."""

    max_messages: int
    max_bytes: int


class SubscriberState(Enum):
    """State of a subscriber; see `Subscriber`."""

    CATCHING_UP = auto()
    LIVE = auto()
    RESYNC = auto()
    CLOSED = auto()


CATCHING_UP, LIVE, RESYNC, CLOSED = SubscriberState  # Python 3.11 is slow at SubscriberState.LIVE


class Subscriber:
    """One subscriber, from the start of its subscription to its end.

    **Path of an event.** The change feed reads committed events in order, and the hub appends
    them to the queue of each fan-out group. A group builds the message of an event once and
    delivers it to all its members. Each has a buffer, from which its connection takes messages:

        ChangeFeed --> EventHub --> FanoutGroup -- deliver_event --> Subscriber
                                         ^                            ^     |
                                   MessageBuilder         missed events,    | take_messages
                                                         from the table     v
                                                        client <-- OutgoingBuffer

    **States.** In each state but CLOSED the subscriber is a member of one group.

        start: filter and cursor are valid, the feed is attached, the quota has a slot
          |
          +-- position behind the group's ----> CATCHING_UP <---- viewer_changed:
          |                                       |     |         the group of the new roles
          |                       positions equal |     |         is ahead of the position
          +-- position not behind ------> LIVE <--+     |
          |                               |  ^          | require_resync
          |                require_resync |  | take_messages
          |                               v  |          |
          +-- cursor unknown ----------> RESYNC <-------+

        CATCHING_UP, LIVE, RESYNC -- end_subscription --> CLOSED

    CATCHING_UP: a task reads the missed events page by page, while those of the group are
    ignored, as the table has them, too. LIVE: `deliver_event` appends the group's messages to the
    buffer. RESYNC: events were lost, for a `ResyncReason`. Nothing is appended until the client
    has read what was buffered before; then it gets one ResyncRequired, and the delivery goes on
    at the group's position. CLOSED: the quota's slot is free, and nothing is delivered.

    **No gap and no duplicate.** (1) Events up to `position` are ignored, so it does not matter
    that the table and two groups may deliver the same ones. (2) LIVE is entered in the same step
    of the event loop in which the positions are compared, so the group delivers nothing in
    between. (3) Where events may be lost, RESYNC follows. The position of ResyncRequired is
    the group's when it is taken, so a change is either in what the client reads afterwards or
    in a later event.

    **Bounds.** The buffer has at most `max_messages` with `max_bytes`, or one longer message.
    Live events never wait, since one slow client must not delay the others of its group: a full
    buffer is dropped (TOO_SLOW). So a client that reads nothing costs nothing for further
    events, and gets a single, recent ResyncRequired. Missed events concern one subscriber only:
    they wait until half of the buffer is free. How long a client may read nothing is a rule of
    its connection (`OutgoingBuffer`).

    **Wake-up.** `on_ready` is called when there is something to take, and not again until all
    was taken.
    """

    slot: ExitStack
    """The slot of the quota, closed at the end."""

    def __init__(
        self,
        hub: "EventHub",
        subscription: PreparedSubscription,
        viewer: Viewer,
        position: EventPosition,
        on_ready: Callable[["Subscriber"], None],
    ) -> None:
        """Prepare the delivery of the events after `position`; `start` begins it."""
        self.state = CATCHING_UP
        self.position = position
        """Position of the last event that was delivered, with or without a message."""
        self.is_ready = False
        """Whether messages can be taken; `on_ready` was called then."""
        self._hub, self._subscription, self._viewer = hub, subscription, viewer
        self._on_ready = on_ready
        self._max_messages, self._max_bytes = hub.buffer_limits
        self._messages: deque[SubscriberMessage] = deque()
        self._buffered_bytes = 0
        self._space_freed = asyncio.Event()
        self._resync_reason: ResyncReason
        self._group: FanoutGroup | None = None
        self._catch_up_task: asyncio.Task[None] | None = None

    def start(self, resync_reason: ResyncReason | None = None) -> None:
        """Begin the delivery, after the confirmation and ResyncRequired if they are due."""
        if self._subscription.arguments.get("confirmStart"):
            message = self._hub.message_builder.build_start(self._subscription, self.position)
            self._messages.append(message)
            self._buffered_bytes += len(message.payload)
            self._wake_connection()
        if resync_reason is not None:
            self.require_resync(resync_reason)
        self._join_group(self._hub.get_group(self._subscription, self._viewer))

    @property
    def message_count(self) -> int:
        """Number of messages that can be taken."""
        return len(self._messages) + (self.state is RESYNC)

    def deliver_event(self, position: EventPosition, message: SubscriberMessage | None) -> None:
        """Deliver a live event of the group; None if it has no message for its members."""
        if self.state is LIVE:
            self._advance_to(position, message)

    def require_resync(self, reason: ResyncReason) -> None:
        """Note that events are lost; drop the buffered ones if the client is too slow."""
        self._stop_catching_up()
        if reason is ResyncReason.TOO_SLOW:
            self._clear_buffer()
        self.state, self._resync_reason = RESYNC, reason
        if not self.is_ready:
            self._wake_connection()

    def viewer_changed(self, viewer: Viewer) -> None:
        """Continue with the viewer's current roles, in another group if they differ."""
        if viewer == self._viewer or self.state is CLOSED:
            return
        self._viewer = viewer
        group = self._hub.get_group(self._subscription, viewer)
        if group is not self._group:
            self._leave_group()
            self._join_group(group)

    def take_messages(self, max_messages: int) -> list[SubscriberMessage]:
        """Remove and return the first messages; the last of RESYNC is ResyncRequired."""
        if len(self._messages) > max_messages:
            messages = [self._messages.popleft() for _ in range(max_messages)]
            self._buffered_bytes -= sum([len(each.payload) for each in messages])
        else:
            messages = [*self._messages]
            self._clear_buffer()
            if self.state is RESYNC and len(messages) < max_messages:
                messages.append(self._finish_resync())
            self.is_ready = self.state is RESYNC
        if self.state is CATCHING_UP:
            self._space_freed.set()
        return messages

    def end_subscription(self) -> None:
        """End the delivery, and drop what refers back to this object or its owners."""
        self._leave_group()
        self.state = CLOSED
        self._clear_buffer()
        self.slot.close()
        del self._on_ready

    def _join_group(self, group: "FanoutGroup") -> None:
        """Become a member of a group, and catch up with it if necessary."""
        self._group = group
        group.members.add(self)
        if self.state is RESYNC:
            return
        self._go_live_if_level(group)
        if self.state is CATCHING_UP:
            self._catch_up_task = asyncio.create_task(self._catch_up(group))

    def _leave_group(self) -> None:
        self._stop_catching_up()
        if self._group is not None:
            self._hub.remove_member(self, self._group)
            self._group = None

    def _stop_catching_up(self) -> None:
        if self._catch_up_task is not None:
            self._catch_up_task.cancel()
            self._catch_up_task = None  # a cancelled task refers to this object, by its traceback

    def _go_live_if_level(self, group: "FanoutGroup") -> None:
        """Choose LIVE or CATCHING_UP by both positions, without an `await` in between."""
        is_behind = self.position < group.position
        self.state = CATCHING_UP if is_behind else LIVE

    async def _catch_up(self, group: "FanoutGroup") -> None:
        while self.state is CATCHING_UP:
            try:
                await self._deliver_missed_page(group)
            except (UnavailableError, TimedOutError):
                await asyncio.sleep(RETRY_DELAY_SECONDS)
            except Exception:
                log.exception("Missed events could not be delivered to a subscriber")
                self.require_resync(ResyncReason.INTERRUPTED)

    async def _deliver_missed_page(self, group: "FanoutGroup") -> None:
        """Deliver the next missed events, at most MISSED_EVENTS_PAGE_SIZE."""
        end_position = group.position
        events = await self._hub.source.load_events_after(self.position, MISSED_EVENTS_PAGE_SIZE)
        if events is None:
            self.require_resync(ResyncReason.CURSOR_EXPIRED)
            return
        for start in range(0, len(events), MAX_EVENTS_PER_BATCH):
            batch = events[start : start + MAX_EVENTS_PER_BATCH]
            for event, message in zip(batch, await group.build_messages(batch), strict=True):
                await self._wait_for_space(message)
                self._advance_to(event.position, message)
        if not events:
            self._advance_to(end_position, None)
        self._go_live_if_level(group)

    async def _wait_for_space(self, message: SubscriberMessage | None) -> None:
        while message is not None and not self._has_space(message):
            self._space_freed.clear()
            await self._space_freed.wait()

    def _has_space(self, message: SubscriberMessage) -> bool:
        """Return whether a message fits into half of the buffer, or the buffer is empty."""
        return not self._messages or (
            2 * len(self._messages) < self._max_messages
            and 2 * (self._buffered_bytes + len(message.payload)) <= self._max_bytes
        )

    def _advance_to(self, position: EventPosition, message: SubscriberMessage | None) -> None:
        """Append the message of the event at `position`, if it was not delivered before."""
        if position <= self.position:
            return
        self.position = position
        if message is None:
            return
        self._messages.append(message)
        self._buffered_bytes += len(message.payload)
        if len(self._messages) > self._max_messages or self._buffered_bytes > self._max_bytes:
            self._check_overflow()
        if not self.is_ready:
            self._wake_connection()

    def _check_overflow(self) -> None:
        """Drop the buffer, unless it is one message that is longer than the limit."""
        if len(self._messages) > 1:
            self._hub.overflow_count += 1
            self.require_resync(ResyncReason.TOO_SLOW)

    def _wake_connection(self) -> None:
        self.is_ready = True
        self._on_ready(self)

    def _finish_resync(self) -> SubscriberMessage:
        """Return ResyncRequired, and continue at the group's position."""
        assert self._group is not None
        self.position = max(self.position, self._group.position)
        self.state = LIVE
        return self._hub.message_builder.build_resync(
            self._subscription, self._resync_reason, self.position
        )

    def _clear_buffer(self) -> None:
        self._messages.clear()
        self._buffered_bytes = 0
