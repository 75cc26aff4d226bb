"""Options of the server: the security headers are part of every response, once."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from gateway.server.server_options import SECURITY_HEADERS
from tests.support.time_limits import scale_seconds, time_limit
from tests.transports.streaming_server import ServedGateway, serve_gateway
from tests.transports.test_http_stream import SSE_MEDIA_TYPE, open_stream

JSON_HEADERS = {"Content-Type": "application/json"}
REQUESTS = {
    "query": ("POST", "/graphql", JSON_HEADERS, b'{"query": "{ __typename }"}', 200),
    "syntax error": ("POST", "/graphql", JSON_HEADERS, b'{"query": "{"}', 200),
    "no JSON": ("POST", "/graphql", JSON_HEADERS, b"{", 400),
    "wrong media type": ("POST", "/graphql", {}, b"query={a}", 415),
    "wrong method": ("PUT", "/graphql", {}, b"", 405),
    "invalid token": (
        "POST",
        "/graphql",
        {**JSON_HEADERS, "Authorization": "Token x"},
        b'{"query": "{ __typename }"}',
        401,
    ),
    "GraphiQL": ("GET", "/graphql", {"Accept": "text/html"}, b"", 200),
    "redirect": ("GET", "/", {}, b"", 307),
    "liveness": ("GET", "/livez", {}, b"", 200),
    "readiness": ("GET", "/readyz", {}, b"", 200),
    "metrics": ("GET", "/metrics", {}, b"", 200),
    "absent attachment": ("GET", "/purchase-orders/x.pdf", {}, b"", 404),
    "absent page": ("GET", "/nothing", {}, b"", 404),
    "large body": ("POST", "/graphql", JSON_HEADERS, b" " * 1_000_001, 413),
}
"""Method, path, headers and body of requests, and the status of the response."""


@pytest_asyncio.fixture(scope="module")
async def dev_gateway(url: str) -> AsyncIterator[ServedGateway]:
    """Yield a gateway that serves GraphiQL."""
    async with serve_gateway(url, dev="on") as served_gateway:
        yield served_gateway


def check_headers(headers: httpx.Headers) -> None:
    """Check that each security header is there once."""
    for name, value in SECURITY_HEADERS:
        assert headers.get_list(name) == [value], name


@pytest.mark.parametrize("name", REQUESTS)
async def test_every_response_has_the_security_headers(
    dev_gateway: ServedGateway, name: str
) -> None:
    method, path, headers, body, status = REQUESTS[name]
    async with httpx.AsyncClient(timeout=scale_seconds(10)) as client:
        url = dev_gateway.url.replace("/graphql", path)
        response = await client.request(method, url, headers=headers, content=body)
    assert response.status_code == status, response.text
    check_headers(response.headers)


async def test_streams_have_the_security_headers(dev_gateway: ServedGateway) -> None:
    async with open_stream(dev_gateway, accept=SSE_MEDIA_TYPE) as stream:
        check_headers(stream.response.headers)


async def test_what_is_no_http_has_the_security_headers(dev_gateway: ServedGateway) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", dev_gateway.port)
    writer.write(b"GET / HTTP/9.9\r\n\r\n")
    async with time_limit(10, "the response"):
        response = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    writer.close()
    assert response.startswith("http/1.1 400")
    assert all(f"{name}: {value}\r\n".lower() in response for name, value in SECURITY_HEADERS)
