"""Single-write responses: head and body in one write to the socket.

ASGI sends a response as two messages (`http.response.start`, `http.response.body`), which
uvicorn writes one after the other and validates first. A response that is complete has
one write instead: the client is woken once, and headers of our own need no validation.

`SingleWriteProtocol` (uvicorn's side) offers a function in the scope's ASGI extensions;
`SingleWriteResponse` (the application's side) calls it. On another server, or where the
function returns False, the response takes the way of ASGI.
"""

from collections.abc import Callable
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

SINGLE_WRITE_EXTENSION = "gateway.http.single_write"
"""Key of the protocol's functions in the scope's ASGI extensions."""
SendWhole = Callable[[int, bytes, bytes], bool]
"""Writes a status, the encoded headers and a body; returns False if ASGI must be used instead."""


class SingleWriteResponse(Response):
    """Response to a POST that is sent in one write; its headers are not validated."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response, in one write if the server supports it."""
        send_whole: SendWhole | None = (
            scope.get("extensions", {}).get(SINGLE_WRITE_EXTENSION, {}).get("send")
        )
        head = _encode_headers(self.raw_headers)
        if send_whole is None or not send_whole(self.status_code, head, bytes(self.body)):
            await super().__call__(scope, receive, send)


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
            default_head = _encode_headers(cycle.default_headers)
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


def _encode_headers(headers: list[tuple[bytes, bytes]]) -> bytes:
    return b"".join([b"%b: %b\r\n" % each for each in headers])


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
