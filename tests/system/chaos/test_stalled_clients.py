"""Stalled clients, which read nothing: their subscriptions and connections are removed."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.utils import ClientDisconnected

from gateway.config.settings import load_settings
from gateway.server.app import build_application
from gateway.server.factory import detect_installation
from gateway.subscriptions import session_monitor
from gateway.transports.outgoing_buffer import CLOSE_TIMEOUT_SECONDS
from gateway.transports.uvicorn_internals import SingleWriteProtocol
from gateway.transports.websocket_internals import BatchedFrameProtocol
from tests.support.time_limits import wait_until
from tests.system.chaos.chaos_environment import ChaosEnvironment
from tests.system.chaos.expected_events import SubscriptionRequirement
from tests.system.chaos.load_writers import LoadWriter
from tests.system.chaos.resilient_subscribers import WebSocketSubscriber, run_subscribers
from tests.system.chaos.scenarios import BULKY_SELECTION

MAX_CUTOFF_SECONDS = CLOSE_TIMEOUT_SECONDS + 2
UPDATE_TOKEN = "update authtoken_token set key = %s where key = %s"


@asynccontextmanager
async def serve_asgi_app(app: Any, **config_options: Any) -> AsyncIterator[str]:
    """Serve an ASGI application in this process; yield its URL."""
    config = uvicorn.Config(
        app,
        port=0,
        ws=BatchedFrameProtocol,
        http=SingleWriteProtocol,
        log_config=None,
        **config_options,
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server._serve())
    await wait_until(lambda: server.started or task.done())
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


async def test_missing_pong_aborts_connection() -> None:
    ended_types: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        try:
            while True:
                await send({"type": "websocket.send", "text": "x" * 1_000_000})
        except ClientDisconnected:
            ended_types.append(scope["type"])

    ping_options = {"ws_ping_interval": 0.2, "ws_ping_timeout": 0.2}
    async with serve_asgi_app(app, lifespan="off", **ping_options) as url:
        port = int(url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as silent_connection:
            silent_connection.sendall(
                b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
            )
            await wait_until(lambda: ended_types == ["websocket"], MAX_CUTOFF_SECONDS)


async def test_revoked_stalled_subscriber_is_removed(
    environment: ChaosEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_monitor.SessionMonitor.__init__, "__defaults__", (0.3,))
    setting_values = {
        "DATABASE_URL": environment.url,
        "VIEWER_SECONDS": "0",
        "SUBSCRIBER_QUEUE": "50",
        "OPERATION_ALIASES": "1000",  # of bulky events
    }
    effective_settings = load_settings(
        {f"GATEWAY_{name}": value for name, value in setting_values.items()}
    )
    app = build_application(effective_settings, detect_installation(effective_settings))
    async with serve_asgi_app(app, lifespan="on") as url:
        token = environment.tokens["support"]
        stalled_subscriber = WebSocketSubscriber(
            url, token, SubscriptionRequirement("support", extra_selection=BULKY_SELECTION)
        )
        stalled_subscriber.reading_enabled = asyncio.Event()
        stalled_subscriber.resume_reading()
        async with run_subscribers([stalled_subscriber]):
            stalled_subscriber.pause_reading()
            services = app._service._components.transport_services
            writer = LoadWriter(environment.url, [*environment.project_uuids], 31)
            while not services.subscription_registry.hub.overflow_count:
                await writer.run_load(0.3, 500)
            environment.execute_sql(UPDATE_TOKEN, "0" * 40, token)
            try:
                await wait_until(
                    lambda: services.subscription_registry.quota.count == 0, MAX_CUTOFF_SECONDS
                )
                assert not services.subscription_registry.hub.groups
                await wait_until(lambda: not services.session_monitor._sessions, MAX_CUTOFF_SECONDS)
                stalled_subscriber.resume_reading()
                await wait_until(lambda: bool(stalled_subscriber.loss_counts), MAX_CUTOFF_SECONDS)
            finally:
                environment.execute_sql(UPDATE_TOKEN, token, "0" * 40)
