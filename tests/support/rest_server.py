"""A server in place of Waldur's REST API: it records requests, and answers by a function."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import msgspec
import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from tests.support.time_limits import block_until

Responder = Callable[["RecordedRequest"], Response | Awaitable[Response]]


@dataclass(frozen=True)
class RecordedRequest:
    """A request that the server has received."""

    method: str
    path: str
    headers: dict[str, str]
    content: bytes
    http_version: str = "1.1"

    @property
    def body(self) -> Any:
        """The decoded JSON body; None without a body."""
        return msgspec.json.decode(self.content) if self.content else None


@dataclass
class RestServer:
    """A running server; `respond` may be exchanged at any time."""

    url: str = ""
    respond: Responder = lambda _request: JSONResponse({})
    requests: list[RecordedRequest] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Record a request and answer it."""
        request = Request(scope, receive)
        recorded = RecordedRequest(
            request.method,
            request.url.path,
            dict(request.headers),
            await request.body(),
            scope["http_version"],
        )
        self.requests.append(recorded)
        response = self.respond(recorded)
        if isinstance(response, Awaitable):
            response = await response
        await response(scope, receive, send)


@contextmanager
def run_rest_server(
    open_backend: Callable[[], AbstractAsyncContextManager[object]] = nullcontext,
) -> Iterator[RestServer]:
    """Yield a server on a free port of the loopback interface, which runs in a thread.

    What `open_backend` opens in the server's event loop is open as long as the server runs.
    """
    server = RestServer()
    config = uvicorn.Config(
        server, host="127.0.0.1", port=0, lifespan="off", log_level="warning", http="h11"
    )
    uvicorn_server = uvicorn.Server(config)

    async def serve() -> None:
        async with open_backend():
            await uvicorn_server.serve()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        block_until(lambda: uvicorn_server.started)
        port = uvicorn_server.servers[0].sockets[0].getsockname()[1]
        server.url = f"http://127.0.0.1:{port}"
        yield server
    finally:
        uvicorn_server.should_exit = True
        thread.join()
