"""A process of WebSocket subscribers, with a minimal WebSocket client for speed.

    python -m benchmarks.websocket_subscribers URL TOKENS SOCKETS EVENTS

TOKENS are comma-separated, SOCKETS is the number of subscribers, EVENTS the number that each
waits for. The process prints `ready` when all are subscribed, and the figures as a line of JSON
when all events have arrived, or none for SILENCE_TIMEOUT_SECONDS.
"""

import asyncio
import base64
import json
import os
import sys
import time
from array import array
from contextlib import suppress
from datetime import datetime
from statistics import quantiles
from typing import cast
from urllib.parse import urlsplit

import uvloop

DOCUMENT = """subscription {
  resourceChanged {
    ... on ResourceEvent {
      cursor at kind previousState state uuid resource { name state project { name } }
    }
    ... on ResyncRequired { reason cursor }
  }
}"""
SHORT_LENGTH_CODE, LONG_LENGTH_CODE = 126, 127
TEXT_FRAME, PING_FRAME = 0x81, 0x89
SILENCE_TIMEOUT_SECONDS = 30
"""Seconds without a message after which the missing events count as lost."""


def encode_client_frame(text: str) -> bytes:
    """Return a client's text frame; it is masked by zeros, which leaves the payload unchanged."""
    payload = text.encode()
    length = len(payload)
    header = (
        bytes((0x81, 0x80 | length))
        if length < SHORT_LENGTH_CODE
        else b"\x81\xfe" + length.to_bytes(2)
    )
    return header + b"\0\0\0\0" + payload


def _parse_frame(buffer: bytes, offset: int) -> tuple[int, int, int] | None:
    """Return the first byte and payload bounds of the frame at `offset`; None if incomplete."""
    if len(buffer) - offset < 2:  # noqa: PLR2004 - the shortest header
        return None
    length, start = buffer[offset + 1], offset + 2
    if length == SHORT_LENGTH_CODE:
        length, start = int.from_bytes(buffer[start : start + 2]), start + 2
    elif length == LONG_LENGTH_CODE:
        length, start = int.from_bytes(buffer[start : start + 8]), start + 8
    end = start + length
    return None if len(buffer) < end else (buffer[offset], start, end)


class SubscriberProtocol(asyncio.Protocol):
    """A subscriber: one WebSocket with one subscription."""

    def __init__(self, pool: "SubscriberPool", token: str) -> None:
        self._pool, self._token = pool, token
        self._buffer, self._is_open = b"", False
        self.cursors: list[bytes] = []
        self.resync_count = 0

    def get_protocol(self) -> "SubscriberProtocol":
        """Return itself, as the protocol factory of asyncio."""
        return self

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the handshake; prepare the frames that follow its response."""
        self._transport = transport = cast("asyncio.Transport", transport)
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET /graphql HTTP/1.1\r\nHost: {self._pool.host}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n".encode()
        )
        init_message = {
            "type": "connection_init",
            "payload": {"Authorization": f"Token {self._token}"},
        }
        subscribe_message = {"type": "subscribe", "id": "1", "payload": {"query": DOCUMENT}}
        self._initial_frames = [
            encode_client_frame(json.dumps(message))
            for message in (init_message, subscribe_message)
        ]

    def data_received(self, data: bytes) -> None:
        """Handle all complete frames."""
        now, self._buffer = time.time(), self._buffer + data
        if not self._is_open and not self._handle_handshake():
            return
        offset = 0
        while (frame := _parse_frame(self._buffer, offset)) is not None:
            opcode, start, offset = frame
            payload = self._buffer[start:offset]
            if opcode == TEXT_FRAME:
                self._handle_message(payload, now)
            elif opcode == PING_FRAME:
                self._transport.write(bytes((0x8A, 0x80 | len(payload))) + b"\0\0\0\0" + payload)
        self._buffer = self._buffer[offset:]

    def _handle_handshake(self) -> bool:
        """Consume the handshake's response and subscribe; return False if it is incomplete."""
        response_head, separator, self._buffer = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            self._buffer = response_head
            return False
        assert response_head.startswith(b"HTTP/1.1 101"), response_head
        self._is_open = True
        self._transport.write(b"".join(self._initial_frames))
        return True

    def _handle_message(self, message: bytes, now: float) -> None:
        cursor_offset = message.find(b'"cursor":"')
        if cursor_offset < 0:
            if message.startswith(b'{"type":"connection_ack"'):
                self._pool.count_subscribed()
            elif not message.startswith(b'{"type":"ping"'):
                raise AssertionError(message)
            return
        if b'"reason"' in message:
            self.resync_count += 1
            self._pool.record_resync()
            return
        self.cursors.append(message[cursor_offset + 10 : message.index(b'"', cursor_offset + 10)])
        timestamp_offset = message.index(b'"at":"') + 6
        self._pool.record_event(
            message[timestamp_offset : message.index(b'"', timestamp_offset)], now
        )


