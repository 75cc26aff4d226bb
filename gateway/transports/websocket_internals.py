"""The parts of uvicorn's WebSocket server that are not documented, all used here.

A new version of uvicorn or websockets may change them, so pyproject.toml has upper bounds, and
tests/test_library_internals.py names what is gone.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.frames import Frame
from websockets.http11 import Request

from gateway.transports.connection_registry import get_registry
from gateway.transports.frame_writer import (
    CLOSE_TIMEOUT_SECONDS,
    FRAME_WRITER_EXTENSION,
    encode_frames,
)

__all__ = ["BatchedFrameProtocol", "ClientDisconnected"]

MAX_FRAGMENTS = 1000
"""Maximum number of frames of one WebSocket message."""


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

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the connection."""
        super().connection_made(transport)
        self._registry.add_connection(self)
        self._registry.mark_busy(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """End the connection, and break reference cycles, which else need the collector."""
        super().connection_lost(exc)
        self._registry.remove_connection(self)
        self.conn.parser.close()
        if hasattr(self, "scope"):
            self.scope["extensions"].pop(FRAME_WRITER_EXTENSION, None)

    def data_received(self, data: bytes) -> None:
        """Read frames, after the handshake; close the connection if that can't be read."""
        if self.handshake_initiated and not self.handshake_complete:
            self._early_data += data
            self.transport.pause_reading()
            return
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.transport.close()

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
        elif not self.close_sent:
            self.conn.fail(1009, f"A message may have at most {MAX_FRAGMENTS} frames.")
            self.handle_parser_exception()

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
        """Write texts as frames in one write; return False while the write buffer is full.

        Raises ClientDisconnected if the connection is closed.
        """
        if self.disconnected or self.close_sent or self.transport.is_closing():
            raise ClientDisconnected
        if not self.writable.is_set():
            return False
        self.transport.write(encode_frames(texts))
        return True
