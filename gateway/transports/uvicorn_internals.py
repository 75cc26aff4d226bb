"""The parts of uvicorn's HTTP server that are not documented, all used here: its protocol classes.

A new version of uvicorn may change them, so pyproject.toml has an upper bound, and
tests/test_library_internals.py names what is gone.
"""

import asyncio
from http import HTTPStatus
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT, FlowControl
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)
from uvicorn.server import ServerState

from gateway.http.message_framing import MessageError
from gateway.http.single_write import SINGLE_WRITE_EXTENSION, encode_headers
from gateway.transports.connection_registry import (
    HEALTH_PATHS,
    ConnectionPhase,
    get_registry,
)
from gateway.transports.half_close_probe import HalfCloseProbe
from gateway.transports.request_reader import ReceivedHead, RequestReader

LINGER_SECONDS = 10
"""Seconds in which the rest of a refused request is received and dropped."""
MAX_DROPPED_BYTES = 65_536
"""The longest rest of a body that is dropped to keep a connection open after its response."""


class ResponseCycle(RequestResponseCycle):
    """Uvicorn's cycle of one request, which leaves closing the connection to the protocol."""

    reader: RequestReader
    must_close = False
    """Whether the connection is closed after the response."""
    is_close_delimited = False
    """Whether the end of the connection ends the body, as its length is unknown."""

    def decide_persistence(self) -> None:
        """Close the connection if much of the body is to come, or none without `100 Continue`."""
        if self.more_body and (
            self.waiting_for_100_continue or not self.reader.is_ending_within(MAX_DROPPED_BYTES)
        ):
            self.keep_alive = False

    def replace_transport(self, transport: Any) -> bool:
        """Use another transport for the response; return False if it has begun."""
        if self.response_started or self.disconnected:
            return False
        self.transport = transport
        return True

    def finish_response(self) -> None:
        """Finish a response that is written, as `send` does."""
        self.response_started = self.response_complete = True
        self.must_close |= not self.keep_alive
        self.message_event.set()
        self.on_response()

    async def send(self, message: Any) -> None:
        """Send a part of the response; without chunked coding to HTTP/1.0."""
        if self.response_started:
            if self.is_close_delimited:
                self.expected_content_length = len(message.get("body", b""))
            await super().send(message)
            return
        self.decide_persistence()
        if self.scope["http_version"] == "1.0":
            names = {name.lower() for name, _ in message.get("headers", ())}
            if b"content-length" not in names:
                self.is_close_delimited, self.chunked_encoding = True, False
        await super().send(message)
        if self.response_started:
            self.must_close |= not self.keep_alive
            self.keep_alive = True


class BoundedFlowControl(FlowControl):
    """Uvicorn's flow control, which reads on only if little input is waiting."""

    reader: RequestReader

    def resume_reading(self) -> None:
        """Read on, unless pipelined requests are still waiting."""
        if self.read_paused and self.reader.input_length <= HIGH_WATER_LIMIT:
            super().resume_reading()


