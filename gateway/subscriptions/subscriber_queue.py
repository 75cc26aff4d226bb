"""One who is told of events: what waits to be sent, and not more of it than there may be."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from gateway.db.events.feed import EventPosition


@dataclass(frozen=True, slots=True)
class SubscriberMessage:
    """What is sent to a subscriber."""

    payload: bytes
    """A GraphQL response, as JSON."""
    cursor: str
    """The cursor of what it tells of."""


class SubscriberQueue:
    """A bounded queue of messages, in the order of events, each event once."""

    def __init__(
        self,
        position: EventPosition,
        max_messages: int,
        on_overflow: Callable[[EventPosition], SubscriberMessage],
        on_ready: Callable[[], None],
    ) -> None:
        """Be told of what comes after `position`.

        If more than `most` messages wait, they are dropped, and `overflowed`
        gives what says so. `wake` is called when there is something to send
        after there was nothing.
        """
        self.position = position
        self.dropped_count = 0
        """How many messages were dropped so far."""
        self._max_messages, self._on_overflow, self._on_ready = max_messages, on_overflow, on_ready
        self._messages: deque[SubscriberMessage] = deque()
        self._is_awake = False
        self._space_freed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._messages)

    def advance_to(self, position: EventPosition, message: SubscriberMessage | None) -> None:
        """Be told of what happened at a position; of nothing, if it is not wanted."""
        if position <= self.position:
            return
        self.position = position
        if message is not None:
            self.enqueue(message)

    def reset_to(self, position: EventPosition, message: SubscriberMessage) -> None:
        """Be told that what happened up to a position is not known; that may lie back, too."""
        self.position = position
        self.enqueue(message)

    def enqueue(self, message: SubscriberMessage) -> None:
        """Have a message sent."""
        if len(self._messages) >= self._max_messages:
            self.dropped_count += len(self._messages) + 1
            self._messages.clear()
            message = self._on_overflow(self.position)
        self._messages.append(message)
        if not self._is_awake:
            self._is_awake = True
            self._on_ready()

    def take_messages(self, max_messages: int) -> list[SubscriberMessage]:
        """Give what waits, but not more than `most`, to be sent now; if that is all, wake again."""
        messages = [self._messages.popleft() for _ in range(min(max_messages, len(self._messages)))]
        self._is_awake = len(self._messages) > 0
        self._space_freed.set()
        return messages

    async def wait_for_space(self) -> None:
        """Return once at least half of the queue is free."""
        while len(self._messages) > self._max_messages // 2:
            self._space_freed.clear()
            await self._space_freed.wait()
