"""Outgoing buffer: what a connection has still to send, written with bounded patience."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from gateway.fairness.running_time import running_timeout
from gateway.subscriptions.subscriber import Subscriber, SubscriberMessage

MAX_QUEUED_ANSWERS, MAX_QUEUED_BYTES, MAX_MESSAGES_PER_WRITE = 100, 65_536, 64
"""Answers and their bytes above which no request is read; events in one write."""
CLOSE_TIMEOUT_SECONDS = 2
"""Seconds within which a client must read what is sent at the end of a connection."""
EncodeMessage = Callable[[SubscriberMessage], bytes]
"""Encodes a subscriber's message as the connection frames it."""
WriteMessages = Callable[[list[bytes]], Awaitable[object] | None]
"""Writes messages; the result, if not None, is done when the client has read enough of them."""


class OutgoingBuffer:
    """What one connection has still to send, and the rules for clients that read slowly.

    Both transports, WebSockets and HTTP streams, use it and only frame and write:

        results, errors, pongs -- add_answer -------> _answers --+
        ping, if nothing else was written ----------->           |   write_until_end --> client
        Subscriber (bounded) -- mark_ready ---------> _ready ----+

    | what waits          | bound                                 | beyond it                   |
    |---------------------|---------------------------------------|-----------------------------|
    | answers             | MAX_QUEUED_ANSWERS, MAX_QUEUED_BYTES  | no request is read          |
    |                     |                                       | (`wait_for_space`)          |
    | events              | the buffer of each `Subscriber`       | ResyncRequired              |
    | one write           | answers, MAX_MESSAGES_PER_WRITE       | the next write, after the   |
    |                     | events, subscribers in turn           | client has read             |
    | a write that blocks | `write_seconds`; from `end_output` on | TimeoutError: the transport |
    |                     | CLOSE_TIMEOUT_SECONDS                 | aborts the connection       |

    **End.** The first `end_output` is final. Answers are written still, events are not, and
    `write_until_end` returns; the transport then sends its last bytes by `limit_write`.

    The writer is an argument and no attribute: this object refers to no connection, so that a
    connection is freed without the garbage collector.
    """

    def __init__(self, write_seconds: float, ping: bytes, ping_seconds: float) -> None:
        """Send `ping` if nothing was written for `ping_seconds`."""
        self.is_ending = False
        self._write_seconds, self._ping, self._ping_seconds = write_seconds, ping, ping_seconds
        self._answers: deque[bytes] = deque()
        self._answer_bytes = 0
        self._ready: deque[tuple[EncodeMessage, Subscriber]] = deque()
        self._answers_taken = asyncio.Event()
        self._idle_writer: asyncio.Future[None] | None = None
        """Done when there is output again; a future takes a third less time than an event."""
        self._loop = asyncio.get_running_loop()
        self._written_at = self._loop.time()
        self._ends_at = 0.0
        self._timeout: asyncio.Timeout | None = None
        self._ping_timer: asyncio.TimerHandle

    def add_answer(self, answer: bytes) -> None:
        """Add a message that is not an event."""
        self._answers.append(answer)
        self._answer_bytes += len(answer)
        self._wake_writer()

    def mark_ready(self, encode: EncodeMessage, subscriber: Subscriber) -> None:
        """Note that a subscriber has messages."""
        self._ready.append((encode, subscriber))
        self._wake_writer()

    async def wait_for_space(self) -> None:
        """Wait until the client has read so many answers that it may cause others."""
        while len(self._answers) > MAX_QUEUED_ANSWERS or self._answer_bytes > MAX_QUEUED_BYTES:
            self._answers_taken.clear()
            await self._answers_taken.wait()

    def end_output(self) -> None:
        """Send what is waiting, except events, within CLOSE_TIMEOUT_SECONDS from now on."""
        if self.is_ending:
            return
        self.is_ending = True
        self._ends_at = self._loop.time() + CLOSE_TIMEOUT_SECONDS
        self._ready.clear()
        self._wake_writer()
        self._shorten_timeout()

    async def write_until_end(self, write: WriteMessages) -> None:
        """Write what is added until `end_output`. Raises TimeoutError if the client is too slow."""
        self._ping_if_silent()
        try:
            while True:
                while self._answers or self._ready:
                    blocked_write = write(self._take_messages())
                    self._written_at = self._loop.time()
                    if blocked_write is not None:
                        await self.limit_write(blocked_write)
                if self.is_ending:
                    return
                self._idle_writer = self._loop.create_future()
                await self._idle_writer
        finally:
            self._ping_timer.cancel()
            self._ready.clear()

    async def limit_write(self, blocked_write: Awaitable[object]) -> None:
        """Wait for a write. Raises TimeoutError if the client does not read it in time."""
        try:
            async with running_timeout(self._write_seconds) as self._timeout:
                self._shorten_timeout()
                await blocked_write
        finally:
            self._timeout = None

    def _wake_writer(self) -> None:
        if self._idle_writer is not None and not self._idle_writer.done():
            self._idle_writer.set_result(None)

    def _shorten_timeout(self) -> None:
        """Limit the current write once the connection is ending."""
        if self.is_ending and self._timeout is not None and not self._timeout.expired():
            self._timeout.reschedule(self._ends_at)

    def _take_messages(self) -> list[bytes]:
        """Return the messages of the next write: all answers, then events of each subscriber."""
        messages = [*self._answers]
        if messages:
            self._answers.clear()
            self._answer_bytes = 0
            self._answers_taken.set()
        while self._ready and len(messages) < MAX_MESSAGES_PER_WRITE:
            encode, subscriber = self._ready.popleft()
            messages += map(encode, subscriber.take_messages(MAX_MESSAGES_PER_WRITE))
            if subscriber.is_ready:
                self._ready.append((encode, subscriber))
        return messages

    def _ping_if_silent(self) -> None:
        """Send a ping if nothing was written for long, and look again when one may be due."""
        seconds = self._written_at + self._ping_seconds - self._loop.time()
        if seconds <= 0:
            seconds = self._ping_seconds
            if not self._answers:
                self.add_answer(self._ping)
        self._ping_timer = self._loop.call_later(seconds, self._ping_if_silent)
