"""HTTP connections, seen by raw clients: upgrades, half-closed connections, refusals, limits."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from gateway.transports.uvicorn_internals import ResponseCycle, SingleWriteProtocol
from tests.http.test_deadline import lock_resources, wait_for_active_statements
from tests.support.live_objects import disable_collector
from tests.support.raw_http import (
    LIVENESS_REQUEST,
    TYPENAME_BODY,
    WEBSOCKET_HANDSHAKE,
    RawConnection,
    connect_raw,
    encode_post,
)
from tests.support.time_limits import time_limit, wait_until
from tests.transports.streaming_server import (
    RESOURCE_CHANGED_SUBSCRIPTION,
    ServedGateway,
    serve_gateway,
    wait_for_subscribers,
)

NAMES_BODY = json.dumps({"query": "{ resources(first: 3) { nodes { name } } }"}).encode()
SUBSCRIPTION_BODY = json.dumps({"query": RESOURCE_CHANGED_SUBSCRIPTION}).encode()
LARGE_LENGTH = 5_000_000
MAX_BUFFERED_BYTES = 400_000
"""Above the read size of the loop (256 KB) and what is buffered before reading pauses."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def impatient_gateway(url: str) -> AsyncIterator[ServedGateway]:
    """Yield a gateway with short time limits of connections."""
    async with serve_gateway(
        url, head_seconds="1", idle_seconds="1", write_seconds="1", body_seconds="1"
    ) as gateway:
        yield gateway


async def expect_working(connection: RawConnection) -> None:
    """Fail if the connection answers no further request."""
    connection.send(LIVENESS_REQUEST)
    response = await connection.read_response()
    assert (response.status, response.body) == (200, b"live\n")


@pytest.mark.parametrize("upgrade", ["h2c", "TLS/1.0", "websocket"])
@pytest.mark.parametrize("in_parts", [False, True])
async def test_upgrades_of_posts_are_ignored(
    gateway: ServedGateway, upgrade: str, in_parts: bool
) -> None:
    request = encode_post(
        "Connection: Upgrade, HTTP2-Settings", f"Upgrade: {upgrade}", "HTTP2-Settings: AAEAAEAA"
    )
    async with connect_raw(gateway.port) as connection:
        if in_parts:
            for part in (request[:50], request[50:-10], request[-10:]):
                connection.send(part)
                await connection.writer.drain()
                await asyncio.sleep(0.01)
        else:
            connection.send(request)
        response = await connection.read_response()
        assert (response.status, response.json) == (200, {"data": {"__typename": "Query"}})
        await expect_working(connection)


async def test_websocket_handshake_waits_for_the_response_before(gateway: ServedGateway) -> None:
    async with connect_raw(gateway.port) as connection:
        connection.send(encode_post(body=NAMES_BODY), WEBSOCKET_HANDSHAKE)
        assert (await connection.read_response()).status == 200
        response = await connection.read_response()
        assert (response.status, response.headers["upgrade"]) == (101, "websocket")


async def test_pipelined_refusal_comes_after_the_response_before(gateway: ServedGateway) -> None:
    async with connect_raw(gateway.port) as connection:
        connection.send(encode_post(body=NAMES_BODY), b"\x00\r\n\r\n", LIVENESS_REQUEST)
        assert (await connection.read_response()).status == 200
        assert (await connection.read_response()).status == 400
        assert await connection.read_end() == b""


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /\r\n",
        b"\x00" * 100,
        b"GET / \r\n\r\n",
    ],
    ids=["TLS", "HTTP/0.9", "null", "no version"],
)
async def test_garbage_is_refused_without_a_line_of_log(
    gateway: ServedGateway, caplog: pytest.LogCaptureFixture, data: bytes
) -> None:
    caplog.set_level(logging.INFO, "uvicorn.error")
    async with connect_raw(gateway.port) as connection:
        connection.send(data)
        response = await connection.read_response()
        assert (response.status, response.headers["connection"]) == (400, "close")
        assert response.body.startswith(b"The HTTP request is malformed: ")
        assert await connection.read_end() == b""
    assert [each.getMessage() for each in caplog.records] == []


