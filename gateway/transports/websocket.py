"""A WebSocket connection by the protocol graphql-transport-ws, shared by several operations."""

import asyncio
from collections import deque
from itertools import count
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from gateway.auth.authenticator import UnauthenticatedError, parse_credentials
from gateway.db.access.viewer import Viewer
from gateway.error_table import CloseCode
from gateway.execution.errors import format_exception
from gateway.fairness.running_time import running_timeout
from gateway.http.request_head import RequestHead
from gateway.subscriptions.quota import QuotaExceededError, make_limit_message
from gateway.subscriptions.session_monitor import Credentials
from gateway.transports.frame_writer import (
    CLOSE_TIMEOUT_SECONDS,
    FRAME_WRITER_EXTENSION,
    WriteTexts,
)
from gateway.transports.graphql_transport_ws import (
    WebSocketCloseError,
    create_close_event,
    encode_message,
    make_close_error,
    parse_authorization,
    parse_message,
    parse_operation_id,
    parse_subscribe_payload,
)
from gateway.transports.services import TransportServices
from gateway.transports.websocket_internals import ClientDisconnected
from gateway.transports.websocket_operation import WebSocketOperation

INITIALISATION_TIMEOUT_SECONDS, PING_INTERVAL_SECONDS = 10, 25
"""Seconds within which `connection_init` must come; seconds between two pings of the server."""
WRITE_TIMEOUT_SECONDS = 60
"""Seconds within which the client must read so far that a blocked write can go on."""
RESTART_REASON = "The server restarts. Connect again."
"""Close reason at shutdown, with a code after which client libraries reconnect."""
MAX_QUEUED_MESSAGES, MAX_QUEUED_BYTES, MAX_MESSAGES_PER_WRITE = 100, 65_536, 64
"""Outgoing messages and bytes above which the client's are not read; messages of one write."""


