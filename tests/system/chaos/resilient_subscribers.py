"""Resilient subscribers: clients that record all messages and reconnect after each failure."""

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

from gateway.db.events.feed import EventPosition
from gateway.schema.framework.event_cursors import decode_event_cursor, encode_event_cursor
from tests.support.time_limits import scale_seconds, time_limit
from tests.system.chaos.expected_events import (
    EventNotice,
    ReceivedNotice,
    ResyncNotice,
    SubscriptionRequirement,
)

FOREIGN_CURSOR = encode_event_cursor("elsewhere", (0, 0))
"""A cursor of another source: a subscriber with it receives ResyncRequired with a position."""
SUBSCRIPTION_TEMPLATE = """
subscription ($filter: {type_name}EventFilter, $after: String) {{
  {object_type}Changed(filter: $filter, after: $after) {{
    __typename
    ... on {type_name}Event {{ cursor uuid kind state {about} }}
    ... on ResyncRequired {{ cursor reason }}
  }}
}}"""
MAX_RECONNECT_DELAY_SECONDS, CONNECT_TIMEOUT_SECONDS = 0.15, 12
"""Maximum delay before a reconnect; seconds to wait for the first message of a server."""
CONNECTION_ERRORS = (
    OSError,
    ConnectionClosed,
    InvalidHandshake,
    InvalidMessage,
    httpx.TransportError,
)


class SubscriptionLostError(Exception):
    """The server ended or rejected the subscription; the message is the code or the reason."""


class ResilientSubscriber(ABC):
    """Subscriber that continues from its last cursor after each disconnect."""

    def __init__(self, url: str, token: str, requirement: SubscriptionRequirement) -> None:
        self.url, self.requirement = url, requirement
        self.received_notices: list[ReceivedNotice] = []
        self.loss_counts: Counter[str] = Counter()
        """Number of losses of the subscription, by reason."""
        self.error_counts: Counter[str] = Counter()
        """Number of errors in received events (their resource could not be read), by code."""
        self.reconnect_count = 0
        self.choose_stay_seconds: Callable[[], float] | None = None
        """Returns the seconds before the subscriber itself disconnects; None: it never does."""
        self.reading_enabled: asyncio.Event | None = None
        """While this event is not set, nothing is read; None: reading can't be paused."""
        self.cursor = FOREIGN_CURSOR
        self._token = f"Token {token}"

    @property
    def position(self) -> EventPosition:
        """Position of the last message; (0, 0) before the first."""
        return self.received_notices[-1].position if self.received_notices else (0, 0)

    def pause_reading(self) -> None:
        """Stop reading from the connection."""
        assert self.reading_enabled is not None
        self.reading_enabled.clear()

    def resume_reading(self) -> None:
        """Continue reading."""
        assert self.reading_enabled is not None
        self.reading_enabled.set()

    @property
    def resync_notices(self) -> list[ResyncNotice]:
        """All received resyncs but the first message, which FOREIGN_CURSOR causes."""
        return [each for each in self.received_notices[1:] if isinstance(each, ResyncNotice)]

    async def run_forever(self) -> None:
        """Subscribe, and reconnect after each loss, until cancelled."""
        while True:
            try:
                async with asyncio.timeout(
                    self.choose_stay_seconds() if self.choose_stay_seconds else None
                ):
                    await self._subscribe()
            except TimeoutError:
                self.reconnect_count += 1
            except (SubscriptionLostError, *CONNECTION_ERRORS) as error:
                self.loss_counts[_loss_reason(error)] += 1
                await asyncio.sleep(
                    random.uniform(MAX_RECONNECT_DELAY_SECONDS / 3, MAX_RECONNECT_DELAY_SECONDS)
                )

    @abstractmethod
    async def _subscribe(self) -> None:
        """Subscribe after the cursor and record messages until the subscription ends.

        Raises SubscriptionLostError or one of CONNECTION_ERRORS.
        """

    def _create_payload(self) -> dict[str, Any]:
        object_type = self.requirement.object_type
        document = SUBSCRIPTION_TEMPLATE.format(
            object_type=object_type,
            type_name=object_type.capitalize(),
            about=self.requirement.extra_selection,
        )
        variables = {"filter": self.requirement.filter_argument or None, "after": self.cursor}
        return {"query": document, "variables": variables}

    def record_response(self, response: dict[str, Any]) -> None:
        """Record an event or a resync, and its cursor.

        Raises SubscriptionLostError if the response has errors only.
        """
        for error in response.get("errors", ()):
            self.error_counts[error["extensions"]["code"]] += 1
        event = next(iter((response.get("data") or {}).values()), None)
        if event is None:
            raise SubscriptionLostError(response["errors"][0]["extensions"]["code"])
        self.cursor = event["cursor"]
        position = decode_event_cursor(event["cursor"])[1]
        if event["__typename"] == "ResyncRequired":
            self.received_notices.append(ResyncNotice(position, event["reason"]))
        else:
            self.received_notices.append(
                EventNotice(position, event["uuid"], event["kind"], event["state"])
            )


