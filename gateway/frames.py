"""Sending texts over a WebSocket in one piece, past ASGI's message for each.

What a server sends is not masked: a text is one frame, and many are one write.
"""

from collections.abc import Awaitable, Callable, Sequence

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

EXTENSION = "gateway.frames"
"""What the server's part is called among ASGI's extensions."""
Sends = Callable[[Sequence[bytes]], Awaitable[None]]
"""Sends texts."""
PARTING = 3
"""Seconds in which a client may take what was sent before the end; then it is cut off."""
_TEXT, _SHORT, _MEDIUM = b"\x81", 126, 65_536


class FrameProtocol(WebSocketsSansIOProtocol):
    """Uvicorn's WebSockets, which can send several texts in one write."""

    def handle_connect(self, event: Request) -> None:
        """Begin a connection; uvicorn starts the application's task here."""
        super().handle_connect(event)
        if hasattr(self, "scope"):
            self.scope["extensions"][EXTENSION] = {"send": self._send_texts}

    async def run_asgi(self) -> None:
        """Serve a connection; of who reads nothing, its end is not waited for."""
        await super().run_asgi()
        self._cut_soon()

    def keepalive_timeout(self) -> None:
        """Give up a client that shows no sign of life."""
        super().keepalive_timeout()
        self._cut_soon()

    def shutdown(self) -> None:
        """End as the server does."""
        super().shutdown()
        self._cut_soon()

    def _cut_soon(self) -> None:
        """Cut the connection: to close it would wait until the client has read all."""
        self.loop.call_later(PARTING, self.transport.abort)

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