class WebSocketConnection:
    """A WebSocket connection after its handshake.

    Three tasks serve it until one of them, or the session monitor, ends it by `close`:

        client ==> _read_loop -- subscribe, complete --> WebSocketOperation (one for each id)
                       |                                      |                  |
                       | pong, connection_ack                 | enqueue          | mark_ready
                       v                                      v                  v
                   _outgoing (results, errors, pings)  <------+          _ready_operations
                       |                                                         |
        client <== _write_loop <-------------- take_messages (events) -----------+
                       ^
                   _ping_loop

    States:

        ACCEPTED --connection_init--> AUTHENTICATING --connection_ack--> OPEN
            |                              |                              |
            +-- timeout, other message ----+-- token rejected ------------+-- revoked(), protocol
            v                                                                 error, slow client
        CLOSING: operations end, the close frame is sent within CLOSE_TIMEOUT_SECONDS
            |  client gone: nothing is sent; client not reading: the connection is aborted
            v
        CLOSED: tasks cancelled, session removed from the monitor

    **Backpressure.** Events wait in the queues of their subscriptions, which are bounded; the
    writer takes them in turn, at most MAX_MESSAGES_PER_WRITE of an operation at a time. Results
    and pongs wait in `_outgoing`; while that has more than MAX_QUEUED_MESSAGES, or is longer than
    MAX_QUEUED_BYTES, no further message of the client is read. A client that reads nothing for
    WRITE_TIMEOUT_SECONDS is disconnected with the code 4499.

    **Ending.** `_close_event` is set once, by the first `close`: to the close frame to be sent,
    or to None after a disconnect. An exception is not kept: its traceback refers to this
    object, and such a reference cycle needs the garbage collector.
    """

    def __init__(
        self,
        services: TransportServices,
        scope: Scope,
        receive: Receive,
        send: Send,
        request_id: str,
    ) -> None:
        """Serve the accepted connection of `scope`; `request_id` names it in the log."""
        self.services, self._request_id = services, request_id
        self.credentials: Credentials | None = None
        self.operations: dict[str, WebSocketOperation] = {}
        self._receive, self._send = receive, send
        self._request_head = RequestHead(scope, receive)
        self._extension: dict[str, Any] = scope.get("extensions", {}).get(
            FRAME_WRITER_EXTENSION, {}
        )
        self._write_texts: WriteTexts | None = self._extension.get("write")
        self._operation_numbers = count()
        self._outgoing: deque[bytes] = deque()
        self._outgoing_bytes = 0
        self._ready_operations: deque[WebSocketOperation] = deque()
        self._has_output, self._output_written = asyncio.Event(), asyncio.Event()
        self._close_event: asyncio.Future[Message | None] = (
            asyncio.get_running_loop().create_future()
        )
        self._viewer: Viewer
        self._is_draining = False

    async def serve_connection(self) -> None:
        """Serve the connection until it is closed by either side."""
        tasks = [
            asyncio.create_task(worker())
            for worker in (self._read_loop, self._write_loop, self._ping_loop)
        ]
        for worker in tasks:
            worker.add_done_callback(self._on_task_done)
        try:
            close_event = await self._close_event
            self._end_operations()
            if close_event is not None:
                async with asyncio.timeout(CLOSE_TIMEOUT_SECONDS):
                    await self._send(close_event)
        except ClientDisconnected:
            pass
        except TimeoutError:
            self._extension.get("abort", bool)()
        finally:
            for worker in tasks:
                worker.cancel()
            self._end_operations()
            await asyncio.gather(*tasks, return_exceptions=True)

    def viewer_changed(self, viewer: Viewer) -> None:
        """Continue all operations with the viewer's current roles."""
        self._viewer = viewer
        for operation in self.operations.values():
            operation.viewer_changed(viewer)

    @property
    def viewer(self) -> Viewer:
        """The authenticated viewer, as of the session monitor's last check."""
        return self._viewer

    def revoked(self, error: UnauthenticatedError) -> None:
        """Close the connection, as its token is no longer valid."""
        self.close(make_close_error(error, self._request_id))

    def begin_drain(self) -> None:
        """Close the connection when its running queries and mutations are finished."""
        self._is_draining = True
        self._has_output.set()

    def _close_if_drained(self) -> None:
        if self._is_draining and not any(each.is_executing for each in self.operations.values()):
            self.close(WebSocketCloseError(CloseCode.SERVICE_RESTART, RESTART_REASON))

    def close(self, error: Exception) -> None:
        """End the connection: with a close frame by WebSocketCloseError, else without."""
        if not self._close_event.done():
            self._close_event.set_result(
                create_close_event(error) if isinstance(error, WebSocketCloseError) else None
            )

    def enqueue(self, message: bytes) -> None:
        """Queue a message for the writer."""
        self._outgoing.append(message)
        self._outgoing_bytes += len(message)
        self._has_output.set()

    def mark_ready(self, operation: WebSocketOperation) -> None:
        """Wake the writer, which then takes the operation's messages."""
        self._ready_operations.append(operation)
        self._has_output.set()

    def _on_task_done(self, task: "asyncio.Task[None]") -> None:
        """End the connection for the reason that ended one of its tasks."""
        error = None if task.cancelled() else task.exception()
        if isinstance(error, (WebSocketCloseError, ClientDisconnected)):
            self.close(error)
        elif error is not None:
            self.close(make_close_error(error, self._request_id))

    async def _read_loop(self) -> None:
        try:
            async with running_timeout(INITIALISATION_TIMEOUT_SECONDS):
                while (message := await self._receive_message())["type"] != "connection_init":
                    self._handle_ping_or_reject(message)
        except TimeoutError:
            reason = f"Send connection_init within {INITIALISATION_TIMEOUT_SECONDS} seconds."
            raise WebSocketCloseError(CloseCode.INITIALISATION_TIMEOUT, reason) from None
        await self._authenticate_client(message)
        while True:
            self._handle_message(await self._receive_message())

    async def _receive_message(self) -> dict[str, Any]:
        while len(self._outgoing) > MAX_QUEUED_MESSAGES or self._outgoing_bytes > MAX_QUEUED_BYTES:
            self._output_written.clear()
            await self._output_written.wait()
        event = await self._receive()
        if event["type"] == "websocket.disconnect":
            raise ClientDisconnected
        return parse_message(event.get("text"))

    async def _authenticate_client(self, message: dict[str, Any]) -> None:
        authorization = parse_authorization(message) or self._request_head.headers.get(
            b"authorization", ()
        )
        credentials = parse_credentials(
            authorization,
            self._request_head.peer_address,
            self._request_head.headers.get(b"x-forwarded-for", ()),
            self.services.settings.trusted_proxies,
        )
        self._viewer = await self.services.session_monitor.add_session(self, credentials)
        self.credentials = credentials
        self.enqueue(encode_message("connection_ack"))

    def _handle_message(self, message: dict[str, Any]) -> None:
        """Handle a message of an authenticated client."""
        if message["type"] == "connection_init":
            reason = "Too many initialisation requests."
            raise WebSocketCloseError(CloseCode.TOO_MANY_INITIALISATIONS, reason)
        if message["type"] == "subscribe":
            self._start_operation(parse_operation_id(message), message)
        elif message["type"] == "complete":
            operation = self.operations.pop(parse_operation_id(message), None)
            if operation is not None:
                operation.end_operation()
        else:
            self._handle_ping_or_reject(message)

    def _handle_ping_or_reject(self, message: dict[str, Any]) -> None:
        """Handle a message that is allowed in any state; reject all others."""
        if message["type"] == "ping":
            payload = message.get("payload")
            self.enqueue(
                encode_message("pong", **({} if payload is None else {"payload": payload}))
            )
        elif message["type"] == "subscribe":
            raise WebSocketCloseError(CloseCode.UNAUTHORIZED, "Send connection_init first.")
        elif message["type"] != "pong":
            reason = f"Unknown message type {message['type'][:50]!r}."
            raise WebSocketCloseError(CloseCode.BAD_REQUEST, reason)

    def _start_operation(self, operation_id: str, message: dict[str, Any]) -> None:
        if operation_id in self.operations:
            raise WebSocketCloseError(
                CloseCode.SUBSCRIBER_EXISTS, f"Subscriber for {operation_id} already exists"
            )
        graphql_request = parse_subscribe_payload(
            message, f"{self._request_id}.{next(self._operation_numbers)}"
        )
        max_operations = self.services.settings.socket_operations
        if len(self.operations) >= max_operations:
            error = QuotaExceededError(
                make_limit_message("A connection", max_operations, "operation")
            )
            errors = [format_exception(error, graphql_request.request_id)]
            self.enqueue(encode_message("error", id=operation_id, payload=errors))
        else:
            self.operations[operation_id] = WebSocketOperation(self, operation_id, graphql_request)

    async def _write_loop(self) -> None:
        while True:
            await self._has_output.wait()
            self._has_output.clear()
            while self._outgoing or self._ready_operations:
                messages = [*self._outgoing]
                self._outgoing.clear()
                self._outgoing_bytes = 0
                while self._ready_operations and len(messages) < MAX_MESSAGES_PER_WRITE:
                    operation = self._ready_operations.popleft()
                    operation_messages, has_more = operation.take_messages(MAX_MESSAGES_PER_WRITE)
                    messages += operation_messages
                    if has_more:
                        self._ready_operations.append(operation)
                if self._write_texts is None or not self._write_texts(messages):
                    await self._write_when_drained(messages)
                self._output_written.set()
            self._close_if_drained()

    async def _write_when_drained(self, messages: list[bytes]) -> None:
        """Write messages as soon as the write buffer has space, or without batched frames.

        Raises WebSocketCloseError if that takes longer than WRITE_TIMEOUT_SECONDS.
        """
        try:
            async with running_timeout(WRITE_TIMEOUT_SECONDS):
                if self._write_texts is None:
                    for message in messages:
                        await self._send({"type": "websocket.send", "text": message.decode()})
                    return
                while not self._write_texts(messages):
                    await self._extension["drained"]()
        except TimeoutError:
            reason = f"The client read nothing for {WRITE_TIMEOUT_SECONDS} seconds."
            raise WebSocketCloseError(CloseCode.WRITE_TIMEOUT, reason) from None

    async def _ping_loop(self) -> None:
        while True:
            await asyncio.sleep(PING_INTERVAL_SECONDS)
            self.enqueue(encode_message("ping"))

    def _end_operations(self) -> None:
        if self.credentials is not None:
            self.services.session_monitor.remove_session(self, self.credentials)
            self.credentials = None
        for operation in self.operations.values():
            operation.end_operation()
        self.operations.clear()
