"""Numbers of connections: those that wait give way, busy ones leave room for probes of health."""

import resource
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from gateway.transports import connection_registry
from gateway.transports.connection_registry import limit_by_open_files
from tests.support.raw_http import (
    LIVENESS_REQUEST,
    RawConnection,
    connect_raw,
    encode_post,
)
from tests.support.time_limits import wait_until
from tests.transports.streaming_server import ServedGateway, serve_gateway
from tests.transports.test_uvicorn_internals import LARGE_LENGTH

READINESS_REQUEST = LIVENESS_REQUEST.replace(b"livez", b"readyz")
SUBSCRIPTION_REQUEST = encode_post(
    "Accept: text/event-stream",
    body=b'{"query":"subscription { resourceChanged { __typename } }"}',
)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def small_gateway(url: str) -> AsyncIterator[ServedGateway]:
    """Yield a gateway that may have three connections."""
    async with serve_gateway(url, connections="3") as gateway:
        yield gateway


async def wait_for_connections(gateway: ServedGateway, expected_count: int) -> None:
    """Wait until the gateway has exactly `expected_count` connections."""
    registry = gateway.services.connection_registry
    await wait_until(lambda: len(registry.connections) == expected_count)


@pytest.mark.parametrize(
    "data",
    [b"", LIVENESS_REQUEST, b"GET /livez", encode_post(content_length=LARGE_LENGTH)],
    ids=["new", "idle", "head", "body"],
)
async def test_connection_that_has_waited_longest_gives_way(
    small_gateway: ServedGateway, data: bytes
) -> None:
    async with AsyncExitStack() as exit_stack:
        await wait_for_connections(small_gateway, 0)
        connections = []
        for number in range(4):
            connection = await exit_stack.enter_async_context(connect_raw(small_gateway.port))
            connections.append(connection)
            await wait_for_connections(small_gateway, min(number + 1, 3))
            connection.send(data)
            if data == LIVENESS_REQUEST:
                await connection.read_response()
        await connections[0].read_end()
        if data in (b"", LIVENESS_REQUEST):
            for connection in connections[1:]:
                connection.send(LIVENESS_REQUEST)
                assert (await connection.read_response()).status == 200


async def open_streams(
    gateway: ServedGateway, exit_stack: AsyncExitStack, count: int
) -> list[RawConnection]:
    """Open some streams."""
    connections = []
    await wait_for_connections(gateway, 0)
    for _ in range(count):
        connection = await exit_stack.enter_async_context(connect_raw(gateway.port))
        connection.send(SUBSCRIPTION_REQUEST)
        assert (await connection.read_response()).status == 200
        connections.append(connection)
    return connections


async def test_busy_connections_leave_room_for_probes(small_gateway: ServedGateway) -> None:
    async with AsyncExitStack() as exit_stack:
        streams = await open_streams(small_gateway, exit_stack, 3)
        for request in (LIVENESS_REQUEST, READINESS_REQUEST):
            async with connect_raw(small_gateway.port) as connection:
                connection.send(request)
                response = await connection.read_response()
                assert (response.status, response.headers["connection"]) == (200, "close")
        async with connect_raw(small_gateway.port) as connection:
            connection.send(encode_post())
            response = await connection.read_response()
            assert (response.status, response.headers["retry-after"]) == (503, "2")
            assert response.body == b"This server may have at most 3 connections at a time.\n"
            assert await connection.read_end() == b""
        streams[0].writer.transport.abort()
        await wait_for_connections(small_gateway, 2)
        async with connect_raw(small_gateway.port) as connection:
            connection.send(encode_post())
            assert (await connection.read_response()).status == 200


async def test_a_probe_gets_through_a_flood_of_connections(
    small_gateway: ServedGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_registry, "SURPLUS_CONNECTIONS", 2)
    async with AsyncExitStack() as exit_stack:
        await open_streams(small_gateway, exit_stack, 3)
        flood = [
            await exit_stack.enter_async_context(connect_raw(small_gateway.port)) for _ in range(20)
        ]
        await wait_for_connections(small_gateway, 5)
        await flood[0].read_end()
        async with connect_raw(small_gateway.port) as connection:
            connection.send(LIVENESS_REQUEST)
            assert (await connection.read_response()).status == 200


async def test_connections_of_an_address_are_limited(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with AsyncExitStack() as exit_stack:
        gateway = await exit_stack.enter_async_context(serve_gateway(url, address_connections="2"))
        await open_streams(gateway, exit_stack, 3)  # loopback addresses are not limited
        registry = gateway.services.connection_registry
        monkeypatch.setattr(registry, "_get_counted_address", lambda _: "192.0.2.1")
        await open_streams_of_address(gateway, exit_stack)
        async with connect_raw(gateway.port) as connection:
            connection.send(LIVENESS_REQUEST)
            assert (await connection.read_response()).status == 200
        async with connect_raw(gateway.port) as connection:
            connection.send(encode_post())
            response = await connection.read_response()
            assert (response.status, response.headers["retry-after"]) == (429, "2")
            assert response.body == b"An address may have at most 2 connections at a time.\n"


async def open_streams_of_address(gateway: ServedGateway, exit_stack: AsyncExitStack) -> None:
    """Open two more streams."""
    for _ in range(2):
        connection = await exit_stack.enter_async_context(connect_raw(gateway.port))
        connection.send(SUBSCRIPTION_REQUEST)
        assert (await connection.read_response()).status == 200


async def test_largest_unread_response_is_dropped(
    gateway: ServedGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = gateway.services.connection_registry
    request = b"GET /graphql HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\n\r\n"
    async with connect_raw(gateway.port, 4096) as unread, connect_raw(gateway.port) as other:
        unread.writer.transport.pause_reading()  # type: ignore[attr-defined]
        unread.send(request * 20_000)
        await wait_until(
            lambda: any(each.transport.get_write_buffer_size() > 0 for each in registry.connections)
        )
        limits = connection_registry.ConnectionLimits(unread_bytes=1)
        monkeypatch.setattr(registry, "limits", limits)
        await wait_until(
            lambda: all(not each.transport.get_write_buffer_size() for each in registry.connections)
        )
        other.send(LIVENESS_REQUEST)
        assert (await other.read_response()).status == 200


def test_open_files_limit_the_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "setrlimit", lambda _, new: limits.append(new))
    for soft, hard, expected_connections, expected_soft in (
        (100_000, 100_000, 12_000, None),
        (1024, 524_288, 12_000, 12_250),
        (1024, resource.RLIM_INFINITY, 12_000, 12_250),
        (resource.RLIM_INFINITY, resource.RLIM_INFINITY, 12_000, None),
        (1024, 4096, 3846, 4096),
        (100, 100, 1, 100),
    ):
        limits.clear()
        monkeypatch.setattr(resource, "getrlimit", lambda _, pair=(soft, hard): pair)
        assert limit_by_open_files(12_000) == expected_connections
        assert limits == ([] if expected_soft is None else [(expected_soft, hard)])
