"""Subscriber queue: the bounded queue between the events and one subscriber's transport."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from gateway.db.events.feed import EventPosition


@dataclass(frozen=True, slots=True)
class SubscriberMessage:
    """A message to a subscriber."""

    payload: bytes
    """A GraphQL response, as JSON."""
    cursor: str
    """Cursor of the event, from which a client can continue."""


class SubscriberQueue:
    """Bounded queue of the messages of one subscriber, each event at most once and in order.

    It has a producer (a fan-out group, or the delivery of missed events) and a consumer (the
    writer of a WebSocket or HTTP stream), and two pieces of state in addition to the messages.

    **Position.** `position` is that of the last event that was delivered, whether or not the
    event had a message for this subscriber. `advance_to` ignores events up to it. This is what
    makes overlapping deliveries harmless: a subscriber that is moved to another group, or that
    reads missed events while its group goes on, receives each event once.

    **Wake-up.** `on_ready` is called once, when the queue gets its first message; not again
    until the consumer has emptied the queue:

                    enqueue: on_ready()
            ASLEEP ------------------------> AWAKE --+ enqueue, or take_messages
            (empty) <----------------------- (> 0) <-+ that leaves messages
                    take_messages empties it

    **Overflow.** A producer of live events never waits: one slow client must not delay the
    others of its group. If the queue is full, all its messages are dropped and replaced by one
    `ResyncRequired` with the current position. The client then reads the resources again
    and receives the events after that position, so memory is bounded and no loss is silent.
    The delivery of missed events concerns one subscriber only, so it waits instead
    (`wait_for_space`).

    **End.** `close_queue` drops everything; a message that is enqueued later is ignored.
    """

    def __init__(
        self,
        position: EventPosition,
        max_messages: int,
        on_overflow: Callable[[EventPosition], SubscriberMessage],
        on_ready: Callable[[], None],
    ) -> None:
        """Start after `position`.

        `on_overflow` returns the message that replaces the dropped ones, up to a position.
        `on_ready` wakes the consumer.
        """
        self.position = position
        self.dropped_count = 0
        """Number of messages dropped so far."""
        self._max_messages, self._on_overflow, self._on_ready = max_messages, on_overflow, on_ready
        self._messages: deque[SubscriberMessage] = deque()
        self._is_awake = self._is_closed = False
        self._space_freed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._messages)

    def advance_to(self, position: EventPosition, message: SubscriberMessage | None) -> None:
        """Deliver the event at `position`, if it was not delivered before.

        Without a message the event is hidden from the subscriber, or its filter rejects it.
        """
        if position <= self.position:
            return
        self.position = position
        if message is not None:
            self.enqueue(message)

    def reset_to(self, position: EventPosition, message: SubscriberMessage) -> None:
        """Continue from `position`, which may be an earlier one, after a resync message."""
        self.position = position
        self.enqueue(message)

    def enqueue(self, message: SubscriberMessage) -> None:
        """Append a message; if the queue is full, replace all messages by the overflow message."""
        if self._is_closed:
            return
        if len(self._messages) >= self._max_messages:
            self.dropped_count += len(self._messages) + 1
            self._messages.clear()
            message = self._on_overflow(self.position)
        self._messages.append(message)
        if not self._is_awake:
            self._is_awake = True
            self._on_ready()

    def take_messages(self, max_messages: int) -> list[SubscriberMessage]:
        """Remove and return the first messages, at most `max_messages`."""
        messages = [self._messages.popleft() for _ in range(min(max_messages, len(self._messages)))]
        self._is_awake = len(self._messages) > 0
        self._space_freed.set()
        return messages

    def close_queue(self) -> None:
        """Drop the messages, and the callbacks, which refer back to the owners of the queue."""
        self._is_closed = True
        self._messages.clear()
        del self._on_ready, self._on_overflow

    async def wait_for_space(self) -> None:
        """Wait until at least half of the queue is free."""
        while len(self._messages) > self._max_messages // 2:
            self._space_freed.clear()
            await self._space_freed.wait()
