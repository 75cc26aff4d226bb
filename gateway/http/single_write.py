"""Sending a response that is there as a whole in one piece, past ASGI's two messages.

It wakes the client once, and nothing is looked at twice: the head is our own.
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
"""What the server's part is called among ASGI's extensions."""
SendWhole = Callable[[int, bytes, bytes], bool]
"""Sends a status, the headers and a body; False if that must go the usual way."""


class SingleWriteResponse(Response):
    """A response to a POST whose headers are of our own making: they need no check."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, in one piece if the server can."""
        send_whole: SendWhole | None = (
            scope.get("extensions", {}).get(SINGLE_WRITE_EXTENSION, {}).get("send")
        )
        head = _encode_headers(self.raw_headers)
        if send_whole is None or not send_whole(self.status_code, head, bytes(self.body)):
            await super().__call__(scope, receive, send)


class SingleWriteProtocol(HttpToolsProtocol):
    """Uvicorn's HTTP, which can send a response in one piece."""

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
        """Let the request that is being answered end; a stream hears of it, as it never would."""
        cycle: RequestResponseCycle | None = self.cycle
        extensions: Any = {} if cycle is None else cycle.scope.get("extensions", {})
        end_stream = extensions.get(SINGLE_WRITE_EXTENSION, {}).get("end")
        if end_stream is not None:
            end_stream()
        super().shutdown()


def _encode_headers(headers: list[tuple[bytes, bytes]]) -> bytes:
    return b"".join([b"%b: %b\r\n" % each for each in headers])


def _finish_cycle(cycle: RequestResponseCycle) -> None:
    """Have the connection go on, as uvicorn does after the last message."""
    cycle.response_started = cycle.response_complete = True
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()
    del cycle.scope["extensions"]  # a circle that only the garbage collector would open
