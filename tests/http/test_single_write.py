"""Single-write responses: keep-alive, pipelining, closing and access log work as with ASGI."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.conftest import DatabaseFactory
from tests.http.test_deadline import serve_client
from tests.support.gateway_server import create_small_demo

RESOURCE_NAMES_BODY = json.dumps({"query": "{ resources(first: 1) { nodes { name } } }"}).encode()
OFFERING_NAMES_BODY = json.dumps({"query": "{ offerings(first: 1) { nodes { name } } }"}).encode()
SocketStreams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture(scope="module")
def url(new_database: DatabaseFactory) -> str:
    """Return the URL of a demo."""
    return create_small_demo(new_database())


@asynccontextmanager
async def connect_to_demo(url: str, **setting_values: str) -> AsyncIterator[SocketStreams]:
    """Serve the demo at `url` and open a TCP connection to its server."""
    async with serve_client(url, **setting_values) as client:
        assert client.base_url.port is not None
        reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
        yield reader, writer
        writer.close()


def encode_post(body: bytes, version: str = "1.1", *headers: str) -> bytes:
    """Encode a POST request."""
    base_headers = "Host: x", "Content-Type: application/json", f"Content-Length: {len(body)}"
    header_lines = "".join(f"{each}\r\n" for each in (*base_headers, *headers))
    return f"POST /graphql HTTP/{version}\r\n{header_lines}\r\n".encode() + body


async def read_response(reader: asyncio.StreamReader) -> tuple[str, bytes]:
    """Read a response; return its head in lower case, and its body."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    (length,) = [each for each in head.splitlines() if each.startswith("content-length: ")]
    return head, await reader.readexactly(int(length.partition(": ")[2]))


async def test_connection_is_kept_alive(url: str) -> None:
    async with connect_to_demo(url) as (reader, writer):
        for _ in range(3):
            writer.write(encode_post(RESOURCE_NAMES_BODY))
            head, body = await read_response(reader)
            assert head.startswith("http/1.1 200 ok\r\n")
            assert "connection:" not in head
            assert head.count("\r\ndate: ") == 1
            assert b'"resources"' in body


async def test_pipelined_requests_are_answered_in_order(url: str) -> None:
    async with connect_to_demo(url) as (reader, writer):
        writer.write(
            b"".join(
                [
                    encode_post(RESOURCE_NAMES_BODY),
                    encode_post(OFFERING_NAMES_BODY),
                    encode_post(b"{"),
                    encode_post(RESOURCE_NAMES_BODY),
                ]
            )
        )
        responses = [await read_response(reader) for _ in range(4)]
    assert [head.split()[1] for head, _ in responses] == ["200", "200", "400", "200"]
    response_data = [json.loads(body).get("data", {}) for _, body in responses]
    assert [[*each] for each in response_data] == [["resources"], ["offerings"], [], ["resources"]]


@pytest.mark.parametrize(("version", "header"), [("1.1", "Connection: close"), ("1.0", "A: b")])
async def test_connection_closes_on_client_request(url: str, version: str, header: str) -> None:
    async with connect_to_demo(url) as (reader, writer):
        writer.write(encode_post(RESOURCE_NAMES_BODY, version, header))
        head, body = await read_response(reader)
        assert "\r\nconnection: close\r\n" in head
        assert b'"resources"' in body
        assert await reader.read() == b""


async def test_expect_100_continue(url: str) -> None:
    async with connect_to_demo(url) as (reader, writer):
        head, body = encode_post(RESOURCE_NAMES_BODY, "1.1", "Expect: 100-continue").split(
            b"\r\n\r\n"
        )
        writer.write(head + b"\r\n\r\n")
        assert b" 100 " in await reader.readuntil(b"\r\n\r\n")
        writer.write(body)
        assert (await read_response(reader))[0].startswith("http/1.1 200 ok\r\n")


async def test_access_log_contains_requests(
    url: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("uvicorn.access"), "propagate", True)
    caplog.set_level(logging.INFO, "uvicorn.access")
    async with connect_to_demo(url, access_log="on") as (reader, writer):
        writer.write(encode_post(RESOURCE_NAMES_BODY))
        await read_response(reader)
    access_log_lines = {
        each.getMessage() for each in caplog.records if each.name == "uvicorn.access"
    }
    assert len(access_log_lines) == 2, "the request of serve_client and the one above"
    assert all(each.endswith('"POST /graphql HTTP/1.1" 200') for each in access_log_lines)
