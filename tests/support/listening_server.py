"""An application at a port of its own in this process, served as `gateway serve` does it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from gateway.config.settings import Settings
from gateway.http.single_write import WholeProtocol
from gateway.server.app import Application
from gateway.transports.frame_writer import FrameProtocol
from tests.support.database_queries import eventually


@asynccontextmanager
async def listening(app: Application, effective: Settings, **how: Any) -> AsyncIterator[int]:
    """Serve at a free port, which is given; `how` else than usual."""
    usual: dict[str, Any] = {
        "port": 0,
        "http": WholeProtocol,
        "ws": FrameProtocol,
        "ws_max_size": effective.body_bytes,
        "ws_per_message_deflate": False,
        "access_log": effective.access_log,
        "timeout_graceful_shutdown": 5,
    }
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, **{**usual, **how}))
    serving = asyncio.create_task(server.serve())

    async def started() -> bool:
        return server.started

    await eventually(started)
    (address,) = [each.getsockname() for each in server.servers[0].sockets]
    try:
        yield address[1]
    finally:
        server.should_exit = True
        await serving
