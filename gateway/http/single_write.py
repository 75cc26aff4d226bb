"""Single-write responses: head and body in one write to the socket.

ASGI sends a response as two messages (`http.response.start`, `http.response.body`), which
uvicorn writes one after the other and validates first. A response that is complete has
one write instead: the client is woken once, and headers of our own need no validation.

`SingleWriteProtocol` (uvicorn's side, in `transports/uvicorn_internals.py`) offers a
function in the scope's ASGI extensions; `SingleWriteResponse` (the application's side)
calls it. On another server, or where the function returns False, the response takes the
way of ASGI.
"""

from collections.abc import Callable

from starlette.types import Receive, Scope, Send

from gateway.http.starlette_internals import EncodedResponse

SINGLE_WRITE_EXTENSION = "gateway.http.single_write"
"""Key of the protocol's functions in the scope's ASGI extensions."""
SendWhole = Callable[[int, bytes, bytes], bool]
"""Writes a status, the encoded headers and a body; returns False if ASGI must be used instead."""


class SingleWriteResponse(EncodedResponse):
    """Response to a POST that is sent in one write; its headers are not validated."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response, in one write if the server supports it."""
        send_whole: SendWhole | None = (
            scope.get("extensions", {}).get(SINGLE_WRITE_EXTENSION, {}).get("send")
        )
        head = encode_headers(self.raw_headers)
        if send_whole is None or not send_whole(self.status_code, head, self.body):
            await super().__call__(scope, receive, send)


def encode_headers(headers: list[tuple[bytes, bytes]]) -> bytes:
    """Encode the header lines of a response, without the empty line after them."""
    return b"".join([b"%b: %b\r\n" % each for each in headers])
