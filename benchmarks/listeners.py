"""A thousand WebSocket subscribers in one process, which read as fast as Python can.

    python -m benchmarks.listeners URL TOKENS SOCKETS EVENTS

They say `ready` when all are subscribed, read until each has so many events, and print what came
as JSON. A line on standard input before that ends them.
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
SHORT, MEDIUM = 126, 127
TEXT, PING = 0x81, 0x89
PATIENCE = 30
"""Seconds without any message after which the rest is taken for lost."""


def masked(text: str) -> bytes:
    """Write a client's frame; a mask of zeros changes nothing."""
    payload = text.encode()
    length = len(payload)
    head = bytes((0x81, 0x80 | length)) if length < SHORT else b"\x81\xfe" + length.to_bytes(2)
    return head + b"\0\0\0\0" + payload


def _frame(buffer: bytes, place: int) -> tuple[int, int, int] | None:
    """Give what is at a place: the first byte, where the payload begins, and where it ends."""
    if len(buffer) - place < 2:  # noqa: PLR2004 - the shortest head
        return None
    length, start = buffer[place + 1], place + 2
    if length == SHORT:
        length, start = int.from_bytes(buffer[start : start + 2]), start + 2
    elif length == MEDIUM:
        length, start = int.from_bytes(buffer[start : start + 8]), start + 8
    end = start + length
    return None if len(buffer) < end else (buffer[place], start, end)


class Listener(asyncio.Protocol):
    """One subscriber."""

    def __init__(self, crowd: "Crowd", token: str) -> None:
        self._crowd, self._token = crowd, token
        self._buffer, self._open = b"", False
        self.cursors: list[bytes] = []
        self.resyncs = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for a WebSocket, and subscribe."""
        self._transport = transport = cast("asyncio.Transport", transport)
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET /graphql HTTP/1.1\r\nHost: {self._crowd.host}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n".encode()
        )
        init = {"type": "connection_init", "payload": {"Authorization": f"Token {self._token}"}}
        asked = {"type": "subscribe", "id": "1", "payload": {"query": DOCUMENT}}
        self._first = [masked(json.dumps(each)) for each in (init, asked)]

    def data_received(self, data: bytes) -> None:
        """Take frames."""
        now, self._buffer = time.time(), self._buffer + data
        if not self._open and not self._opened():
            return
        place = 0
        while (found := _frame(self._buffer, place)) is not None:
            opcode, start, place = found
            payload = self._buffer[start:place]
            if opcode == TEXT:
                self._take(payload, now)
            elif opcode == PING:
                self._transport.write(bytes((0x8A, 0x80 | len(payload))) + b"\0\0\0\0" + payload)
        self._buffer = self._buffer[place:]

    def _opened(self) -> bool:
        """Take the answer to the handshake; say whether all of it has come."""
        head, end, self._buffer = self._buffer.partition(b"\r\n\r\n")
        if not end:
            self._buffer = head
            return False
        assert head.startswith(b"HTTP/1.1 101"), head
        self._open = True
        self._transport.write(b"".join(self._first))
        return True

    def _take(self, message: bytes, now: float) -> None:
        place = message.find(b'"cursor":"')
        if place < 0:
            if message.startswith(b'{"type":"connection_ack"'):
                self._crowd.subscribed()
            elif not message.startswith(b'{"type":"ping"'):
                raise AssertionError(message)
            return
        if b'"reason"' in message:
            self.resyncs += 1
            self._crowd.finished()
            return
        self.cursors.append(message[place + 10 : message.index(b'"', place + 10)])
        at = message.index(b'"at":"') + 6
        self._crowd.took(message[at : message.index(b'"', at)], now)


class Crowd:
    """All subscribers."""

    def __init__(self, url: str, events: int) -> None:
        self.host, self._events = urlsplit(url).netloc, events
        self.listeners: list[Listener] = []
        self.delays = array("d")
        self.all_subscribed, self.done = asyncio.Event(), asyncio.Event()
        self._subscribed, self._left, self._known = 0, 0, dict[bytes, float]()
        self.last = time.time()

    async def run(self, tokens: list[str], sockets: int) -> None:
        """Subscribe, say so, and read until all came or nothing comes any more."""
        self._left = sockets * self._events
        loop, (host, _, port) = asyncio.get_running_loop(), self.host.rpartition(":")
        for number in range(sockets):
            listener = Listener(self, tokens[number % len(tokens)])
            self.listeners.append(listener)
            await loop.create_connection(lambda made=listener: made, host, int(port))  # type: ignore[misc]
        async with asyncio.timeout(PATIENCE):
            await self.all_subscribed.wait()
        await asyncio.sleep(2)
        print("ready", flush=True)
        while time.time() - self.last < PATIENCE:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.done.wait(), 1)
                return

    def subscribed(self) -> None:
        """Count one who is connected."""
        self._subscribed += 1
        self.last = time.time()
        if self._subscribed == len(self.listeners) == self._left // self._events:
            self.all_subscribed.set()

    def took(self, at: bytes, now: float) -> None:
        """Count an event that was written `at` a moment."""
        moment = self._known.get(at)
        if moment is None:
            moment = self._known[at] = datetime.fromisoformat(at.decode()).timestamp()
        self.delays.append(now - moment)
        self.last = now
        self._left -= 1
        if self._left <= 0:
            self.done.set()

    def finished(self) -> None:
        """Expect nothing more: some are to read anew."""
        self.last = time.time()

    def figures(self) -> dict[str, object]:
        """Tell what came."""
        longest = max((each.cursors for each in self.listeners), key=len)
        cut = quantiles(self.delays, n=1000)
        return {
            "sockets": len(self.listeners),
            "received": len(self.delays),
            "missing": self._left,
            "resyncs": sum(each.resyncs for each in self.listeners),
            "in order and complete": sum(each.cursors == longest for each in self.listeners),
            "order": [each.decode() for each in longest],
            "milliseconds": {
                "p50": cut[499] * 1000,
                "p99": cut[989] * 1000,
                "p99.9": cut[998] * 1000,
                "max": max(self.delays) * 1000,
            },
            "last": self.last,
        }


def main(url: str, tokens: str, sockets: str, events: str) -> None:
    """Run until the end."""
    crowd = Crowd(url, int(events))
    uvloop.run(crowd.run(tokens.split(","), int(sockets)))
    print(json.dumps(crowd.figures()), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