class SingleWriteProtocol(HttpToolsProtocol):
    """Uvicorn's HTTP protocol with bounded input, single-write responses, and endable streams.

    Uvicorn's parsing is replaced by `RequestReader`, which reads one request at a time. Phases
    of a connection, with what ends them:

        IDLE -- first byte --> HEAD -- whole head --> REQUEST -- response, body read --> IDLE
          |                      |                      |
          | idle_seconds         | head_seconds: 408    | response, but the body goes on;
          v                      | malformed: 4xx       | malformed or slow body
        closed                   +-------+--------------+
                                         v
                                     LINGERING: output is shut down, input dropped
                                         | end of input, LINGER_SECONDS
                                         v
                                       closed

    In REQUEST the request has a deadline of its own (`http/deadline.py`). A rest of the body
    of at most MAX_DROPPED_BYTES is dropped while the connection stays open.

    **Half-closed connections.** A client may shut down its side after its request and wait for
    the response; one that is gone looks the same, so it is probed (`HalfCloseProbe`) while the
    request goes on. If the response has begun, the connection is closed at once.

    The scope's extension holds three functions: `send` (the single write), `abort` (drop the
    connection), and `end`, set by an open stream, which ends it (see `shutdown`).
    """

    cycle: ResponseCycle
    flow: BoundedFlowControl

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """Use the registry in `app_state`, which the application's lifespan has created."""
        super().__init__(config, server_state, app_state, _loop)
        self.parser = None  # type: ignore[assignment]
        self._registry = get_registry(app_state)
        self._limits = self._registry.limits
        self._reader = RequestReader(self._limits.head)
        self._phase, self._deadline = ConnectionPhase.IDLE, 0.0
        self._counted_bytes, self._is_half_closed = 0, False
        self._connection_scope: dict[str, Any] = {}

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the connection."""
        super().connection_made(transport)
        self.flow = BoundedFlowControl(transport)
        self.flow.reader = self._reader
        self._connection_scope = {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "root_path": self.root_path,
        }
        self._deadline = self.loop.time() + self._limits.idle_seconds
        self._registry.add_connection(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """End the connection, and break reference cycles, which else need the collector."""
        super().connection_lost(exc)
        self._registry.remove_connection(self)
        self._release_input()
        if self.cycle is not None:
            self.cycle.scope.pop("extensions", None)

    def data_received(self, data: bytes) -> None:
        """Read requests and parts of their bodies."""
        if self._phase is ConnectionPhase.LINGERING:
            return
        self._reader.receive_data(data)
        self._read_input()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Go on if a complete request is being handled whose response has not begun."""
        cycle = self.cycle
        is_waiting = (
            self._phase is ConnectionPhase.REQUEST
            and self._reader.is_complete
            and not cycle.response_started
            and self.scheme == "http"
        )
        if is_waiting and not self._is_half_closed:
            self._is_half_closed = True
            HalfCloseProbe(self.transport, cycle.replace_transport)
        return is_waiting

    def check_time(self, now: float) -> None:
        """End the connection if its phase has lasted too long."""
        is_in_time = self._phase is ConnectionPhase.REQUEST or now < self._deadline
        if is_in_time or self.transport.is_closing():
            return
        if self._phase is ConnectionPhase.HEAD:
            seconds = self._limits.head_seconds
            message = f"The head of the request was not received within {seconds} seconds."
            self._refuse_request(MessageError(HTTPStatus.REQUEST_TIMEOUT, message))
        elif self._phase is ConnectionPhase.IDLE and self._reader.is_complete:
            self.transport.close()
        else:
            self.transport.abort()

    def is_write_stalled(self) -> bool:
        """Return whether nothing is written until the client has read what is buffered."""
        return (
            self.flow.write_paused
            or self._phase is not ConnectionPhase.REQUEST
            or self.transport.is_closing()
        )

    def on_response_complete(self) -> None:
        """Close the connection after a response, or read the next request."""
        self.server_state.total_requests += 1
        self._release_input()
        self.cycle.scope.pop("extensions", None)  # breaks a reference cycle
        if self.transport.is_closing():
            return
        is_complete = self._reader.is_complete
        seconds = self._limits.idle_seconds if is_complete else LINGER_SECONDS
        self._await_input(ConnectionPhase.IDLE, seconds)
        if self.cycle.must_close:
            self._close_after_response()
            return
        if self._reader.has_input or self._is_half_closed:
            self._read_input()
        if self.flow.read_paused:
            self.flow.resume_reading()

    def shutdown(self) -> None:
        """Shut the connection down after the current response.

        Uvicorn waits for that response, and an endless stream would never finish: it is
        ended by the function that it has put into the extension.
        """
        if self._phase is not ConnectionPhase.REQUEST:
            self.transport.close()
            return
        extensions: Any = self.cycle.scope.get("extensions", {})
        end_stream = extensions.get(SINGLE_WRITE_EXTENSION, {}).get("end")
        if end_stream is not None:
            end_stream()
        self.cycle.must_close = True
        if not self.cycle.response_started:
            self.cycle.keep_alive = False

    def _read_input(self) -> None:
        try:
            if not self._reader.is_complete:
                self._read_body()
            if not self._reader.is_complete:
                return
            if self._phase is not ConnectionPhase.REQUEST:
                self._read_request()
            elif self._reader.input_length > HIGH_WATER_LIMIT:
                self.flow.pause_reading()
                self._count_input(self._reader.input_length)
        except MessageError as error:
            self._refuse_request(error)

    def _read_request(self) -> None:
        head = self._reader.read_head()
        if head is not None:
            self._release_input()
            self._start_request(head)
        elif self._is_half_closed:
            self.transport.close()
        elif self._reader.has_input:
            self._count_input(self._reader.input_length - self._counted_bytes)
            if self._phase is ConnectionPhase.IDLE:
                self._await_input(ConnectionPhase.HEAD, self._limits.head_seconds)

    def _start_request(self, head: ReceivedHead) -> None:
        cycle = self._create_cycle(head)
        if self._registry.has_surplus and self._registry.is_surplus(self):
            cycle.keep_alive = False
            if not cycle.scope["path"].endswith(HEALTH_PATHS):
                raise self._registry.make_surplus_error(self)
        if b"upgrade" in head.fields and head.is_websocket_handshake and self._reader.is_complete:
            self._upgrade_to_websocket(cycle.scope)
            return
        self.cycle, self._phase = cycle, ConnectionPhase.REQUEST
        self._read_body()
        self._start_asgi_task(cycle, self.app)

    def _create_cycle(self, head: ReceivedHead) -> ResponseCycle:
        cycle = ResponseCycle(
            scope=head.create_scope(self._connection_scope, self.app_state),
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=(
                b"expect" in head.fields
                and head.awaits_continue
                and not self._reader.is_complete
                and not self._reader.has_input
            ),
            keep_alive=head.is_persistent,
            on_response=self.on_response_complete,
        )
        cycle.reader = self._reader
        return cycle

    def _start_asgi_task(  # type: ignore[override]
        self, cycle: ResponseCycle, app: Any
    ) -> None:
        def send_whole(status: int, head: bytes, body: bytes) -> bool:
            if cycle.access_log or cycle.disconnected or cycle.flow.write_paused:
                return False
            if cycle.more_body:
                cycle.decide_persistence()
            header_end = b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n"
            default_head = encode_headers(cycle.default_headers)
            cycle.transport.write(
                b"".join((STATUS_LINE[status], default_head, head, header_end, body))
            )
            cycle.finish_response()
            return True

        abort = cycle.transport.abort
        cycle.scope["extensions"] = {SINGLE_WRITE_EXTENSION: {"send": send_whole, "abort": abort}}
        super()._start_asgi_task(cycle, app)

    def _read_body(self) -> None:
        body = b"" if self._reader.is_complete else self._reader.read_body()
        is_complete = self._reader.is_complete
        if self._phase is ConnectionPhase.REQUEST:
            self._pass_body(body, is_complete=is_complete)
        elif is_complete:  # the rest was dropped
            self._await_input(ConnectionPhase.IDLE, self._limits.idle_seconds)

    def _pass_body(self, body: bytes, *, is_complete: bool) -> None:
        """Pass a part of the body to the application."""
        cycle = self.cycle
        if body and (self._counted_bytes or not is_complete):
            self._count_input(len(body))
        cycle.body += body
        if is_complete:
            cycle.more_body = False
            self._registry.mark_busy(self)
        elif len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.message_event.set()

    def _count_input(self, length: int) -> None:
        self._counted_bytes += length
        self._registry.count_received(length)

    def _release_input(self) -> None:
        self._registry.received_bytes -= self._counted_bytes
        self._counted_bytes = 0

    def _upgrade_to_websocket(self, scope: Any) -> None:
        query = scope["query_string"]
        self.scope, self.url = scope, scope["raw_path"] + (b"?" + query if query else b"")
        self._registry.remove_connection(self)
        self.handle_websocket_upgrade()
        data = self._reader.take_input()
        if data and not self.transport.is_closing():
            protocol: Any = self.transport.get_protocol()
            protocol.data_received(data)

    def _await_input(self, phase: ConnectionPhase, seconds: float) -> None:
        self._phase, self._deadline = phase, self.loop.time() + seconds
        self._registry.mark_waiting(self)

    def _refuse_request(self, error: MessageError) -> None:
        """Answer a request that the application does not get, or not wholly."""
        if self.config.access_log:
            self.logger.info("Refused a request of %s: %d %s", self.client, error.status, error)
        self._release_input()
        if self._phase is ConnectionPhase.REQUEST and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            if self.cycle.response_started:
                self.transport.abort()
                return
        self.transport.write(error.encode_response(self.server_state.default_headers))
        self._linger()

    def _close_after_response(self) -> None:
        if self._reader.is_complete and not self.flow.read_paused:
            self.transport.close()
        else:
            self._linger()

    def _linger(self) -> None:
        """Close the connection when the client has read the response (RFC 9112 §9.6).

        A close while input is coming would reset it, and the client could lose the response.
        """
        self._reader.take_input()
        if self._is_half_closed or not self.transport.can_write_eof():
            self.transport.close()
            return
        self.transport.write_eof()
        self._await_input(ConnectionPhase.LINGERING, LINGER_SECONDS)
        self.flow.resume_reading()
