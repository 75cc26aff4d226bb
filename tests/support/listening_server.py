"""Server in this process that listens on a port, configured as in `gateway serve`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from gateway.config.settings import Settings
from gateway.transports.uvicorn_internals import SingleWriteProtocol
from gateway.transports.websocket_internals import BatchedFrameProtocol
from tests.support.time_limits import wait_until_async


@asynccontextmanager
async def serve_on_free_port(
    app: ASGIApp, effective_settings: Settings, **overrides: Any
) -> AsyncIterator[int]:
    """Serve an application on a free port, which is yielded; `overrides` are uvicorn's options."""
    defaults: dict[str, Any] = {
        "port": 0,
        "http": SingleWriteProtocol,
        "ws": BatchedFrameProtocol,
        "ws_max_size": effective_settings.body_bytes,
        "ws_per_message_deflate": False,
        "access_log": effective_settings.access_log,
        "timeout_graceful_shutdown": 5,
    }
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, **{**defaults, **overrides}))
    serve_task = asyncio.create_task(server.serve())

    async def has_started() -> bool:
        return server.started

    await wait_until_async(has_started)
    (listening_socket,) = server.servers[0].sockets
    try:
        yield listening_socket.getsockname()[1]
    finally:
        server.should_exit = True
        await serve_task
