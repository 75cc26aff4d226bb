"""Who takes nothing of what is sent holds nothing back: neither a subscription nor a connection."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.utils import ClientDisconnected

from gateway.config.settings import settings
from gateway.http.single_write import WholeProtocol
from gateway.server.app import application
from gateway.server.factory import installation_of
from gateway.subscriptions import session_monitor
from gateway.transports.frame_writer import HASTE, FrameProtocol
from tests.support.event_listener import until
from tests.system.chaos.chaos_environment import Ground
from tests.system.chaos.expected_events import Wish
from tests.system.chaos.load_writers import Writer
from tests.system.chaos.resilient_subscribers import SocketSubscriber, running
from tests.system.chaos.scenarios import BULKY

SOON = HASTE + 2
TOKEN = "update authtoken_token set key = %s where key = %s"


@asynccontextmanager
async def served(app: Any, **how: Any) -> AsyncIterator[str]:
    """Serve an application in this process; give where."""
    config = uvicorn.Config(
        app, port=0, ws=FrameProtocol, http=WholeProtocol, log_config=None, **how
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server._serve())
    await until(lambda: server.started or task.done())
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


async def test_who_shows_no_sign_of_life_is_cut_off() -> None:
    ended: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        try:
            while True:
                await send({"type": "websocket.send", "text": "x" * 1_000_000})
        except ClientDisconnected:
            ended.append(scope["type"])

    often = {"ws_ping_interval": 0.2, "ws_ping_timeout": 0.2}
    async with served(app, lifespan="off", **often) as url:
        port = int(url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as silent:
            silent.sendall(
                b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
            )
            await until(lambda: ended == ["websocket"], SOON)


async def test_who_may_no_more_and_reads_nothing_is_told_nothing_more(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_monitor.Presence.__init__, "__defaults__", (0.3,))
    given = {"DATABASE_URL": ground.url, "VIEWER_SECONDS": "0", "SUBSCRIBER_QUEUE": "50"}
    effective = settings({f"GATEWAY_{name}": value for name, value in given.items()})
    app = application(effective, installation_of(effective))
    async with served(app, lifespan="on") as url:
        token = ground.tokens["support"]
        stuck = SocketSubscriber(url, token, Wish("support", about=BULKY))
        stuck.reading = asyncio.Event()
        stuck.go_on()
        async with running([stuck]):
            stuck.rest()
            desk = app._service._desk
            (group,) = desk.subscriptions.hub.groups.values()
            (member,) = group.members
            writer = Writer(ground.url, [*ground.projects], 31)
            while not member.dropped:
                await writer.run(0.3, 500)
            ground.sql(TOKEN, "0" * 40, token)
            try:
                await until(lambda: desk.subscriptions.admission.count == 0, SOON)
                assert not desk.subscriptions.hub.groups
                await until(lambda: not desk.presence._sessions, SOON)
                stuck.go_on()
                await until(lambda: bool(stuck.losses), SOON)
            finally:
                ground.sql(TOKEN, token, "0" * 40)
