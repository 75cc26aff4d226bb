"""Sending texts over a WebSocket in one piece, past ASGI's message for each.

What a server sends is not masked: a text is one frame, and many are one write.
"""

from collections.abc import Callable, Sequence

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

EXTENSION = "gateway.transports.frame_writer"
"""What the server's part is called among ASGI's extensions."""
HASTE = 2
"""Seconds for a client to take the last that is sent."""
Writes = Callable[[Sequence[bytes]], bool]
"""Writes texts; False if they have to wait."""
_TEXT, _SHORT, _MEDIUM = b"\x81", 126, 65_536


class FrameProtocol(WebSocketsSansIOProtocol):
    """Uvicorn's WebSockets, which can send several texts in one write."""

    def handle_connect(self, event: Request) -> None:
        """Begin a connection; uvicorn starts the application's task here."""
        super().handle_connect(event)
        if hasattr(self, "scope"):
            server: dict[object, object] = {"write": self._write_texts}
            server["drained"] = self.writable.wait
            server["abort"] = self.transport.abort
            self.scope["extensions"][EXTENSION] = server

    def keepalive_timeout(self) -> None:
        """Cut off a client that does not answer; clients take uvicorn's 1011 for the end of all."""
        self.transport.abort()

    def shutdown(self) -> None:
        """Say goodbye, and cut off who does not take it in time."""
        super().shutdown()
        self.loop.call_later(HASTE, self.transport.abort)

    def _write_texts(self, texts: Sequence[bytes]) -> bool:
        """Write texts at once; False if the client has not taken what was written before."""
        if self.disconnected or self.close_sent or self.transport.is_closing():
            raise ClientDisconnected
        if not self.writable.is_set():
            return False
        self.transport.write(b"".join([part for each in texts for part in (_head(each), each)]))
        return True


def _head(text: bytes) -> bytes:
    """Give the head of a frame that holds a whole text (RFC 6455 §5.2)."""
    length = len(text)
    if length < _SHORT:
        return _TEXT + bytes((length,))
    if length < _MEDIUM:
        return _TEXT + b"\x7e" + length.to_bytes(2)
    return _TEXT + b"\x7f" + length.to_bytes(8)
