"""Sending texts over a WebSocket in one piece, past ASGI's message for each.

What a server sends is not masked: a text is one frame, and many are one write.
"""

from collections.abc import Callable, Sequence

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

FRAME_WRITER_EXTENSION = "gateway.transports.frame_writer"
"""What the server's part is called among ASGI's extensions."""
CLOSE_TIMEOUT_SECONDS = 2
"""Seconds for a client to take the last that is sent."""
WriteTexts = Callable[[Sequence[bytes]], bool]
"""Writes texts; False if they have to wait."""
_TEXT_OPCODE, _MAX_7_BIT_LENGTH, _MAX_16_BIT_LENGTH = b"\x81", 126, 65_536


class BatchedFrameProtocol(WebSocketsSansIOProtocol):
    """Uvicorn's WebSockets, which can send several texts in one write."""

    def handle_connect(self, event: Request) -> None:
        """Begin a connection; uvicorn starts the application's task here."""
        super().handle_connect(event)
        if hasattr(self, "scope"):
            extension: dict[object, object] = {"write": self._write_texts}
            extension["drained"] = self.writable.wait
            extension["abort"] = self.transport.abort
            self.scope["extensions"][FRAME_WRITER_EXTENSION] = extension

    def keepalive_timeout(self) -> None:
        """Cut off a client that does not answer; clients take uvicorn's 1011 for the end of all."""
        self.transport.abort()

    def shutdown(self) -> None:
        """Say goodbye, and cut off who does not take it in time."""
        super().shutdown()
        self.loop.call_later(CLOSE_TIMEOUT_SECONDS, self.transport.abort)

    def _write_texts(self, texts: Sequence[bytes]) -> bool:
        """Write texts at once; False if the client has not taken what was written before."""
        if self.disconnected or self.close_sent or self.transport.is_closing():
            raise ClientDisconnected
        if not self.writable.is_set():
            return False
        self.transport.write(
            b"".join([part for each in texts for part in (_encode_frame_header(each), each)])
        )
        return True


def _encode_frame_header(text: bytes) -> bytes:
    """Give the head of a frame that holds a whole text (RFC 6455 §5.2)."""
    length = len(text)
    if length < _MAX_7_BIT_LENGTH:
        return _TEXT_OPCODE + bytes((length,))
    if length < _MAX_16_BIT_LENGTH:
        return _TEXT_OPCODE + b"\x7e" + length.to_bytes(2)
    return _TEXT_OPCODE + b"\x7f" + length.to_bytes(8)
