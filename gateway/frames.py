"""Sending texts over a WebSocket in one piece, past ASGI's message for each.

What a server sends is not masked: a text is one frame, and many are one write.
"""

from collections.abc import Awaitable, Callable, Sequence

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

EXTENSION = "gateway.frames"
"""What the server's part is called among ASGI's extensions."""
HASTE = 2
"""Seconds for a client to take the last that is sent."""
Sends = Callable[[Sequence[bytes]], Awaitable[None]]
"""Sends texts."""
_TEXT, _SHORT, _MEDIUM = b"\x81", 126, 65_536


class FrameProtocol(WebSocketsSansIOProtocol):
    """Uvicorn's WebSockets, which can send several texts in one write."""

    def handle_connect(self, event: Request) -> None:
        """Begin a connection; uvicorn starts the application's task here."""
        super().handle_connect(event)
        if hasattr(self, "scope"):
            server: dict[object, object] = {"send": self._send_texts}
            server["abort"] = self.transport.abort
            self.scope["extensions"][EXTENSION] = server

    def keepalive_timeout(self) -> None:
        """Cut off a client that does not answer; it would never read the rest."""
        super().keepalive_timeout()
        self.transport.abort()

    def shutdown(self) -> None:
        """Say goodbye, and cut off who does not take it in time."""
        super().shutdown()
        self.loop.call_later(HASTE, self.transport.abort)

    async def _send_texts(self, texts: Sequence[bytes]) -> None:
        await self.writable.wait()
        if self.disconnected or self.close_sent or self.transport.is_closing():
            raise ClientDisconnected
        self.transport.write(b"".join([part for each in texts for part in (_head(each), each)]))


def _head(text: bytes) -> bytes:
    """Give the head of a frame that holds a whole text (RFC 6455 §5.2)."""
    length = len(text)
    if length < _SHORT:
        return _TEXT + bytes((length,))
    if length < _MEDIUM:
        return _TEXT + b"\x7e" + length.to_bytes(2)
    return _TEXT + b"\x7f" + length.to_bytes(8)
