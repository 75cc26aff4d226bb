"""Connections stay in step after errors, HEAD and ignored bodies, or they are closed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio

from tests.support.time_limits import time_limit
from tests.transports.streaming_server import ServedGateway, serve_gateway

JSON_HEADER = "Content-Type: application/json"
VALID_BODY = b'{"query": "{ __typename }"}'
VALID_RESULT = b'{"data":{"__typename":"Query"}}'
LONG_BODY = b'{"query": "{ __typename }", "extensions": {"a": "%s"}}' % (b"x" * 300_000)


class RawClient:
    """HTTP client of one connection, which sends requests as they are."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def send_request(
        self, *head_lines: str, body: bytes | None = VALID_BODY
    ) -> tuple[int, dict[str, str], bytes]:
        """Send a request; return the response. Without a body no `Content-Length` is sent."""
        length_line = [] if body is None else [f"Content-Length: {len(body)}"]
        head = "\r\n".join([*head_lines, "Host: x", *length_line, "", ""])
        self._writer.write(head.encode() + (body or b""))
        async with time_limit(10, "the response"):
            return await self._read_response(is_head=head.startswith("HEAD"))

    async def _read_response(self, *, is_head: bool) -> tuple[int, dict[str, str], bytes]:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        status_line, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        length = 0 if is_head else int(headers.get("content-length", 0))
        return int(status_line.split()[1]), headers, await self._reader.readexactly(length)

    async def expect_valid_response(self) -> None:
        """Send a valid request and check its response."""
        status, _, body = await self.send_request("POST /graphql HTTP/1.1", JSON_HEADER)
        assert (status, body) == (200, VALID_RESULT)

    async def expect_next_response(self, headers: dict[str, str]) -> None:
        """Check that the connection answers after a response with these headers, or is closed."""
        if headers.get("connection") == "close":
            assert await self.wait_closed() == b""
        else:
            await self.expect_valid_response()

    async def wait_closed(self) -> bytes:
        """Return what the server sends until it closes the connection."""
        async with time_limit(10, "the end of the connection"):
            return await self._reader.read()


@asynccontextmanager
async def open_connection(gateway: ServedGateway) -> AsyncIterator[RawClient]:
    """Open a connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    try:
        yield RawClient(reader, writer)
    finally:
        writer.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def get_gateway(url: str) -> AsyncIterator[ServedGateway]:
    """Yield a gateway that answers queries by GET."""
    async with serve_gateway(url, get_queries="on", body_bytes="1000") as gateway:
        yield gateway


@pytest.mark.parametrize("body", [VALID_BODY, LONG_BODY], ids=["short", "long"])
@pytest.mark.parametrize(
    ("head_lines", "status"),
    [
        (["POST /graphql HTTP/1.1"], 415),
        (["POST /graphql HTTP/1.1", "Content-Type: text/plain"], 415),
        (["POST /graphql HTTP/1.1", JSON_HEADER, JSON_HEADER], 400),
        (["POST /graphql HTTP/1.1", JSON_HEADER, "Content-Encoding: gzip"], 415),
        (["POST /graphql HTTP/1.1", JSON_HEADER, "Accept: text/plain"], 406),
        (["PUT /graphql HTTP/1.1", JSON_HEADER], 405),
        (["OPTIONS /graphql HTTP/1.1", JSON_HEADER], 204),
        (["GET /graphql?query={__typename} HTTP/1.1", JSON_HEADER], 200),
        (["HEAD /graphql?query={__typename} HTTP/1.1", JSON_HEADER], 200),
        (["GET /graphql?query=mutation{__typename} HTTP/1.1", JSON_HEADER], 405),
        (["POST /livez HTTP/1.1", JSON_HEADER], 405),
        (["POST /nothing HTTP/1.1", JSON_HEADER], 404),
    ],
)
async def test_unread_bodies_are_skipped(
    get_gateway: ServedGateway, head_lines: list[str], status: int, body: bytes
) -> None:
    async with open_connection(get_gateway) as client:
        response_status, headers, _ = await client.send_request(*head_lines, body=body)
        assert response_status == status
        await client.expect_next_response(headers)


async def test_a_body_that_is_too_long_is_skipped(get_gateway: ServedGateway) -> None:
    async with open_connection(get_gateway) as client:
        status, headers, _ = await client.send_request(
            "POST /graphql HTTP/1.1", JSON_HEADER, body=LONG_BODY
        )
        assert status == 413
        await client.expect_next_response(headers)


@pytest.mark.parametrize("body", [b"", None])
async def test_empty_bodies(gateway: ServedGateway, body: bytes | None) -> None:
    async with open_connection(gateway) as client:
        status, _, _ = await client.send_request("POST /graphql HTTP/1.1", JSON_HEADER, body=body)
        assert status == 400
        await client.expect_valid_response()


async def test_a_connection_is_closed_if_the_body_may_not_come(gateway: ServedGateway) -> None:
    """The client waits for `100 Continue`, gets status 415, and may never send the body."""
    async with open_connection(gateway) as client:
        head_lines = ["POST /graphql HTTP/1.1", "Content-Length: 9", "Expect: 100-continue"]
        status, headers, _ = await client.send_request(*head_lines, body=None)
        assert (status, headers["connection"]) == (415, "close")
        assert await client.wait_closed() == b""


@pytest.mark.parametrize("path", ["/graphql", "/graphql/", "/graphql?a", "http://y/graphql"])
async def test_forms_of_the_target(gateway: ServedGateway, path: str) -> None:
    async with open_connection(gateway) as client:
        status, _, body = await client.send_request(f"POST {path} HTTP/1.1", JSON_HEADER)
        assert (status, body) == (200, VALID_RESULT)


async def test_request_ids_of_several_header_lines(gateway: ServedGateway) -> None:
    async with open_connection(gateway) as client:
        head_lines = ["POST /graphql HTTP/1.1", JSON_HEADER, "X-Request-ID: a", "X-Request-ID: b"]
        _, headers, _ = await client.send_request(*head_lines)
        assert headers["x-request-id"] == "a"


async def test_the_status_of_the_newer_draft(url: str) -> None:
    """Status 294 is not a registered one; the server writes it nevertheless."""
    async with (
        serve_gateway(url, http_status="draft") as gateway,
        open_connection(gateway) as client,
    ):
        body = b'{"query": "{ __typename resources(first: 5000) { totalCount } }"}'
        status, _, _ = await client.send_request("POST /graphql HTTP/1.1", JSON_HEADER, body=body)
        assert status == 294
        await client.expect_valid_response()
