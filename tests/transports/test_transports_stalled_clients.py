"""Clients that stop reading: the server does not wait for them, nor keep much for them."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gateway.transports.graphql_transport_ws import Close
from tests.transports.streaming_server import Served, attached, raw, served, until
from tests.transports.test_http_stream import MULTIPART, SSE

LONG = " ".join(f"n{number}: name" for number in range(100))
EVENTS = (
    f"subscription {{ resourceChanged {{ ... on ResourceEvent {{ resource {{ {LONG} }} }} }} }}"
)
"""Of which each event fills 15 KB."""
TIMES = 40
"""So often are all resources renamed: that is more than the system keeps for who does not read."""


@asynccontextmanager
async def deaf(gateway: Served, accept: str) -> AsyncIterator[socket.socket]:
    """Subscribe to a stream, and read nothing of it."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(connection, ("127.0.0.1", gateway.port))
        body = json.dumps({"query": EVENTS})
        named = {**gateway.header(), "Host": "x", "Accept": accept, "Content-Length": len(body)}
        named["Content-Type"] = "application/json"
        head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
        await loop.sock_sendall(connection, f"POST /graphql HTTP/1.1\r\n{head}\r\n{body}".encode())
        await attached(gateway)
        yield connection


async def overwhelmed(gateway: Served) -> None:
    """Have happen more than is kept for a client."""
    for number in range(TIMES):
        name = f"{number % 10}" * 140
        await asyncio.to_thread(gateway.sql, "update marketplace_resource set name = %s", name)


@pytest.mark.parametrize("accept", [SSE, MULTIPART])
async def test_a_stream_that_nobody_reads_is_cut(
    gateway: Served, accept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.transports.http_stream.STALLED", 0.5)
    async with deaf(gateway, accept):
        await overwhelmed(gateway)
        await until(lambda: gateway.subscribed() == 0, 30)
    await until(lambda: not gateway.desk.subscriptions.hub.groups)


async def test_a_socket_that_nobody_reads_is_cut(
    gateway: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.transports.websocket.STALLED", 0.5)
    async with raw(gateway, max_queue=1) as talking:
        await talking.begin(**gateway.header())
        talking.connection.transport.pause_reading()
        await talking.ask(EVENTS)
        await attached(gateway)
        await overwhelmed(gateway)
        await until(lambda: gateway.subscribed() == 0, 30)
        talking.connection.transport.abort()


@pytest.mark.parametrize("begun", [False, True])
async def test_who_asks_without_reading_is_not_read(gateway: Served, begun: bool) -> None:
    pings = json.dumps({"type": "ping", "payload": {"text": "p" * 10_000}})
    async with raw(gateway) as talking:
        if begun:
            await talking.begin()
        talking.connection.transport.pause_reading()

        async def ask() -> None:
            for _ in range(10_000):
                await talking.connection.send(pings)

        asking = asyncio.create_task(ask())
        done, _ = await asyncio.wait([asking], timeout=3)
        assert not done
        asking.cancel()
        talking.connection.transport.abort()
        await asyncio.wait([asking])


async def test_who_does_not_answer_pings_is_cut_off_without_a_code(url: str) -> None:
    often = {"ws_ping_interval": 0.2, "ws_ping_timeout": 0.3}
    async with served(url, often) as gateway, raw(gateway) as talking:
        await talking.begin()
        talking.connection.transport.pause_reading()
        await asyncio.sleep(1)
        talking.connection.transport.resume_reading()
        async with asyncio.timeout(5):
            await talking.connection.wait_closed()
        assert talking.connection.protocol.close_rcvd is None


async def test_who_answers_pings_stays(url: str) -> None:
    often = {"ws_ping_interval": 0.2, "ws_ping_timeout": 0.3}
    async with served(url, often) as gateway, raw(gateway) as talking:
        await talking.begin()
        await asyncio.sleep(1)
        await talking.say("ping")
        assert await talking.hear() == {"type": "pong"}


def test_clients_come_back_when_they_were_too_slow() -> None:
    assert Close.TOO_SLOW.value == 4499  # of which graphql-ws says that it is to be tried again
