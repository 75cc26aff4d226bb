"""Raw HTTP connections: tests write bytes and read whole responses."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.support.time_limits import time_limit

LIVENESS_REQUEST = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
TYPENAME_BODY = b'{"query":"{ __typename }"}'
WEBSOCKET_HANDSHAKE = (
    b"GET /graphql HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    b"Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)


def encode_post(
    *header_lines: str,
    body: bytes = TYPENAME_BODY,
    version: str = "1.1",
    content_length: int | None = -1,
) -> bytes:
    """Return a POST; its length is that of the body by default, and left out for None."""
    length = len(body) if content_length == -1 else content_length
    lines = [
        f"POST /graphql HTTP/{version}",
        "Host: x",
        "Content-Type: application/json",
        *([] if length is None else [f"Content-Length: {length}"]),
        *header_lines,
    ]
    return "".join(f"{each}\r\n" for each in lines).encode() + b"\r\n" + body


@dataclass
class RawResponse:
    """A response: status, header fields with names in lower case, body."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def json(self) -> dict[str, object]:
        """The decoded body."""
        decoded: dict[str, object] = json.loads(self.body)
        return decoded


class RawConnection:
    """A TCP connection to a gateway."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, *parts: bytes) -> None:
        """Write bytes."""
        self.writer.write(b"".join(parts))

    async def read_response(self) -> RawResponse:
        """Read a response with a Content-Length, or its head only."""
        async with time_limit(10, "a response"):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            status_line, *lines = head.splitlines()[:-1]
            pairs = (line.partition(": ") for line in lines)
            headers = {name.lower(): value for name, _, value in pairs}
            body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        assert status_line.startswith("HTTP/1.1 "), status_line
        return RawResponse(int(status_line.split()[1]), headers, body)

    async def read_end(self) -> bytes:
        """Read until the server closes the connection; return what it sent before."""
        async with time_limit(20, "the end of the connection"):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b""


@asynccontextmanager
async def connect_raw(port: int, receive_buffer: int | None = None) -> AsyncIterator[RawConnection]:
    """Open a connection, with a small receive buffer if its size is given."""
    with socket.socket() as tcp_socket:
        if receive_buffer is not None:
            tcp_socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        tcp_socket.setblocking(False)
        await asyncio.get_running_loop().sock_connect(tcp_socket, ("127.0.0.1", port))
        reader, writer = await asyncio.open_connection(sock=tcp_socket)
        try:
            yield RawConnection(reader, writer)
        finally:
            writer.transport.abort()