class WebSocketSubscriber(ResilientSubscriber):
    """Subscriber by a WebSocket."""

    async def _subscribe(self) -> None:
        async with self._open_websocket() as websocket:
            init = {"type": "connection_init", "payload": {"Authorization": self._token}}
            await websocket.send(json.dumps(init))
            async with asyncio.timeout(scale_seconds(CONNECT_TIMEOUT_SECONDS)):
                acknowledged = json.loads(await websocket.recv())
            assert acknowledged == {"type": "connection_ack"}, acknowledged
            subscribe_message = {"type": "subscribe", "id": "1", "payload": self._create_payload()}
            await websocket.send(json.dumps(subscribe_message))
            while True:
                if self.reading_enabled is not None:
                    await self.reading_enabled.wait()
                await self._handle_message(websocket, json.loads(await websocket.recv()))

    @asynccontextmanager
    async def _open_websocket(self) -> AsyncIterator[ClientConnection]:
        websocket = await connect(
            f"{self.url.replace('http', 'ws', 1)}/graphql",
            subprotocols=[Subprotocol("graphql-transport-ws")],
            max_queue=16 if self.reading_enabled is None else 1,
            ping_interval=None,
            close_timeout=1,
            proxy=None,
            compression=None,
            open_timeout=scale_seconds(CONNECT_TIMEOUT_SECONDS),
        )
        try:
            yield websocket
        except BaseException:
            websocket.transport.abort()  # as if the client's machine had crashed: no close frame
            raise

    async def _handle_message(self, websocket: ClientConnection, message: dict[str, Any]) -> None:
        if message["type"] == "next":
            self.record_response(message["payload"])
        elif message["type"] == "ping":
            await websocket.send('{"type":"pong"}')
        else:
            raise SubscriptionLostError(message["payload"][0]["extensions"]["code"])


class SSESubscriber(ResilientSubscriber):
    """Subscriber by Server-Sent Events, which sends its cursor in `Last-Event-ID`."""

    async def _subscribe(self) -> None:
        headers = {"Authorization": self._token, "Accept": "text/event-stream"}
        payload = self._create_payload()
        headers["Last-Event-ID"] = payload["variables"].pop("after")
        timeout = httpx.Timeout(scale_seconds(CONNECT_TIMEOUT_SECONDS), read=scale_seconds(30))
        async with (
            httpx.AsyncClient(timeout=timeout) as http,
            http.stream("POST", f"{self.url}/graphql", json=payload, headers=headers) as response,
        ):
            if response.status_code != httpx.codes.OK:
                raise SubscriptionLostError(str(response.status_code))
            await self._read_events(response)

    async def _read_events(self, response: httpx.Response) -> None:
        event_id = ""
        async for line in response.aiter_lines():
            if self.reading_enabled is not None:
                await self.reading_enabled.wait()
            name, _, value = line.partition(": ")
            if name == "id":
                event_id = value
            elif name == "data" and value:
                self.record_response(json.loads(value))
                assert self.cursor == event_id, (self.cursor, event_id)
        raise SubscriptionLostError("end of stream")


def _loss_reason(error: BaseException) -> str:
    if isinstance(error, ConnectionClosed) and error.rcvd is not None:
        return str(error.rcvd.code)
    return str(error) if isinstance(error, SubscriptionLostError) else type(error).__name__


@asynccontextmanager
async def run_subscribers(subscribers: Sequence[ResilientSubscriber]) -> AsyncIterator[None]:
    """Run subscribers during the context, which starts when each has a first message."""
    tasks = [asyncio.create_task(each.run_forever()) for each in subscribers]
    try:
        async with time_limit(30, "the first message of each subscriber"):
            while not all(each.received_notices for each in subscribers):
                _raise_task_errors(tasks)
                await asyncio.sleep(0.02)
        yield
        _raise_task_errors(tasks)
    finally:
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _raise_task_errors(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        if task.done():
            task.result()
