"""Batched WebSocket frames: many text messages in one write to the socket.

ASGI has one message for each text, each of which uvicorn writes by itself. Frames of a
server are not masked (RFC 6455 §5.1), so a text is its header and its bytes, and frames of
many texts can be joined. `BatchedFrameProtocol` offers three functions in the scope's ASGI
extensions: `write` (see `WriteTexts`), `drained` (waits until the socket's write buffer has
space), and `abort` (drops the connection).
"""

from collections.abc import Callable, Sequence

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

FRAME_WRITER_EXTENSION = "gateway.transports.frame_writer"
"""Key of the protocol's functions in the scope's ASGI extensions."""
CLOSE_TIMEOUT_SECONDS = 2
"""Seconds within which a client must take the close frame."""
WriteTexts = Callable[[Sequence[bytes]], bool]
"""Writes texts as frames; returns False, writing nothing, while the write buffer is full."""
_TEXT_OPCODE, _MAX_7_BIT_LENGTH, _MAX_16_BIT_LENGTH = b"\x81", 126, 65_536


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
        self.transport.write(
            b"".join([part for each in texts for part in (_encode_frame_header(each), each)])
        )
        return True


def _encode_frame_header(text: bytes) -> bytes:
    """Return the header of an unmasked frame with a whole text message (RFC 6455 §5.2)."""
    length = len(text)
    if length < _MAX_7_BIT_LENGTH:
        return _TEXT_OPCODE + bytes((length,))
    if length < _MAX_16_BIT_LENGTH:
        return _TEXT_OPCODE + b"\x7e" + length.to_bytes(2)
    return _TEXT_OPCODE + b"\x7f" + length.to_bytes(8)
