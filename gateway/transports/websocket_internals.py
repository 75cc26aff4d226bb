"""The parts of uvicorn's WebSocket server that are not documented, all used here.

A new version of uvicorn or websockets may change them, so pyproject.toml has upper bounds, and
tests/test_library_internals.py names what is gone.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.frames import Frame
from websockets.http11 import Request

from gateway.http.message_framing import MessageError
from gateway.transports.connection_registry import get_registry
from gateway.transports.frame_writer import FRAME_WRITER_EXTENSION, encode_frames
from gateway.transports.outgoing_buffer import CLOSE_TIMEOUT_SECONDS

__all__ = ["BatchedFrameProtocol", "ClientDisconnected"]

MAX_FRAGMENTS = 1000
"""Maximum number of frames of one WebSocket message."""
MESSAGE_OVERHEAD_BYTES = 300
"""Memory that a message needs in addition to its text while it waits to be handled."""
MIN_COUNTED_BYTES = 4096
"""Length of received input above which it is counted."""
_quiet_log = logging.getLogger(__name__)  # uvicorn resets the levels of loggers below its own
_quiet_log.setLevel(logging.WARNING)


class BatchedFrameProtocol(WebSocketsSansIOProtocol):
    """Uvicorn's WebSocket protocol with batched frames and bounded input."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """Use the registry in `app_state`, which the application's lifespan has created."""
        super().__init__(config, server_state, app_state, _loop)
        self._registry = get_registry(app_state)
        self._early_data = b""
        self._is_ping_paused = False
        self._counted_bytes = self._queued_bytes = 0
        if not config.access_log:
            self.logger = self.conn.logger = _quiet_log

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the connection."""
        super().connection_made(transport)
        self._registry.add_connection(self)
        self._registry.mark_busy(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """End the connection, and break reference cycles, which else need the collector."""
        super().connection_lost(exc)
        self._registry.remove_connection(self)
        self._registry.received_bytes -= self._counted_bytes
        self._counted_bytes = 0
        self.conn.parser.close()
        if hasattr(self, "scope"):
            self.scope["extensions"].pop(FRAME_WRITER_EXTENSION, None)

    def data_received(self, data: bytes) -> None:
        """Read frames, after the handshake; close the connection if that can't be read.

        Frames behind a handshake may come here when the connection is lost already.
        """
        if self.disconnected:
            return
        if self.handshake_initiated and not self.handshake_complete:
            self._early_data += data
            self.transport.pause_reading()
            return
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.transport.close()
        self._count_input()

    async def receive(self) -> Any:
        """Return the next message for the application."""
        message = await super().receive()
        if self._queued_bytes and self.queue.empty():
            self._queued_bytes = 0
            self._count_input()
        return message

    def _count_input(self) -> None:
        """Count what is received and not yet handled; close the connection if it is too much."""
        length = len(self.conn.reader.buffer) + self._queued_bytes + sum(map(len, self.frames))
        if length < MIN_COUNTED_BYTES:
            length = 0
        if length == self._counted_bytes or self.disconnected:
            return
        added_length, self._counted_bytes = length - self._counted_bytes, length
        try:
            self._registry.count_received(added_length)
        except MessageError as error:
            if added_length > 0:
                self._fail_connection(1013, str(error))

    def _fail_connection(self, code: int, reason: str) -> None:
        if not self.close_sent:
            self.conn.fail(code, reason)
            self.handle_parser_exception()

    def start_keepalive(self) -> None:
        """Read what the client has sent before the response to its handshake, just written."""
        super().start_keepalive()
        if self._early_data:
            data, self._early_data = self._early_data, b""
            self.transport.resume_reading()
            self.loop.call_soon(self.data_received, data)

    def check_time(self, _now: float) -> None:
        """Do nothing: WebSockets have their own time limits."""

    def is_write_stalled(self) -> bool:
        """Return whether nothing is written until the client has read what is buffered."""
        return not self.writable.is_set() or self.transport.is_closing()

    def resume_writing(self) -> None:
        """Go on after the client has read what was buffered."""
        super().resume_writing()
        if self._is_ping_paused:
            self._is_ping_paused = False
            if not self.read_paused:
                self.transport.resume_reading()

    def handle_ping(self) -> None:
        """Answer a ping; read no more if the client does not read the answers."""
        super().handle_ping()
        if not self.writable.is_set() and not self._is_ping_paused:
            self._is_ping_paused = True
            self.transport.pause_reading()

    def handle_cont(self, event: Frame) -> None:
        """Add a fragment to a message; close the connection if there are too many."""
        if len(self.frames) < MAX_FRAGMENTS:
            super().handle_cont(event)
        else:
            self._fail_connection(1009, f"A message may have at most {MAX_FRAGMENTS} frames.")

    def send_receive_event_to_app(self) -> None:
        """Pass a message on; close the connection, without uvicorn's log, if it is not UTF-8."""
        data = b"".join(self.frames)
        self.frames = [data]
        try:
            if self.curr_msg_data_type == "text":
                data.decode()
        except UnicodeDecodeError:
            self.frames = []
            self._fail_connection(1007, "A text must be UTF-8.")
        else:
            self._queued_bytes += len(data) + MESSAGE_OVERHEAD_BYTES
            super().send_receive_event_to_app()

    def handle_connect(self, event: Request) -> None:
        """Add the extension to the scope, which uvicorn's handler has just created."""
        super().handle_connect(event)
        if hasattr(self, "scope"):
            extension: dict[object, object] = {"write": self._write_texts}
            extension["drained"] = self.writable.wait
            extension["abort"] = self.transport.abort
            self.scope["extensions"][FRAME_WRITER_EXTENSION] = extension

    def keepalive_timeout(self) -> None:
        """Abort the connection of a client that does not answer pings.

        Uvicorn would close it with the code 1011, after which client libraries do not reconnect.
        """
        self.transport.abort()

    def shutdown(self) -> None:
        """Close the connection; abort it if the client does not take the close frame in time."""
        super().shutdown()
        self.loop.call_later(CLOSE_TIMEOUT_SECONDS, self.transport.abort)

    def _write_texts(self, texts: Sequence[bytes]) -> bool:
        """Write texts as frames in one write; return whether the write buffer has space for more.

        Raises ClientDisconnected if the connection is closed.
        """
        if self.disconnected or self.close_sent or self.transport.is_closing():
            raise ClientDisconnected
        self.transport.write(encode_frames(texts))
        return self.writable.is_set()
