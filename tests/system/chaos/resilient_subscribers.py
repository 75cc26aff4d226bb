"""Subscribers that live through anything: each remembers all it is told, and always comes back."""

import asyncio
import json
import random
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage
from websockets.typing import Subprotocol

from gateway.db.events.feed import Position
from gateway.subscriptions.cursors import decode, encode
from tests.system.chaos.expected_events import Heard, Resync, Told, Wish

ELSEWHERE = encode("elsewhere", (0, 0))
"""A cursor of no source here: who comes with it is told at once where the events are."""
DOCUMENT = """
subscription ($filter: ResourceEventFilter, $after: String) {{
  resourceChanged(filter: $filter, after: $after) {{
    __typename
    ... on ResourceEvent {{ cursor uuid kind state {about} }}
    ... on ResyncRequired {{ cursor reason }}
  }}
}}"""
PAUSE, PATIENCE = 0.15, 12
"""Seconds before one comes back; and for which one waits for the first sign of a server."""
LOST = (OSError, ConnectionClosed, InvalidHandshake, InvalidMessage, httpx.TransportError)


class LostError(Exception):
    """The server ended the subscription, or never began it."""


class Subscriber(ABC):
    """One who subscribes, again and again from where it was."""

    def __init__(self, url: str, token: str, wish: Wish) -> None:
        self.url, self.wish = url, wish
        self.heard: list[Heard] = []
        self.losses: Counter[str] = Counter()
        """Why the subscription ended, and how often."""
        self.errors: Counter[str] = Counter()
        """Codes of errors that came with events, as their resource could not be read."""
        self.returns = 0
        self.stays: Callable[[], float] | None = None
        """For how long it stays before it leaves by itself; None for ever."""
        self.reading: asyncio.Event | None = None
        """While this is not set, nothing is read; None for one who always reads."""
        self.cursor = ELSEWHERE
        self._token = f"Token {token}"

    @property
    def position(self) -> Position:
        """Where it is."""
        return self.heard[-1].position if self.heard else (0, 0)

    def rest(self) -> None:
        """Read nothing for a while."""
        assert self.reading is not None
        self.reading.clear()

    def go_on(self) -> None:
        """Read again."""
        assert self.reading is not None
        self.reading.set()

    @property
    def resyncs(self) -> list[Resync]:
        """Give what says that events may have been missed; the first was asked for."""
        return [each for each in self.heard[1:] if isinstance(each, Resync)]

    async def run(self) -> None:
        """Subscribe until cancelled."""
        while True:
            try:
                async with asyncio.timeout(self.stays() if self.stays else None):
                    await self._subscribe()
            except TimeoutError:
                self.returns += 1
            except (LostError, *LOST) as problem:
                self.losses[_named(problem)] += 1
                await asyncio.sleep(random.uniform(PAUSE / 3, PAUSE))

    @abstractmethod
    async def _subscribe(self) -> None:
        """Subscribe after the cursor, and hear until that ends; LostError or one of LOST."""

    def _asked(self) -> dict[str, Any]:
        document = DOCUMENT.format(about=self.wish.about)
        variables = {"filter": self.wish.filter or None, "after": self.cursor}
        return {"query": document, "variables": variables}

    def hear(self, response: dict[str, Any]) -> None:
        """Remember what was told."""
        for each in response.get("errors", ()):
            self.errors[each["extensions"]["code"]] += 1
        told = (response.get("data") or {}).get("resourceChanged")
        if told is None:
            raise LostError(response["errors"][0]["extensions"]["code"])
        self.cursor = told["cursor"]
        position = decode(told["cursor"])[1]
        if told["__typename"] == "ResyncRequired":
            self.heard.append(Resync(position, told["reason"]))
        else:
            self.heard.append(Told(position, told["uuid"], told["kind"], told["state"]))


class SocketSubscriber(Subscriber):
    """One over a WebSocket."""

    async def _subscribe(self) -> None:
        async with self._connected() as socket:
            init = {"type": "connection_init", "payload": {"Authorization": self._token}}
            await socket.send(json.dumps(init))
            async with asyncio.timeout(PATIENCE):
                acknowledged = json.loads(await socket.recv())
            assert acknowledged == {"type": "connection_ack"}, acknowledged
            asked = {"type": "subscribe", "id": "1", "payload": self._asked()}
            await socket.send(json.dumps(asked))
            while True:
                if self.reading is not None:
                    await self.reading.wait()
                await self._take(socket, json.loads(await socket.recv()))

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[ClientConnection]:
        socket = await connect(
            f"{self.url.replace('http', 'ws', 1)}/graphql",
            subprotocols=[Subprotocol("graphql-transport-ws")],
            max_queue=16 if self.reading is None else 1,
            ping_interval=None,
            close_timeout=1,
            proxy=None,
            compression=None,
            open_timeout=PATIENCE,
        )
        try:
            yield socket
        except BaseException:
            socket.transport.abort()  # gone as a client is whose machine dies: without a word
            raise

    async def _take(self, socket: ClientConnection, message: dict[str, Any]) -> None:
        if message["type"] == "next":
            self.hear(message["payload"])
        elif message["type"] == "ping":
            await socket.send('{"type":"pong"}')
        else:
            raise LostError(message["payload"][0]["extensions"]["code"])


class StreamSubscriber(Subscriber):
    """One over Server-Sent Events, which says by `Last-Event-ID` where it was."""

    async def _subscribe(self) -> None:
        headers = {"Authorization": self._token, "Accept": "text/event-stream"}
        asked = self._asked()
        headers["Last-Event-ID"] = asked["variables"].pop("after")
        timeout = httpx.Timeout(PATIENCE, read=30)
        async with (
            httpx.AsyncClient(timeout=timeout) as http,
            http.stream("POST", f"{self.url}/graphql", json=asked, headers=headers) as answer,
        ):
            if answer.status_code != httpx.codes.OK:
                raise LostError(str(answer.status_code))
            await self._read(answer)

    async def _read(self, answer: httpx.Response) -> None:
        id_ = ""
        async for line in answer.aiter_lines():
            if self.reading is not None:
                await self.reading.wait()
            name, _, value = line.partition(": ")
            if name == "id":
                id_ = value
            elif name == "data" and value:
                self.hear(json.loads(value))
                assert self.cursor == id_, (self.cursor, id_)
        raise LostError("end of stream")


def _named(problem: BaseException) -> str:
    if isinstance(problem, ConnectionClosed) and problem.rcvd is not None:
        return str(problem.rcvd.code)
    return str(problem) if isinstance(problem, LostError) else type(problem).__name__


@asynccontextmanager
async def running(subscribers: Sequence[Subscriber]) -> AsyncIterator[None]:
    """Have subscribers subscribe, once all are told where they begin, for a while."""
    tasks = [asyncio.create_task(each.run()) for each in subscribers]
    try:
        async with asyncio.timeout(30):
            while not all(each.heard for each in subscribers):
                _sound(tasks)
                await asyncio.sleep(0.02)
        yield
        _sound(tasks)
    finally:
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _sound(tasks: Sequence[asyncio.Task[None]]) -> None:
    for each in tasks:
        if each.done():
            each.result()
