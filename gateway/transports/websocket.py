"""A WebSocket connection by the protocol graphql-transport-ws, shared by several operations."""

import asyncio
from collections.abc import Awaitable
from itertools import count
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from gateway.auth.errors import RefusedCredentialsError
from gateway.db.access.credentials import Credentials
from gateway.db.access.viewer import Viewer
from gateway.error_table import CloseCode
from gateway.execution.errors import format_exception
from gateway.fairness.running_time import running_timeout
from gateway.http.request_credentials import parse_request_credentials
from gateway.http.request_head import RequestHead
from gateway.subscriptions.quota import QuotaExceededError, make_limit_message
from gateway.transports.frame_writer import FRAME_WRITER_EXTENSION, WriteTexts
from gateway.transports.graphql_transport_ws import (
    WebSocketCloseError,
    create_close_event,
    encode_message,
    make_close_error,
    parse_message,
    parse_operation_id,
    parse_payload_headers,
    parse_subscribe_payload,
)
from gateway.transports.outgoing_buffer import OutgoingBuffer
from gateway.transports.services import TransportServices
from gateway.transports.websocket_internals import ClientDisconnected
from gateway.transports.websocket_operation import WebSocketOperation

INITIALISATION_TIMEOUT_SECONDS, PING_INTERVAL_SECONDS = 10, 25
"""Seconds within which `connection_init` must come; seconds between two pings of the server."""
RESTART_REASON = "The server restarts. Connect again."
"""Close reason at shutdown, with a code after which client libraries reconnect."""


