"""A server that is told to end: its clients hear of it at once, and come back elsewhere."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import httpx
import pytest

from tests.support.gateway_server import Process, process, tokens_at
from tests.transports.streaming_server import CHANGES, Served, Talk, raw
from tests.transports.test_http_stream import MULTIPART, SSE, Stream, streamed

SOON = 6
"""Seconds until the process is to have ended."""


@dataclass
class Attached:
    """Clients of one process, each of whom was told of an event."""

    serving: Process
    sockets: list[Talk]
    streams: list[Stream]


@asynccontextmanager
async def attached(url: str, count: int = 3, **given: str) -> AsyncIterator[Attached]:
    """Serve, and have some clients of each kind subscribe."""
    with process(database_url=url, **given) as serving:
        port = int(serving.url.rpartition(":")[2])
        gateway = Served(port, url, tokens_at(url))
        async with AsyncExitStack() as held:
            made = Attached(serving, [], [])
            for _ in range(count):
                socket = await held.enter_async_context(raw(gateway))
                await socket.begin(**gateway.header())
                await socket.ask(CHANGES)
                made.sockets.append(socket)
                for accept in (SSE, MULTIPART):
                    stream = await held.enter_async_context(streamed(gateway, accept=accept))
                    made.streams.append(stream)
            await asyncio.sleep(1)
            gateway.rename(f"at {port}")
            await asyncio.gather(*(each.told() for each in made.sockets))
            for number, each in enumerate(made.streams):
                await (each.part() if number % 2 else each.event())
            yield made


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("workers", ["1", "2"])
async def test_all_hear_of_the_end_at_once(url: str, number: signal.Signals, workers: str) -> None:
    async with attached(url, workers=workers) as clients:
        began = time.monotonic()
        ending = asyncio.create_task(asyncio.to_thread(clients.serving.end, number))
        for each in clients.sockets:
            assert (await each.closed())[0] == 1012
        assert [await each.rest() for each in clients.streams] == [""] * len(clients.streams)
        assert time.monotonic() - began < SOON / 2
        assert await ending in ((0,) if number == signal.SIGTERM else (0, 130))
        assert time.monotonic() - began < SOON


async def test_who_does_not_read_is_not_waited_for(url: str) -> None:
    async with attached(url, 1) as clients:
        for each in clients.sockets:
            each.connection.transport.pause_reading()
        began = time.monotonic()
        ending = asyncio.create_task(asyncio.to_thread(clients.serving.end, signal.SIGTERM))
        assert await ending == 0
        assert time.monotonic() - began < SOON
        for each in clients.sockets:
            each.connection.transport.abort()


async def test_nobody_is_let_in_any_more(url: str) -> None:
    async with attached(url, 1) as clients:
        assert await asyncio.to_thread(clients.serving.end, signal.SIGTERM) == 0
        async with httpx.AsyncClient() as client:
            with pytest.raises(httpx.ConnectError):
                await client.get(f"{clients.serving.url}/livez")
