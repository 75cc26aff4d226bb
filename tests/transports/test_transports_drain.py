"""Drain: before the server stops, it is not ready, ends streams and finishes what is running."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import httpx
import psycopg
import pytest_asyncio

from tests.support.gateway_server import GatewayProcess, load_user_tokens, run_gateway_process
from tests.support.time_limits import scale_seconds, wait_until_async
from tests.transports.streaming_server import (
    RESOURCE_CHANGED_SUBSCRIPTION,
    VIEWER_QUERY,
    ServedGateway,
    WebSocketClient,
    open_authenticated_websocket,
    open_websocket,
)
from tests.transports.test_http_stream import SSE_MEDIA_TYPE, open_stream, post_query

RESOURCE_COUNT_QUERY = "{ resources { totalCount } }"


@pytest_asyncio.fixture
async def draining_gateway(url: str) -> AsyncIterator[tuple[ServedGateway, GatewayProcess]]:
    """Yield a gateway that drains for long after SIGTERM; its queries wait as long for locks."""
    seconds = dict.fromkeys(("drain_seconds", "statement_seconds", "request_seconds"), "600")
    with run_gateway_process(database_url=url, keep_tokens="off", **seconds) as gateway_process:
        port = int(gateway_process.url.rpartition(":")[2])
        yield ServedGateway(port, url, load_user_tokens(url)), gateway_process
        gateway_process.popen.send_signal(signal.SIGTERM)


async def fetch_readiness(gateway: ServedGateway) -> int:
    """Return the status of the readiness check, over a new connection."""
    async with httpx.AsyncClient(timeout=scale_seconds(10)) as client:
        return (await client.get(gateway.url.replace("/graphql", "/readyz"))).status_code


async def begin_drain(gateway: ServedGateway, gateway_process: GatewayProcess) -> None:
    """Send SIGTERM and wait until the gateway is not ready."""
    gateway_process.popen.send_signal(signal.SIGTERM)

    async def is_draining() -> bool:
        return await fetch_readiness(gateway) == httpx.codes.SERVICE_UNAVAILABLE

    await wait_until_async(is_draining)


@contextmanager
def block_queries(gateway: ServedGateway) -> Iterator[None]:
    """Make queries of resources wait."""
    with psycopg.connect(gateway.database_url) as connection:
        connection.execute("lock table marketplace_resource in access exclusive mode")
        yield


async def test_other_requests_are_served(
    draining_gateway: tuple[ServedGateway, GatewayProcess],
) -> None:
    gateway, gateway_process = draining_gateway
    assert await fetch_readiness(gateway) == httpx.codes.OK
    await begin_drain(gateway, gateway_process)
    response = await post_query(gateway, RESOURCE_COUNT_QUERY, "application/json")
    assert response.json() == {"data": {"resources": {"totalCount": 20}}}


async def test_streams_end_so_that_clients_reconnect(
    draining_gateway: tuple[ServedGateway, GatewayProcess],
) -> None:
    gateway, gateway_process = draining_gateway
    async with open_stream(gateway) as stream, open_authenticated_websocket(gateway) as websocket:
        await websocket.start_operation(RESOURCE_CHANGED_SUBSCRIPTION)
        await begin_drain(gateway, gateway_process)
        assert await stream.read_rest() == ""
        assert await websocket.wait_closed() == (1012, "The server restarts. Connect again.")


async def test_new_subscriptions_are_refused(
    draining_gateway: tuple[ServedGateway, GatewayProcess],
) -> None:
    gateway, gateway_process = draining_gateway
    await begin_drain(gateway, gateway_process)
    response = await post_query(gateway, RESOURCE_CHANGED_SUBSCRIPTION, SSE_MEDIA_TYPE)
    assert (response.status_code, response.headers["retry-after"]) == (503, "2")
    assert response.json()["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
    async with open_websocket(gateway) as websocket:
        assert (await websocket.wait_closed())[0] == 1012


async def test_running_queries_are_finished(
    draining_gateway: tuple[ServedGateway, GatewayProcess],
) -> None:
    gateway, gateway_process = draining_gateway
    async with open_authenticated_websocket(gateway) as websocket:
        with block_queries(gateway):
            await websocket.start_operation(RESOURCE_COUNT_QUERY)
            await _wait_for_waiting_statements(gateway, 1)
            request = asyncio.create_task(
                post_query(gateway, RESOURCE_COUNT_QUERY, "application/json")
            )
            await _wait_for_waiting_statements(gateway, 2)
            await begin_drain(gateway, gateway_process)
            assert await _execute_viewer_query(websocket)
        message = await websocket.receive_message()
        assert message["payload"] == {"data": {"resources": {"totalCount": 20}}}
        assert (await websocket.receive_message())["type"] == "complete"
        assert (await websocket.wait_closed())[0] == 1012
        assert (await request).json() == {"data": {"resources": {"totalCount": 20}}}


async def _execute_viewer_query(websocket: WebSocketClient) -> bool:
    """Return whether a query on the WebSocket is served while another one is running."""
    return "data" in await websocket.execute_query(VIEWER_QUERY, "2")


async def _wait_for_waiting_statements(gateway: ServedGateway, count: int) -> None:
    """Wait until that many statements, also of one pipeline, wait for the lock."""
    waiting = (
        "select count(*) from pg_stat_activity"
        " where wait_event_type = 'Lock' and datname = current_database()"
    )

    async def is_waiting() -> bool:
        ((waiting_count,),) = gateway.execute_sql(waiting)
        return bool(waiting_count >= 1)

    await wait_until_async(is_waiting)
    await asyncio.sleep(scale_seconds(0.2) * count)  # until the others have been sent, too