class SubscriberPool:
    """All subscribers, with their counters and delays."""

    def __init__(self, url: str, events_each: int) -> None:
        self.host, self._events_each = urlsplit(url).netloc, events_each
        self.subscribers: list[SubscriberProtocol] = []
        self.delays_seconds = array("d")
        self.all_subscribed, self.all_received = asyncio.Event(), asyncio.Event()
        self._subscribed_count = self._remaining_events = 0
        self._timestamps: dict[bytes, float] = {}
        self.last_message_at = time.time()

    async def run_subscribers(self, tokens: list[str], socket_count: int) -> None:
        """Subscribe, print `ready`, and wait for all events or the silence timeout."""
        self._remaining_events = socket_count * self._events_each
        loop, (host, _, port) = asyncio.get_running_loop(), self.host.rpartition(":")
        for number in range(socket_count):
            subscriber = SubscriberProtocol(self, tokens[number % len(tokens)])
            self.subscribers.append(subscriber)
            await loop.create_connection(subscriber.get_protocol, host, int(port))
        async with asyncio.timeout(SILENCE_TIMEOUT_SECONDS):
            await self.all_subscribed.wait()
        await asyncio.sleep(2)
        print("ready", flush=True)
        while time.time() - self.last_message_at < SILENCE_TIMEOUT_SECONDS:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.all_received.wait(), 1)
                return

    def count_subscribed(self) -> None:
        """Count an acknowledged connection."""
        self._subscribed_count += 1
        self.last_message_at = time.time()
        socket_count = self._remaining_events // self._events_each
        if self._subscribed_count == len(self.subscribers) == socket_count:
            self.all_subscribed.set()

    def record_event(self, timestamp: bytes, now: float) -> None:
        """Record the delay of an event, whose field `at` is `timestamp`."""
        written_at = self._timestamps.get(timestamp)
        if written_at is None:
            written_at = self._timestamps[timestamp] = datetime.fromisoformat(
                timestamp.decode()
            ).timestamp()
        self.delays_seconds.append(now - written_at)
        self.last_message_at = now
        self._remaining_events -= 1
        if self._remaining_events <= 0:
            self.all_received.set()

    def record_resync(self) -> None:
        """Record that a subscriber must resynchronise."""
        self.last_message_at = time.time()

    def collect_figures(self) -> dict[str, object]:
        """Return the figures: counts, completeness, percentiles of delays."""
        longest_cursors = max((subscriber.cursors for subscriber in self.subscribers), key=len)
        percentiles = quantiles(self.delays_seconds, n=1000)
        return {
            "sockets": len(self.subscribers),
            "received": len(self.delays_seconds),
            "missing": self._remaining_events,
            "resyncs": sum(subscriber.resync_count for subscriber in self.subscribers),
            "in order and complete": sum(
                subscriber.cursors == longest_cursors for subscriber in self.subscribers
            ),
            "order": [cursor.decode() for cursor in longest_cursors],
            "milliseconds": {
                "p50": percentiles[499] * 1000,
                "p99": percentiles[989] * 1000,
                "p99.9": percentiles[998] * 1000,
                "max": max(self.delays_seconds) * 1000,
            },
            "last": self.last_message_at,
        }


def main(url: str, tokens: str, sockets: str, events: str) -> None:
    """Run the subscribers and print their figures as JSON."""
    pool = SubscriberPool(url, int(events))
    uvloop.run(pool.run_subscribers(tokens.split(","), int(sockets)))
    print(json.dumps(pool.collect_figures()), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
