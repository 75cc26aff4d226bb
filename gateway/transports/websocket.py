"""One WebSocket, by the protocol graphql-transport-ws; several operations share it."""

import asyncio
import logging
from collections import deque
from itertools import count
from typing import Any

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.utils import ClientDisconnected

from gateway.auth.authenticator import UnauthenticatedError, asker
from gateway.db.access.viewer import Viewer
from gateway.db.driver.errors import TimedOutError, UnavailableError
from gateway.execution.errors import Code, failure
from gateway.http.request_head import Headed
from gateway.subscriptions.session_monitor import Name
from gateway.transports.frame_writer import EXTENSION, HASTE, Writes
from gateway.transports.graphql_transport_ws import (
    Close,
    CloseError,
    asking_in,
    authorization_in,
    closing,
    id_in,
    message_in,
    written,
)
from gateway.transports.services import Desk
from gateway.transports.websocket_operation import Operation

log = logging.getLogger(__name__)
INITIALISATION, BEAT = 10, 25
"""Seconds within which a client says who it is, and between two signs of life."""
STALLED = 60
"""Seconds for a client to take what is sent."""
FEW, AT_ONCE = 100, 64
"""So many answers may wait before nothing more is read; so many events are written at once."""


class Socket:
    """One connection."""

    def __init__(self, desk: Desk, scope: Scope, receive: Receive, send: Send, id_: str) -> None:
        """Serve the connection of `scope`, which the log calls `id_`."""
        self.desk, self._log_id = desk, id_
        self.name: Name | None = None
        self.operations: dict[str, Operation] = {}
        self._receive, self._send = receive, send
        self._head = Headed(scope, receive)
        self._server: dict[str, Any] = scope.get("extensions", {}).get(EXTENSION, {})
        self._writes: Writes | None = self._server.get("write")
        self._count = count()
        self._out: deque[bytes] = deque()
        self._ready: deque[Operation] = deque()
        self._some, self._sent = asyncio.Event(), asyncio.Event()
        self._end: asyncio.Future[CloseError] = asyncio.get_running_loop().create_future()
        self._viewer: Viewer

    async def serve(self) -> None:
        """Serve until one of both sides has enough."""
        tasks = [asyncio.create_task(each()) for each in (self._read, self._write, self._beat)]
        for each in tasks:
            each.add_done_callback(self._ended)
        try:
            why = await self._end
            self._leave()
            async with asyncio.timeout(HASTE):
                await self._close(why)
        except ClientDisconnected:
            pass
        except TimeoutError:
            self._server.get("abort", bool)()
        finally:
            for each in tasks:
                each.cancel()
            self._leave()
            await asyncio.gather(*tasks, return_exceptions=True)

    def seen(self, viewer: Viewer) -> None:
        """Go on as this viewer."""
        self._viewer = viewer
        for each in self.operations.values():
            each.seen(viewer)

    @property
    def viewer(self) -> Viewer:
        """Who is at the other end."""
        return self._viewer

    def refused(self, why: str) -> None:
        """End: the token does not count any more."""
        self.close(CloseError(Close.FORBIDDEN, why))

    def close(self, why: Exception) -> None:
        """End the connection."""
        if not self._end.done():
            self._end.set_exception(why) if not isinstance(why, CloseError) else (
                self._end.set_result(why)
            )

    def say(self, message: bytes) -> None:
        """Send a message."""
        self._out.append(message)
        self._some.set()

    def ready(self, operation: Operation) -> None:
        """Send what waits for an operation."""
        self._ready.append(operation)
        self._some.set()

    def _ended(self, task: "asyncio.Task[None]") -> None:
        """End the connection as one of its tasks ended."""
        problem = None if task.cancelled() else task.exception()
        if isinstance(problem, (CloseError, ClientDisconnected)):
            self.close(problem)
        elif problem is not None:
            log.error("%s", self._log_id, exc_info=problem)
            self.close(CloseError(Close.INTERNAL, "Something went wrong here."))

    async def _read(self) -> None:
        try:
            async with asyncio.timeout(INITIALISATION):
                while (message := await self._message())["type"] != "connection_init":
                    self._usual(message)
        except TimeoutError:
            why = f"Send connection_init within {INITIALISATION} seconds."
            raise CloseError(Close.INITIALISATION_TIMEOUT, why) from None
        await self._initialise(message)
        while True:
            self._take(await self._message())

    async def _message(self) -> dict[str, Any]:
        while len(self._out) > FEW:
            self._sent.clear()
            await self._sent.wait()
        event = await self._receive()
        if event["type"] == "websocket.disconnect":
            raise ClientDisconnected
        return message_in(event.get("text"))

    async def _initialise(self, message: dict[str, Any]) -> None:
        given = authorization_in(message) or self._head.heard.get(b"authorization", ())
        forwarded = self._head.heard.get(b"x-forwarded-for", ())
        try:
            trusted = self.desk.settings.trusted_proxies
            name = asker(given, self._head.peer, forwarded, trusted)
            self._viewer = await self.desk.presence.enter(self, name)
        except UnauthenticatedError as problem:
            raise CloseError(Close.FORBIDDEN, str(problem)) from None
        except (UnavailableError, TimedOutError):
            raise CloseError(Close.UNAVAILABLE, "The database can't be reached.") from None
        self.name = name
        self.say(written("connection_ack"))

    def _take(self, message: dict[str, Any]) -> None:
        """Do what a message says, once the client has said who it is."""
        if message["type"] == "connection_init":
            why = "There was a connection_init before."
            raise CloseError(Close.TOO_MANY_INITIALISATIONS, why)
        if message["type"] == "subscribe":
            self._subscribe(id_in(message), message)
        elif message["type"] == "complete":
            operation = self.operations.pop(id_in(message), None)
            if operation is not None:
                operation.end()
        else:
            self._usual(message)

    def _usual(self, message: dict[str, Any]) -> None:
        """Do what a message says that may come at any time."""
        if message["type"] == "ping":
            payload = message.get("payload")
            self.say(written("pong", **({} if payload is None else {"payload": payload})))
        elif message["type"] == "subscribe":
            raise CloseError(Close.UNAUTHORIZED, "Send connection_init first.")
        elif message["type"] != "pong":
            raise CloseError(Close.BAD_REQUEST, "There is no such type of message.")

    def _subscribe(self, id_: str, message: dict[str, Any]) -> None:
        if id_ in self.operations:
            raise CloseError(Close.SUBSCRIBER_EXISTS, f"Subscriber for {id_} already exists")
        asking = asking_in(message, f"{self._log_id}.{next(self._count)}")
        most = self.desk.settings.socket_operations
        if len(self.operations) >= most:
            full = f"A connection may have {most} operations at a time."
            refusal = [failure(full, Code.RATE_LIMITED)]
            self.say(written("error", id=id_, payload=refusal))
        else:
            self.operations[id_] = Operation(self, id_, asking)

    async def _write(self) -> None:
        while True:
            await self._some.wait()
            self._some.clear()
            while self._out or self._ready:
                texts = [*self._out]
                self._out.clear()
                while self._ready and len(texts) < AT_ONCE:
                    operation = self._ready.popleft()
                    found, more = operation.drain(AT_ONCE)
                    texts += found
                    if more:
                        self._ready.append(operation)
                if self._writes is None or not self._writes(texts):
                    await self._patiently(texts)
                self._sent.set()

    async def _patiently(self, texts: list[bytes]) -> None:
        """Write once the client has taken what was written before."""
        try:
            async with asyncio.timeout(STALLED):
                if self._writes is None:
                    for each in texts:
                        await self._send({"type": "websocket.send", "text": each.decode()})
                    return
                while not self._writes(texts):
                    await self._server["drained"]()
        except TimeoutError:
            raise CloseError(Close.TOO_SLOW, "The client does not read.") from None

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT)
            self.say(written("ping"))

    async def _close(self, why: CloseError) -> None:
        await self._send(closing(why))

    def _leave(self) -> None:
        if self.name is not None:
            self.desk.presence.leave(self, self.name)
            self.name = None
        for each in self.operations.values():
            each.end()
        self.operations.clear()
