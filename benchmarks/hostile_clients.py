"""Hostile clients: each sends what costs a server much, again and again, until it is cancelled."""

import asyncio
import json
import random
from collections.abc import Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import websockets
from websockets.typing import Subprotocol

READ_BYTES = 1 << 16


@dataclass
class AttackedServer:
    """The server, and what was sent to it."""

    port: int
    token: str
    """The token of a user without privileges."""
    request_count: int = 0
    numbers: Iterator[int] = field(default_factory=count)
    """Numbers that make texts unique, so that no cache knows them."""

    def build_request(self, body: bytes, token: str | None = None, **headers: str) -> bytes:
        """Return a POST request with a JSON body."""
        self.request_count += 1
        lines = {
            "Host": f"127.0.0.1:{self.port}",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "Authorization": f"Token {token or self.token}",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
        return f"POST /graphql HTTP/1.1\r\n{head}\r\n".encode() + body


Attack = Callable[[AttackedServer], Coroutine[Any, Any, None]]


@asynccontextmanager
async def _connect(server: AttackedServer) -> Any:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def read_response(reader: asyncio.StreamReader) -> bytes:
    """Read a response with a Content-Length; return its head. Raises EOFError at its end."""
    head = await reader.readuntil(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            await reader.readexactly(int(line[15:]))
    return head


async def repeat_requests(server: AttackedServer, build_body: Callable[[], Any]) -> None:
    """Send requests one after the other; connect again when the server closes the connection."""
    while True:
        with suppress(OSError, EOFError, asyncio.LimitOverrunError):
            async with _connect(server) as (reader, writer):
                while True:
                    writer.write(server.build_request(json.dumps(build_body()).encode()))
                    head = await read_response(reader)
                    if b" 429 " in head[:16]:
                        await asyncio.sleep(0.01)
        await asyncio.sleep(0.01)


def send_document(
    text: str, variables: Any = None, operation_name: str | None = None, *, is_fresh: bool = True
) -> Attack:
    """Return the attack that sends a document; a fresh one differs from all others in a comment."""

    async def attack(server: AttackedServer) -> None:
        def build_body() -> Any:
            suffix = f"\n#{next(server.numbers)}" if is_fresh else ""
            return {
                "query": text + suffix,
                "variables": variables,
                "operationName": operation_name,
            }

        await repeat_requests(server, build_body)

    return attack


_RESOURCE_COUNT = "query ($f: ResourceFilter) { resources(filter: $f) { totalCount } }"
_FILTER_FIELDS = {
    "state": ["OK"],
    "name": "x",
    "nameExact": "y",
    "description": "z",
    "backendId": "b",
}


def _build_fresh_filter(server: AttackedServer, conditions: int) -> dict[str, Any]:
    """Return a filter with a shape that the server has not seen."""
    shapes = random.Random(next(server.numbers))
    names = sorted(_FILTER_FIELDS)
    operands = [
        {name: _FILTER_FIELDS[name] for name in shapes.sample(names, shapes.randint(1, len(names)))}
        for _ in range(conditions // len(names))
    ]
    return {shapes.choice(["and", "or"]): operands}


async def send_fresh_filters(server: AttackedServer) -> None:
    """Send filters whose statements have to be compiled and prepared."""
    await repeat_requests(
        server,
        lambda: {"query": _RESOURCE_COUNT, "variables": {"f": _build_fresh_filter(server, 90)}},
    )


async def send_fresh_plans(server: AttackedServer) -> None:
    """Send valid documents of many steps whose plans have to be compiled."""

    def build_body() -> Any:
        number = next(server.numbers)
        fields = " ".join(
            f"a{number}_{i}: resources(first: 1) {{ nodes {{ name plan {{ name }}"
            f" offering {{ components {{ type }} plans {{ name }} }} }} }}"
            for i in range(20)
        )
        return {"query": f"{{ {fields} }}"}

    await repeat_requests(server, build_body)


async def send_unknown_tokens(server: AttackedServer) -> None:
    """Send tokens that do not exist."""
    body = b'{"query": "{ viewer { user { username } } }"}'
    while True:
        with suppress(OSError, EOFError):
            async with _connect(server) as (reader, writer):
                while True:
                    token = f"{random.getrandbits(160):040x}"
                    writer.write(server.build_request(body, token))
                    await read_response(reader)
        await asyncio.sleep(0.01)


async def pipeline_without_reading(server: AttackedServer) -> None:
    """Send requests without reading the responses."""
    body = json.dumps({"query": "{ resources(first: 50) { nodes { name uuid } } }"}).encode()
    async with _connect(server) as (_, writer):
        with suppress(OSError):
            while True:
                writer.write(server.build_request(body) * 100)
                await writer.drain()
        await asyncio.Event().wait()


async def drip_heads(server: AttackedServer) -> None:
    """Open connections and send a byte of a head from time to time."""
    with suppress(OSError):
        async with _connect(server) as (_, writer):
            server.request_count += 1
            for byte in b"POST /graphql HTTP/1.1\r\nX-Padding: " + b"x" * 1000:
                writer.write(bytes([byte]))
                await asyncio.sleep(0.2)


async def upload_without_token(server: AttackedServer) -> None:
    """Upload large files with an invalid token."""
    body = b"x" * 10_000_000
    while True:
        with suppress(OSError, EOFError):
            async with _connect(server) as (reader, writer):
                headers = {"GraphQL_Preflight": "1"}
                request = server.build_request(body, "f" * 40, **headers)
                writer.write(
                    request.replace(b"application/json", b"multipart/form-data; boundary=x", 1)
                )
                await read_response(reader)
        await asyncio.sleep(0.01)


async def send_over_websocket(server: AttackedServer) -> None:
    """Start operations on a WebSocket without waiting for their results."""
    query = "{ resources(first: 300) { nodes { name uuid offering { name } } } }"
    address, protocol = f"ws://127.0.0.1:{server.port}/graphql", Subprotocol("graphql-transport-ws")
    while True:
        with suppress(OSError, websockets.WebSocketException):
            async with websockets.connect(address, subprotocols=[protocol], proxy=None) as socket:
                payload: Any = {"Authorization": f"Token {server.token}"}
                await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
                for number in range(500):
                    payload = {"query": query}
                    server.request_count += 1
                    await socket.send(
                        json.dumps({"type": "subscribe", "id": str(number), "payload": payload})
                    )
                await asyncio.sleep(1)
        await asyncio.sleep(0.01)


_LARGEST = (
    "{ resources(first: 300) { nodes { uuid name slug state created modified description"
    " offering { uuid name components { type name } } plan { uuid name }"
    " project { uuid name customer { uuid name } } endpoints { name url } } } }"
)
_DEEP: Any = {"name": "x"}
for _ in range(400):
    _DEEP = {"and": [_DEEP]}
EMPTY_OBJECTS: Any = {"f": {"and": [{}] * 100_000}}
VARIABLE_ATTACKS: dict[str, Attack] = {
    "400 KB of empty input objects": send_document(_RESOURCE_COUNT, EMPTY_OBJECTS, is_fresh=False),
    "a list of 100,000 items": send_document(
        _RESOURCE_COUNT, {"f": {"state": ["OK"] * 100_000}}, is_fresh=False
    ),
    "100,000 unknown keys": send_document(
        _RESOURCE_COUNT, {"f": {f"k{i}": 1 for i in range(60_000)}}, is_fresh=False
    ),
    "a text of 900 KB": send_document(_RESOURCE_COUNT, {"f": {"name": "x" * 900_000}}),
    "objects in 800 levels": send_document(_RESOURCE_COUNT, {"f": _DEEP}, is_fresh=False),
}
WORK_ATTACKS: dict[str, Attack] = {
    "filters of unknown shapes": send_fresh_filters,
    "plans of unknown documents": send_fresh_plans,
    "the largest responses": send_document(_LARGEST, is_fresh=False),
    "unknown tokens": send_unknown_tokens,
}
CONNECTION_ATTACKS: dict[str, Attack] = {
    "pipelined requests, no response read": pipeline_without_reading,
    "heads sent byte by byte": drip_heads,
    "uploads without a valid token": upload_without_token,
    "operations on WebSockets": send_over_websocket,
}
