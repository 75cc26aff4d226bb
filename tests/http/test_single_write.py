"""Answers go out in one piece, and connections go on as HTTP has it."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.conftest import NewDatabase
from tests.http.test_deadline import client_of
from tests.support.gateway_server import small_demo

NAMES = json.dumps({"query": "{ resources(first: 1) { nodes { name } } }"}).encode()
OTHERS = json.dumps({"query": "{ offerings(first: 1) { nodes { name } } }"}).encode()
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture(scope="module")
def url(new_database: NewDatabase) -> str:
    """Give the address of a demo."""
    return small_demo(new_database())


@asynccontextmanager
async def connected(url: str, **given: str) -> AsyncIterator[Stream]:
    """Connect to a server of the demo at the address of a database, with such settings."""
    async with client_of(url, **given) as client:
        assert client.base_url.port is not None
        reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
        yield reader, writer
        writer.close()


def posted(body: bytes, version: str = "1.1", *headers: str) -> bytes:
    """Write a request."""
    usual = "Host: x", "Content-Type: application/json", f"Content-Length: {len(body)}"
    head = "".join(f"{each}\r\n" for each in (*usual, *headers))
    return f"POST /graphql HTTP/{version}\r\n{head}\r\n".encode() + body


async def answered(reader: asyncio.StreamReader) -> tuple[str, bytes]:
    """Read the head, in lower case, and the body of a response."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    (length,) = [each for each in head.splitlines() if each.startswith("content-length: ")]
    return head, await reader.readexactly(int(length.partition(": ")[2]))


async def test_a_connection_takes_one_request_after_the_other(url: str) -> None:
    async with connected(url) as (reader, writer):
        for _ in range(3):
            writer.write(posted(NAMES))
            head, body = await answered(reader)
            assert head.startswith("http/1.1 200 ok\r\n")
            assert "connection:" not in head
            assert head.count("\r\ndate: ") == 1
            assert b'"resources"' in body


async def test_requests_at_once_are_answered_in_their_order(url: str) -> None:
    async with connected(url) as (reader, writer):
        writer.write(b"".join([posted(NAMES), posted(OTHERS), posted(b"{"), posted(NAMES)]))
        answers = [await answered(reader) for _ in range(4)]
    assert [head.split()[1] for head, _ in answers] == ["200", "200", "400", "200"]
    found = [json.loads(body).get("data", {}) for _, body in answers]
    assert [[*each] for each in found] == [["resources"], ["offerings"], [], ["resources"]]


@pytest.mark.parametrize(("version", "header"), [("1.1", "Connection: close"), ("1.0", "A: b")])
async def test_a_connection_ends_if_the_client_wants_no_more(
    url: str, version: str, header: str
) -> None:
    async with connected(url) as (reader, writer):
        writer.write(posted(NAMES, version, header))
        head, body = await answered(reader)
        assert "\r\nconnection: close\r\n" in head
        assert b'"resources"' in body
        assert await reader.read() == b""


async def test_what_is_asked_to_go_on_is_sent_on_request(url: str) -> None:
    async with connected(url) as (reader, writer):
        head, body = posted(NAMES, "1.1", "Expect: 100-continue").split(b"\r\n\r\n")
        writer.write(head + b"\r\n\r\n")
        assert b" 100 " in await reader.readuntil(b"\r\n\r\n")
        writer.write(body)
        assert (await answered(reader))[0].startswith("http/1.1 200 ok\r\n")


async def test_the_log_of_requests_has_them(
    url: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("uvicorn.access"), "propagate", True)
    caplog.set_level(logging.INFO, "uvicorn.access")
    async with connected(url, access_log="on") as (reader, writer):
        writer.write(posted(NAMES))
        await answered(reader)
    said = {each.getMessage() for each in caplog.records if each.name == "uvicorn.access"}
    assert len(said) == 2, "that of the client which is asked first, and the one above"
    assert all(each.endswith('"POST /graphql HTTP/1.1" 200') for each in said)
