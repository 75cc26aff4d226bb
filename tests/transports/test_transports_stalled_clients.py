"""Clients that stop reading are disconnected, and use a bounded amount of memory."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gateway.error_table import CloseCode
from tests.support.time_limits import scale_seconds, time_limit, wait_until
from tests.transports.streaming_server import (
    ServedGateway,
    open_websocket,
    serve_gateway,
    wait_for_subscribers,
)
from tests.transports.test_http_stream import MULTIPART_ACCEPT, SSE_MEDIA_TYPE

LONG_SELECTION = " ".join(f"n{number}: name" for number in range(100))
LARGE_EVENTS_SUBSCRIPTION = f"""
subscription {{ resourceChanged {{ ... on ResourceEvent {{ resource {{ {LONG_SELECTION} }} }} }} }}
"""
"""A subscription whose events have 15 KB."""
RENAME_COUNT = 40
"""Number of updates of all resources, whose events exceed the socket buffers of the system."""


@asynccontextmanager
async def open_unread_stream(gateway: ServedGateway, accept: str) -> AsyncIterator[socket.socket]:
    """Subscribe by a stream, and read nothing of the response."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(connection, ("127.0.0.1", gateway.port))
        body = json.dumps({"query": LARGE_EVENTS_SUBSCRIPTION})
        headers = {
            **gateway.create_auth_header(),
            "Host": "x",
            "Accept": accept,
            "Content-Length": len(body),
        }
        headers["Content-Type"] = "application/json"
        header_lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        await loop.sock_sendall(
            connection, f"POST /graphql HTTP/1.1\r\n{header_lines}\r\n{body}".encode()
        )
        await wait_for_subscribers(gateway)
        yield connection


async def overflow_buffers(gateway: ServedGateway) -> None:
    """Cause more events than the socket buffers can hold."""
    for number in range(RENAME_COUNT):
        name = f"{number % 10}" * 140
        await asyncio.to_thread(
            gateway.execute_sql, "update marketplace_resource set name = %s", name
        )


@pytest.mark.parametrize("accept", [SSE_MEDIA_TYPE, MULTIPART_ACCEPT])
async def test_unread_stream_is_aborted(url: str, accept: str) -> None:
    async with serve_gateway(url, write_seconds="1") as gateway:
        async with open_unread_stream(gateway, accept):
            await overflow_buffers(gateway)
            await wait_until(lambda: gateway.count_subscriptions() == 0, 30)
        await wait_until(lambda: not gateway.services.subscription_registry.hub.groups)


async def test_unread_socket_is_aborted(url: str) -> None:
    async with (
        serve_gateway(url, write_seconds="1") as gateway,
        open_websocket(gateway, max_queue=1) as websocket,
    ):
        await websocket.init_connection(**gateway.create_auth_header())
        websocket.connection.transport.pause_reading()
        await websocket.start_operation(LARGE_EVENTS_SUBSCRIPTION)
        await wait_for_subscribers(gateway)
        await overflow_buffers(gateway)
        await wait_until(lambda: gateway.count_subscriptions() == 0, 30)
        websocket.connection.transport.abort()


@pytest.mark.parametrize("is_initialised", [False, True])
async def test_server_stops_reading_from_client_that_does_not_read(
    gateway: ServedGateway, is_initialised: bool
) -> None:
    pings = json.dumps({"type": "ping", "payload": {"text": "p" * 10_000}})
    async with open_websocket(gateway) as websocket:
        if is_initialised:
            await websocket.init_connection()
        websocket.connection.transport.pause_reading()

        async def send_pings() -> None:
            for _ in range(10_000):
                await websocket.connection.send(pings)

        sending_task = asyncio.create_task(send_pings())
        finished_tasks, _ = await asyncio.wait([sending_task], timeout=3)
        assert not finished_tasks
        sending_task.cancel()
        websocket.connection.transport.abort()
        await asyncio.wait([sending_task])


async def test_missing_pong_aborts_connection(url: str) -> None:
    server_options = {"ws_ping_interval": 0.2, "ws_ping_timeout": 0.3}
    async with serve_gateway(url, server_options) as gateway, open_websocket(gateway) as websocket:
        await websocket.init_connection()
        websocket.connection.transport.pause_reading()
        await asyncio.sleep(1)
        websocket.connection.transport.resume_reading()
        async with time_limit(5, "the connection to be aborted"):
            await websocket.connection.wait_closed()
        assert websocket.connection.protocol.close_rcvd is None


async def test_pong_keeps_connection_open(url: str) -> None:
    pong_seconds = scale_seconds(0.1)
    server_options = {"ws_ping_interval": 0.2, "ws_ping_timeout": pong_seconds}
    async with serve_gateway(url, server_options) as gateway, open_websocket(gateway) as websocket:
        await websocket.init_connection()
        await asyncio.sleep(2 * (0.2 + pong_seconds))
        await websocket.send_message("ping")
        assert await websocket.receive_message() == {"type": "pong"}


def test_too_slow_close_code_allows_reconnect() -> None:
    assert CloseCode.WRITE_TIMEOUT.value == 4499  # graphql-ws reconnects after this code
