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

EXTENSION = "gateway.http.single_write"
"""What the server's part is called among ASGI's extensions."""
Sends = Callable[[int, bytes, bytes], bool]
"""Sends a status, the headers and a body; False if that must go the usual way."""


class WholeResponse(Response):
    """A response to a POST whose headers are of our own making: they need no check."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, in one piece if the server can."""
        whole: Sends | None = scope.get("extensions", {}).get(EXTENSION, {}).get("send")
        head = _written(self.raw_headers)
        if whole is None or not whole(self.status_code, head, bytes(self.body)):
            await super().__call__(scope, receive, send)


class WholeProtocol(HttpToolsProtocol):
    """Uvicorn's HTTP, which can send a response in one piece."""

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        def whole(status: int, head: bytes, body: bytes) -> bool:
            if cycle.access_log or cycle.disconnected or cycle.flow.write_paused:
                return False
            end = b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n"
            usual = _written(cycle.default_headers)
            cycle.transport.write(b"".join((STATUS_LINE[status], usual, head, end, body)))
            _end(cycle)
            return True

        abort = cycle.transport.abort
        cycle.scope["extensions"] = {EXTENSION: {"send": whole, "abort": abort}}
        super()._start_asgi_task(cycle, app)

    def shutdown(self) -> None:
        """Let the request that is being answered end; a stream hears of it, as it never would."""
        cycle: RequestResponseCycle | None = self.cycle
        extensions: Any = {} if cycle is None else cycle.scope.get("extensions", {})
        end = extensions.get(EXTENSION, {}).get("end")
        if end is not None:
            end()
        super().shutdown()


def _written(headers: list[tuple[bytes, bytes]]) -> bytes:
    return b"".join([b"%b: %b\r\n" % each for each in headers])


def _end(cycle: RequestResponseCycle) -> None:
    """Have the connection go on, as uvicorn does after the last message."""
    cycle.response_started = cycle.response_complete = True
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()
    del cycle.scope["extensions"]  # a circle that only the garbage collector would open