class WebSocketConnection:
    """A WebSocket connection after its handshake.

    One task reads, and the connection's own task writes what is in the `OutgoingBuffer`:

        client ==> _read_loop -- subscribe, complete --> WebSocketOperation (one for each id)
                       | pong, connection_ack                 | results, errors, subscribers
                       v                                      v
        client <== _write_messages <-------------------- outgoing

    States:

        ACCEPTED --connection_init--> AUTHENTICATING --connection_ack--> OPEN
            |                              |                              |
            +-- timeout, other message ----+-- token rejected ------------+-- revoked(), protocol
            v                                                                 error, slow client
        CLOSING: operations and session are ended; the rest and the close frame are sent in time
            |  client gone: nothing is sent; client not reading: the connection is aborted
            v
        CLOSED

    `close` begins CLOSING; only its first call counts. A client that reads too slowly is
    disconnected with the code 4499 (see `OutgoingBuffer`).
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
        self.viewer: Viewer
        """The authenticated viewer, as of the session monitor's last check."""
        self.operations: dict[str, WebSocketOperation] = {}
        self.outgoing = OutgoingBuffer(
            services.settings.write_seconds, encode_message("ping"), PING_INTERVAL_SECONDS
        )
        self._receive, self._send = receive, send
        self._request_head = RequestHead(scope, receive)
        self._extension: dict[str, Any] = scope.get("extensions", {}).get(
            FRAME_WRITER_EXTENSION, {}
        )
        self._write_texts: WriteTexts | None = self._extension.get("write")
        self._operation_numbers = count()
        self._close_event: Message | None = None
        self._is_draining = False

    async def serve_connection(self) -> None:
        """Serve the connection until it is closed by either side."""
        reader = asyncio.create_task(self._read_messages())
        try:
            await self._write_until_closed()
        except ClientDisconnected:
            pass
        except TimeoutError:
            self._extension.get("abort", bool)()
        finally:
            reader.cancel()
            self._end_session()
            await asyncio.gather(reader, return_exceptions=True)

    def viewer_changed(self, viewer: Viewer) -> None:
        """Continue all operations with the viewer's current roles."""
        self.viewer = viewer
        for operation in self.operations.values():
            operation.viewer_changed(viewer)

    def revoked(self, error: RefusedCredentialsError) -> None:
        """Close the connection, as its token is no longer valid."""
        self.close(error)

    def begin_drain(self) -> None:
        """Close the connection when its running queries and mutations are finished."""
        self._is_draining = True
        self._close_if_drained()

    def remove_operation(self, operation_id: str) -> WebSocketOperation | None:
        """Remove and return an operation that ends, if there is one; its id is free again."""
        operation = self.operations.pop(operation_id, None)
        self._close_if_drained()
        return operation

    def _close_if_drained(self) -> None:
        if self._is_draining and not any(each.is_executing for each in self.operations.values()):
            self.close(WebSocketCloseError(CloseCode.SERVICE_RESTART, RESTART_REASON))

    def close(self, error: Exception) -> None:
        """End the connection by the close frame of an error; without one after a disconnect."""
        if self.outgoing.is_ending:
            return
        if not isinstance(error, ClientDisconnected):
            if not isinstance(error, WebSocketCloseError):
                error = make_close_error(error, self._request_id)
            self._close_event = create_close_event(error)
        self.outgoing.end_output()
        self._end_session()

    async def _read_messages(self) -> None:
        try:
            await self._read_loop()
        except Exception as error:  # noqa: BLE001 - each ends the connection
            self.close(error)

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
        await self.outgoing.wait_for_space()
        event = await self._receive()
        if event["type"] == "websocket.disconnect" or self.outgoing.is_ending:
            raise ClientDisconnected
        return parse_message(event.get("text"))

    async def _authenticate_client(self, message: dict[str, Any]) -> None:
        settings = self.services.settings
        payload = parse_payload_headers(message, "Authorization", settings.impersonation_header)
        credentials = parse_request_credentials(self._request_head, settings, payload)
        self.viewer = await self.services.session_monitor.add_session(self, credentials)
        self.credentials = credentials
        self.outgoing.add_answer(encode_message("connection_ack"))

    def _handle_message(self, message: dict[str, Any]) -> None:
        """Handle a message of an authenticated client."""
        if message["type"] == "connection_init":
            reason = "Too many initialisation requests."
            raise WebSocketCloseError(CloseCode.TOO_MANY_INITIALISATIONS, reason)
        if message["type"] == "subscribe":
            self._start_operation(parse_operation_id(message), message)
        elif message["type"] == "complete":
            operation = self.remove_operation(parse_operation_id(message))
            if operation is not None:
                operation.end_operation()
        else:
            self._handle_ping_or_reject(message)

    def _handle_ping_or_reject(self, message: dict[str, Any]) -> None:
        """Handle a message that is allowed in any state; reject all others."""
        if message["type"] == "ping":
            payload = message.get("payload")
            self.outgoing.add_answer(
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
            self.outgoing.add_answer(encode_message("error", id=operation_id, payload=errors))
        else:
            self.operations[operation_id] = WebSocketOperation(self, operation_id, graphql_request)

    async def _write_until_closed(self) -> None:
        try:
            await self.outgoing.write_until_end(self._write_messages)
        except TimeoutError:
            reason = f"The client read nothing for {self.services.settings.write_seconds} seconds."
            self.close(WebSocketCloseError(CloseCode.WRITE_TIMEOUT, reason))
        except Exception as error:  # noqa: BLE001 - each ends the connection
            self.close(error)
        if self._close_event is not None:
            await self.outgoing.limit_write(self._send(self._close_event))

    def _write_messages(self, messages: list[bytes]) -> Awaitable[object] | None:
        """Write messages in batched frames, or one by one on servers without them."""
        if self._write_texts is None:
            return self._send_texts(messages)
        return None if self._write_texts(messages) else self._extension["drained"]()

    async def _send_texts(self, messages: list[bytes]) -> None:
        for message in messages:
            await self._send({"type": "websocket.send", "text": message.decode()})

    def _end_session(self) -> None:
        if self.credentials is not None:
            self.services.session_monitor.remove_session(self, self.credentials)
            self.credentials = None
        for operation in self.operations.values():
            operation.end_operation()
        self.operations.clear()
