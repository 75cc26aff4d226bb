"""Outgoing buffer: bounded answers, writes that block, and the end of a connection."""

import asyncio
from collections.abc import Awaitable

import pytest

from gateway.transports.outgoing_buffer import MAX_QUEUED_ANSWERS, MAX_QUEUED_BYTES, OutgoingBuffer
from tests.support.time_limits import time_limit, wait_until

LONG_SECONDS = 1000.0


class RecordingConnection:
    """A connection that records what is written, and blocks if its client does not read."""

    def __init__(self, write_seconds: float = LONG_SECONDS) -> None:
        self.outgoing = OutgoingBuffer(write_seconds, b"ping", LONG_SECONDS)
        self.is_reading = asyncio.Event()
        self.written: list[bytes] = []

    def write_messages(self, messages: list[bytes]) -> Awaitable[object] | None:
        """Record messages; return the wait for the client if it does not read."""
        self.written += messages
        return None if self.is_reading.is_set() else self.is_reading.wait()

    async def write_until_end(self) -> None:
        """Write within the test's time limit."""
        async with time_limit(10, "the end of the connection"):
            await self.outgoing.write_until_end(self.write_messages)


async def test_client_that_reads_nothing_exceeds_the_time_limit() -> None:
    connection = RecordingConnection(write_seconds=0.01)
    connection.outgoing.add_answer(b"answer")
    with pytest.raises(TimeoutError, match=r"^$"):
        await connection.write_until_end()
    assert connection.written == [b"answer"]


async def test_end_shortens_a_write_that_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.transports.outgoing_buffer.CLOSE_TIMEOUT_SECONDS", 0.01)
    connection = RecordingConnection()
    connection.outgoing.add_answer(b"answer")
    writer = asyncio.create_task(connection.write_until_end())
    await wait_until(lambda: bool(connection.written))
    connection.outgoing.end_output()
    with pytest.raises(TimeoutError, match=r"^$"):
        await writer


async def test_answers_are_written_before_the_end() -> None:
    connection = RecordingConnection()
    connection.outgoing.add_answer(b"first")
    writer = asyncio.create_task(connection.write_until_end())
    await wait_until(lambda: bool(connection.written))
    connection.outgoing.add_answer(b"second")
    connection.outgoing.end_output()
    connection.is_reading.set()
    await writer
    assert connection.written == [b"first", b"second"]


@pytest.mark.parametrize(
    ("answer", "count"), [(b"", MAX_QUEUED_ANSWERS), (b"x" * MAX_QUEUED_BYTES, 1)]
)
async def test_requests_wait_while_answers_are_not_read(answer: bytes, count: int) -> None:
    connection = RecordingConnection()
    for _ in range(count):
        connection.outgoing.add_answer(answer)
    await connection.outgoing.wait_for_space()
    connection.outgoing.add_answer(b"one more")
    waiting = asyncio.create_task(connection.outgoing.wait_for_space())
    await asyncio.sleep(0)
    assert not waiting.done()
    connection.is_reading.set()
    writer = asyncio.create_task(connection.write_until_end())
    await waiting
    connection.outgoing.end_output()
    await writer
    assert connection.written == [answer] * count + [b"one more"]