async def test_refused_requests_are_logged_with_the_others(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "uvicorn.error")
    async with serve_gateway(url, access_log="on") as gateway, connect_raw(gateway.port) as client:
        client.send(b"GET /\r\n")
        assert (await client.read_response()).status == 400
    (record,) = [each for each in caplog.records if "efused" in each.getMessage()]
    assert (record.levelno, record.exc_info) == (logging.INFO, None)


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream", "text/html"])
async def test_http_1_0_gets_no_chunked_coding(url: str, accept: str) -> None:
    subscription = json.dumps({"query": RESOURCE_CHANGED_SUBSCRIPTION}).encode()
    request = {
        "application/json": encode_post(version="1.0"),
        "text/event-stream": encode_post(f"Accept: {accept}", version="1.0", body=subscription),
        "text/html": b"GET /graphql HTTP/1.0\r\nAccept: text/html\r\n\r\n",
    }[accept]
    async with serve_gateway(url, dev="on") as gateway, connect_raw(gateway.port) as connection:
        connection.send(request)
        response = await connection.read_response()
        assert (response.status, response.headers["connection"]) == (200, "close")
        assert "transfer-encoding" not in response.headers
        if accept == "text/event-stream":
            assert await connection.reader.readexactly(3) == b":\n\n"
        else:
            assert await connection.read_end() == b""


@pytest.mark.parametrize("version", ["1.1", "1.0"])
async def test_half_closed_client_gets_its_responses(url: str, version: str) -> None:
    async with (
        serve_gateway(url) as gateway,
        connect_raw(gateway.port) as connection,
    ):
        request = encode_post(*auth_lines(gateway), body=NAMES_BODY, version=version)
        async with lock_resources(url) as admin_connection:
            connection.send(request * (2 if version == "1.1" else 1))
            connection.writer.write_eof()
            await wait_for_active_statements(admin_connection, 1)
            # The server has probed the client, and writes the rest of the response now.
            async with time_limit(10, "the first byte"):
                assert await connection.reader.readexactly(1) == b"H"
        head = await connection.reader.readline()
        assert (b"H" + head) == b"HTTP/1.1 200 OK\r\n"
        rest = await connection.read_end()
        assert rest.count(b'"resources"') == (2 if version == "1.1" else 1)


def auth_lines(gateway: ServedGateway, username: str = "staff") -> list[str]:
    """Return the header line with a user's token."""
    return [f"{name}: {value}" for name, value in gateway.create_auth_header(username).items()]


@pytest.mark.parametrize("half_closes_first", [False, True])
@pytest.mark.parametrize("version", ["1.1", "1.0"])
async def test_client_that_is_gone_cancels_its_request(
    gateway: ServedGateway, half_closes_first: bool, version: str
) -> None:
    async with lock_resources(gateway.database_url) as admin_connection:
        async with connect_raw(gateway.port) as connection:
            connection.send(encode_post(*auth_lines(gateway), body=NAMES_BODY, version=version))
            await wait_for_active_statements(admin_connection, 1)
            if half_closes_first:
                connection.writer.write_eof()
                async with time_limit(10, "the first byte"):
                    assert await connection.reader.readexactly(1) == b"H"
            connection.writer.close()
            await connection.writer.wait_closed()
        await wait_for_active_statements(admin_connection, 0)


async def test_stream_ends_when_its_client_shuts_down(gateway: ServedGateway) -> None:
    subscription = json.dumps({"query": RESOURCE_CHANGED_SUBSCRIPTION}).encode()
    async with connect_raw(gateway.port) as connection:
        connection.send(
            encode_post(*auth_lines(gateway), "Accept: text/event-stream", body=subscription)
        )
        assert (await connection.read_response()).status == 200
        await wait_for_subscribers(gateway)
        connection.writer.write_eof()
        await wait_for_subscribers(gateway, 0)


@pytest.mark.parametrize(
    "start",
    [b"GET /livez HTTP/1.1\r\nName: ", b"GET /livez?", b"P"],
    ids=["field", "target", "method"],
)
async def test_dripping_head_is_ended(impatient_gateway: ServedGateway, start: bytes) -> None:
    async with connect_raw(impatient_gateway.port) as connection:
        connection.send(start)
        response_task = asyncio.create_task(connection.read_response())
        while not response_task.done():
            connection.send(b"A")
            await asyncio.sleep(0.2)
        response = response_task.result()
        assert (response.status, response.headers["connection"]) == (408, "close")
        assert response.body == b"The head of the request was not received within 1 seconds.\n"
        assert await connection.read_end() == b""


