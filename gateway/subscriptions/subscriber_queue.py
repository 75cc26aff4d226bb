"""One who is told of events: what waits to be sent, and not more of it than there may be."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from gateway.db.events.feed import Position


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent to a subscriber."""

    payload: bytes
    """A GraphQL response, as JSON."""
    cursor: str
    """The cursor of what it tells of."""


class Subscriber:
    """A bounded queue of messages, in the order of events, each event once."""

    def __init__(
        self,
        position: Position,
        most: int,
        overflowed: Callable[[Position], Message],
        wake: Callable[[], None],
    ) -> None:
        """Be told of what comes after `position`.

        If more than `most` messages wait, they are dropped, and `overflowed`
        gives what says so. `wake` is called when there is something to send
        after there was nothing.
        """
        self.position = position
        self.dropped = 0
        """How many messages were dropped so far."""
        self._most, self._overflowed, self._wake = most, overflowed, wake
        self._waiting: deque[Message] = deque()
        self._woken = False
        self._room = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    def take(self, position: Position, message: Message | None) -> None:
        """Be told of what happened at a position; of nothing, if it is not wanted."""
        if position <= self.position:
            return
        self.position = position
        if message is not None:
            self.put(message)

    def reset(self, position: Position, message: Message) -> None:
        """Be told that what happened up to a position is not known; that may lie back, too."""
        self.position = position
        self.put(message)

    def put(self, message: Message) -> None:
        """Have a message sent."""
        if len(self._waiting) >= self._most:
            self.dropped += len(self._waiting) + 1
            self._waiting.clear()
            message = self._overflowed(self.position)
        self._waiting.append(message)
        if not self._woken:
            self._woken = True
            self._wake()

    def drain(self, most: int) -> list[Message]:
        """Give what waits, but not more than `most`, to be sent now; if that is all, wake again."""
        messages = [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
        self._woken = len(self._waiting) > 0
        self._room.set()
        return messages

    async def room(self) -> None:
        """Return once at least half of the queue is free."""
        while len(self._waiting) > self._most // 2:
            self._room.clear()
            await self._room.wait()
