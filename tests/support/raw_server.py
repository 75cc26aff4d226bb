"""A server whose answers a test writes byte by byte: cut, delayed, or with odd TLS."""

import asyncio
import os
import re
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.support.time_limits import block_until

Talk = Callable[["RawExchange"], Awaitable[None]]
"""Answers a request; the connection is closed afterwards, unless `keep_open` is called."""


def build_answer(
    status: int,
    content: bytes = b"",
    media_type: str = "application/json",
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """Return the bytes of a whole answer."""
    fields = {"Content-Type": media_type, "Content-Length": str(len(content)), **(headers or {})}
    lines = [f"HTTP/1.1 {status} Text", *(f"{key}: {value}" for key, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode() + content


@dataclass
class RawExchange:
    """A request that was received whole, and the channel for its answer."""

    head: str
    content: bytes
    writer: asyncio.StreamWriter
    keeps_open: bool = False

    def write_answer(
        self,
        status: int,
        content: bytes = b"",
        media_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Write a whole answer."""
        self.writer.write(build_answer(status, content, media_type, headers))


@dataclass
class RawServer:
    """A running server; `talk` may be exchanged at any time."""

    talk: Talk
    url: str = ""
    exchanges: list[RawExchange] = field(default_factory=list)
    connection_count: int = 0

    async def serve_connection(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer the requests of a connection."""
        self.connection_count += 1
        try:
            while await self._serve_request(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _serve_request(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Answer a request; return whether the connection stays open."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        size = re.search(r"(?im)^content-length: *(\d+)", head)
        content = await reader.readexactly(int(size[1]) if size else 0)
        exchange = RawExchange(head, content, writer)
        self.exchanges.append(exchange)
        await self.talk(exchange)
        return exchange.keeps_open


async def damage_records(exchange: RawExchange) -> None:
    """Answer by a damaged record of TLS."""
    socket = exchange.writer.get_extra_info("socket")
    os.write(socket.fileno(), b"\x17\x03\x03\x00\x20" + b"damaged." * 4)
    exchange.keeps_open = True


@contextmanager
def run_raw_server(talk: Talk, tls_context: ssl.SSLContext | None = None) -> Iterator[RawServer]:
    """Yield a server on a free port of the loopback interface, which runs in a thread."""
    server = RawServer(talk=talk)
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        listener = await asyncio.start_server(
            server.serve_connection, "127.0.0.1", 0, ssl=tls_context
        )
        scheme = "http" if tls_context is None else "https"
        server.url = f"{scheme}://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        await stop.wait()
        listener.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # the loop closes the sockets of closed connections

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        block_until(lambda: server.url != "")
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()
