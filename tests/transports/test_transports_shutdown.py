"""Shutdown of a server: its clients are notified at once, so that they reconnect elsewhere."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import httpx
import pytest

from tests.support.gateway_server import GatewayProcess, load_user_tokens, run_gateway_process
from tests.support.time_limits import assert_within, scale_seconds
from tests.transports.streaming_server import (
    RESOURCE_CHANGED_SUBSCRIPTION,
    ServedGateway,
    WebSocketClient,
    open_websocket,
)
from tests.transports.test_http_stream import (
    MULTIPART_ACCEPT,
    SSE_MEDIA_TYPE,
    StreamReader,
    open_stream,
)

MAX_SHUTDOWN_SECONDS = 6
"""Seconds within which the process must end."""


@dataclass
class AttachedClients:
    """Clients of one process, each of which has received an event."""

    gateway_process: GatewayProcess
    sockets: list[WebSocketClient]
    streams: list[StreamReader]


@asynccontextmanager
async def attach_clients(
    url: str, count: int = 3, **setting_values: str
) -> AsyncIterator[AttachedClients]:
    """Serve in a process, and subscribe `count` clients of each kind."""
    with run_gateway_process(database_url=url, **setting_values) as gateway_process:
        port = int(gateway_process.url.rpartition(":")[2])
        gateway = ServedGateway(port, url, load_user_tokens(url))
        async with AsyncExitStack() as exit_stack:
            clients = AttachedClients(gateway_process, [], [])
            for _ in range(count):
                socket = await exit_stack.enter_async_context(open_websocket(gateway))
                await socket.init_connection(**gateway.create_auth_header())
                await socket.start_operation(RESOURCE_CHANGED_SUBSCRIPTION)
                clients.sockets.append(socket)
                for accept in (SSE_MEDIA_TYPE, MULTIPART_ACCEPT):
                    stream = await exit_stack.enter_async_context(
                        open_stream(gateway, accept=accept)
                    )
                    clients.streams.append(stream)
            await asyncio.sleep(scale_seconds(0.3))  # until all are subscribed
            gateway.rename_resource(f"at {port}")
            await asyncio.gather(*(client.receive_event() for client in clients.sockets))
            for number, client in enumerate(clients.streams):
                await (client.read_part() if number % 2 else client.read_event())
            yield clients


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("workers", ["1", "2"])
async def test_shutdown_notifies_all_clients(
    url: str, signal_number: signal.Signals, workers: str
) -> None:
    async with attach_clients(url, workers=workers) as clients:
        shutdown_task = asyncio.create_task(
            asyncio.to_thread(clients.gateway_process.end_by_signal, signal_number)
        )
        with assert_within(MAX_SHUTDOWN_SECONDS, "the shutdown"):
            with assert_within(MAX_SHUTDOWN_SECONDS / 2, "notifying the clients"):
                for client in clients.sockets:
                    assert (await client.wait_closed())[0] == 1012
                rests = [await client.read_rest() for client in clients.streams]
            assert rests == [""] * len(clients.streams)
            assert await shutdown_task in ((0,) if signal_number == signal.SIGTERM else (0, 130))


async def test_shutdown_does_not_wait_for_stalled_clients(url: str) -> None:
    async with attach_clients(url, 1) as clients:
        for websocket in clients.sockets:
            websocket.connection.transport.pause_reading()
        with assert_within(MAX_SHUTDOWN_SECONDS, "the shutdown"):
            end_by_signal = clients.gateway_process.end_by_signal
            assert await asyncio.to_thread(end_by_signal, signal.SIGTERM) == 0
        for websocket in clients.sockets:
            websocket.connection.transport.abort()


async def test_connections_are_refused_after_shutdown(url: str) -> None:
    async with attach_clients(url, 1) as clients:
        assert await asyncio.to_thread(clients.gateway_process.end_by_signal, signal.SIGTERM) == 0
        async with httpx.AsyncClient(timeout=scale_seconds(5)) as client:
            with pytest.raises(httpx.ConnectError):
                await client.get(f"{clients.gateway_process.url}/livez")