@pytest.mark.parametrize("data", [b"", b"\r\n\r\n", LIVENESS_REQUEST])
async def test_idle_connection_is_closed(impatient_gateway: ServedGateway, data: bytes) -> None:
    async with connect_raw(impatient_gateway.port) as connection:
        connection.send(data)
        if data == LIVENESS_REQUEST:
            await connection.read_response()
        assert await connection.read_end() == b""


REFUSALS = {
    413: encode_post(content_length=LARGE_LENGTH),
    415: encode_post(content_length=LARGE_LENGTH).replace(b"application/json", b"text/plain"),
    401: encode_post("Authorization: Token wrong", content_length=LARGE_LENGTH).replace(
        b"application/json", b"multipart/form-data; boundary=x"
    ),
    404: encode_post(content_length=LARGE_LENGTH).replace(b"/graphql", b"/else"),
}


@pytest.mark.parametrize("status", REFUSALS)
async def test_body_that_goes_on_after_a_refusal_is_ended(
    gateway: ServedGateway, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr("gateway.transports.uvicorn_internals.LINGER_SECONDS", 0.5)
    async with connect_raw(gateway.port) as connection:
        connection.send(REFUSALS[status])
        if status == 413:
            connection.send(b"x" * 1_100_000)
        response = await connection.read_response()
        assert (response.status, response.headers["connection"]) == (status, "close")
        assert await connection.read_end() == b"", "the server ends its side at once"
        await wait_until(lambda: has_lost_connection(connection))


def has_lost_connection(connection: RawConnection) -> bool:
    """Write to a connection; return whether the server has closed it."""
    connection.send(b"x" * 100)
    return connection.writer.transport.is_closing()


@pytest.mark.parametrize("status", [401, 415])
async def test_short_rest_of_a_body_keeps_the_connection(
    gateway: ServedGateway, status: int
) -> None:
    body = b"x" * 30_000
    request = REFUSALS[status].replace(b"%d" % LARGE_LENGTH, b"%d" % len(body))
    async with connect_raw(gateway.port) as connection:
        connection.send(request.removesuffix(TYPENAME_BODY))
        response = await connection.read_response()
        assert response.status == status
        assert "connection" not in response.headers
        connection.send(body)
        await expect_working(connection)


@pytest.mark.parametrize("data", [b"", b"x"])
async def test_dripping_rest_of_a_short_body_is_ended(
    gateway: ServedGateway, monkeypatch: pytest.MonkeyPatch, data: bytes
) -> None:
    monkeypatch.setattr("gateway.transports.uvicorn_internals.LINGER_SECONDS", 0.5)
    request = REFUSALS[415].replace(b"%d" % LARGE_LENGTH, b"30000")
    async with connect_raw(gateway.port) as connection:
        connection.send(request)
        assert (await connection.read_response()).status == 415
        connection.send(data)
        await connection.read_end()


async def test_expectations(gateway: ServedGateway) -> None:
    head, _, body = encode_post("Expect: 100-continue").partition(b"\r\n\r\n")
    async with connect_raw(gateway.port) as connection:
        connection.send(head, b"\r\n\r\n")
        assert (await connection.read_response()).status == 100
        connection.send(body)
        assert (await connection.read_response()).status == 200
        connection.send(encode_post("Expect: 100-continue"))
        assert (await connection.read_response()).status == 200, "the body was sent at once"
        connection.send(encode_post("Expect: something"))
        assert (await connection.read_response()).status == 417


@pytest.mark.parametrize("authorization", [None, "Token wrong"])
async def test_upload_is_refused_before_its_body(
    gateway: ServedGateway, authorization: str | None
) -> None:
    lines = ["Expect: 100-continue", "GraphQL-Preflight: 1"]
    lines += [] if authorization is None else [f"Authorization: {authorization}"]
    request = encode_post(*lines, body=b"", content_length=10_000_000).replace(
        b"application/json", b"multipart/form-data; boundary=x"
    )
    async with connect_raw(gateway.port) as connection:
        connection.send(request)
        response = await connection.read_response()
        assert (response.status, response.headers["connection"]) == (401, "close")
        assert await connection.read_end() == b""


async def test_bodies_are_bounded_together(url: str) -> None:
    async with serve_gateway(url, received_bytes="20000000", body_bytes="15000000") as gateway:
        registry = gateway.services.connection_registry
        request = encode_post(body=b"", content_length=15_000_000)
        async with connect_raw(gateway.port) as first, connect_raw(gateway.port) as second:
            first.send(request, b"x" * 14_000_000)
            await wait_until(lambda: registry.received_bytes == 14_000_000)
            second.send(request, b"x" * 7_000_000)
            response = await second.read_response()
            assert (response.status, response.headers["retry-after"]) == (503, "2")
            assert b"at most 20000000 bytes" in response.body
            first.send(b"x" * 1_000_000)
            assert (await first.read_response()).status == 400
        await wait_until(lambda: not registry.connections)
        assert registry.received_bytes == 0


async def test_input_behind_a_running_request_is_counted(gateway: ServedGateway) -> None:
    registry = gateway.services.connection_registry
    request = encode_post("Accept: text/event-stream", *auth_lines(gateway), body=SUBSCRIPTION_BODY)
    async with connect_raw(gateway.port) as connection:
        connection.send(request)
        assert (await connection.read_response()).status == 200
        connection.send(b"a" * 90_000)
        await wait_until(lambda: registry.received_bytes > 65_536)
    await wait_until(lambda: not registry.connections)
    assert registry.received_bytes == 0


async def test_head_is_counted_until_it_is_complete(gateway: ServedGateway) -> None:
    registry = gateway.services.connection_registry
    async with connect_raw(gateway.port) as connection:
        for _ in range(3):
            connection.send(LIVENESS_REQUEST[:-1])
            await wait_until(lambda: registry.received_bytes == len(LIVENESS_REQUEST) - 1)
            connection.send(LIVENESS_REQUEST[-1:])
            assert (await connection.read_response()).status == 200
            assert registry.received_bytes == 0


@pytest.mark.parametrize("path", [b"/livez", b"/graphql"])
async def test_pipelined_responses_that_are_not_read_are_bounded(
    impatient_gateway: ServedGateway, path: bytes
) -> None:
    registry = impatient_gateway.services.connection_registry
    request = b"GET %b HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\n\r\n" % path
    async with connect_raw(impatient_gateway.port, receive_buffer=4096) as connection:
        connection.writer.transport.pause_reading()  # type: ignore[attr-defined]
        connection.send(request * 100_000)
        await wait_until(lambda: len(registry.connections) == 1)
        (protocol,) = registry.connections
        assert isinstance(protocol, SingleWriteProtocol)
        largest_buffer = 0
        async with time_limit(30, "the end of the connection"):
            while registry.connections:
                largest_buffer = max(
                    largest_buffer,
                    protocol._reader.input_length,
                    protocol.transport.get_write_buffer_size(),
                )
                await asyncio.sleep(0.01)
        assert largest_buffer < MAX_BUFFERED_BYTES


async def test_connections_are_freed_without_the_collector(gateway: ServedGateway) -> None:
    request = encode_post(*auth_lines(gateway), body=NAMES_BODY)
    subscription = json.dumps({"query": RESOURCE_CHANGED_SUBSCRIPTION}).encode()
    stream_request = encode_post(
        *auth_lines(gateway), "Accept: text/event-stream", body=subscription
    )
    requests = (request, LIVENESS_REQUEST, REFUSALS[415], b"GET / HTTP/1.1\r\n\r\n", stream_request)
    with disable_collector(SingleWriteProtocol, ResponseCycle) as are_freed:
        for data in requests * 5:
            async with connect_raw(gateway.port) as connection:
                connection.send(data)
                await connection.read_response()
        for data in (request, request[:-10], request[:50], b"") * 5:
            async with connect_raw(gateway.port) as connection:
                connection.send(data)
                await connection.writer.drain()
                await asyncio.sleep(0.01)
        await wait_until(are_freed)
