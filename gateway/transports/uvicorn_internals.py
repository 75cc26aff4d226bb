"""The parts of uvicorn that are not documented, all used here: its protocol classes.

A new version of uvicorn may change them, so pyproject.toml has an upper bound, and
tests/test_library_internals.py names what is gone.
"""

from collections.abc import Sequence
from typing import Any

from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

from gateway.http.single_write import SINGLE_WRITE_EXTENSION, encode_headers
from gateway.transports.frame_writer import (
    CLOSE_TIMEOUT_SECONDS,
    FRAME_WRITER_EXTENSION,
    encode_frames,
)

__all__ = ["BatchedFrameProtocol", "ClientDisconnected", "SingleWriteProtocol"]


class SingleWriteProtocol(HttpToolsProtocol):
    """Uvicorn's HTTP protocol with single-write responses, and with streams that end at shutdown.

    The extension holds three functions: `send` (the single write), `abort` (drop the
    connection), and `end`, set by an open stream, which ends it (see `shutdown`).
    """

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        def send_whole(status: int, head: bytes, body: bytes) -> bool:
            if cycle.access_log or cycle.disconnected or cycle.flow.write_paused:
                return False
            header_end = b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n"
            default_head = encode_headers(cycle.default_headers)
            cycle.transport.write(
                b"".join((STATUS_LINE[status], default_head, head, header_end, body))
            )
            _finish_cycle(cycle)
            return True

        abort = cycle.transport.abort
        cycle.scope["extensions"] = {SINGLE_WRITE_EXTENSION: {"send": send_whole, "abort": abort}}
        super()._start_asgi_task(cycle, app)

    def shutdown(self) -> None:
        """Shut the connection down after the current response.

        Uvicorn waits for that response, and an endless stream would never finish: it is
        ended by the function that it has put into the extension.
        """
        cycle: RequestResponseCycle | None = self.cycle
        extensions: Any = {} if cycle is None else cycle.scope.get("extensions", {})
        end_stream = extensions.get(SINGLE_WRITE_EXTENSION, {}).get("end")
        if end_stream is not None:
            end_stream()
        super().shutdown()


def _finish_cycle(cycle: RequestResponseCycle) -> None:
    """Finish the response as uvicorn does: close the connection, or take the next request."""
    cycle.response_started = cycle.response_complete = True
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()
    del cycle.scope[
        "extensions"
    ]  # breaks a reference cycle, which else needs the garbage collector


class BatchedFrameProtocol(WebSocketsSansIOProtocol):
    """Uvicorn's WebSocket protocol with batched frames."""

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
