"""Request deadlines: work ends when the client disconnects or the time limit is reached."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from math import ceil

import httpx
import psycopg
import pytest

from gateway.config.settings import load_settings
from gateway.http.deadline import DISCONNECT_WATCH_DELAY_SECONDS
from gateway.server.app import build_application
from gateway.server.factory import detect_installation
from tests.conftest import DatabaseFactory
from tests.support.gateway_server import create_small_demo, load_user_tokens
from tests.support.listening_server import serve_on_free_port
from tests.support.time_limits import scale_seconds, wait_until_async

RESOURCE_NAMES_QUERY = {"query": "{ resources(first: 3) { nodes { name } } }"}
OpenConnection = tuple[asyncio.StreamReader, asyncio.StreamWriter, bytes]
"""Reader and writer of a connection, and the rest of the body."""
COUNT_ACTIVE_STATEMENTS = (
    "select count(*) from pg_stat_activity where datname = current_database()"
    " and application_name = 'marketplace-gateway' and state = 'active'"
)


@pytest.fixture(scope="module")
def url(new_database: DatabaseFactory) -> str:
    """Return the URL of a demo."""
    return create_small_demo(new_database())


@asynccontextmanager
async def serve_client(url: str, **setting_values: str) -> AsyncIterator[httpx.AsyncClient]:
    """Serve the demo on a free port; yield a client that is staff, after its first response."""
    variables = {f"GATEWAY_{name.upper()}": value for name, value in setting_values.items()}
    effective_settings = load_settings({"GATEWAY_DATABASE_URL": url, **variables})
    app = build_application(effective_settings, detect_installation(effective_settings))
    headers = {"Authorization": f"Token {load_user_tokens(url)['staff']}"}
    async with (
        serve_on_free_port(app, effective_settings) as port,
        httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=scale_seconds(30)
        ) as client,
    ):
        assert (await request_resource_names(client)).json()["data"]["resources"]
        yield client


async def request_resource_names(client: httpx.AsyncClient) -> httpx.Response:
    """Query the names of some resources."""
    return await client.post("/graphql", json=RESOURCE_NAMES_QUERY)


async def wait_for_active_statements(
    admin_connection: psycopg.AsyncConnection, expected_count: int
) -> None:
    """Wait until exactly `expected_count` statements are running in the database."""

    async def has_count() -> bool:
        return await fetch_row(admin_connection.execute(COUNT_ACTIVE_STATEMENTS)) == (
            expected_count,
        )

    await wait_until_async(has_count)


async def fetch_row(execution: Awaitable[psycopg.AsyncCursor]) -> object:
    """Return the first row of a statement."""
    return await (await execution).fetchone()


@asynccontextmanager
async def lock_resources(url: str) -> AsyncIterator[psycopg.AsyncConnection]:
    """Lock the table of resources; yield a connection that can query active statements."""
    async with (
        await psycopg.AsyncConnection.connect(url) as locking_connection,
        await psycopg.AsyncConnection.connect(url, autocommit=True) as admin_connection,
    ):
        await locking_connection.execute("lock table marketplace_resource in access exclusive mode")
        yield admin_connection


async def test_disconnect_cancels_statement(url: str, caplog: pytest.LogCaptureFixture) -> None:
    async with serve_client(url) as client:
        async with lock_resources(url) as admin_connection:
            pending_request = asyncio.create_task(request_resource_names(client))
            await wait_for_active_statements(admin_connection, 1)
            pending_request.cancel()
            await wait_for_active_statements(admin_connection, 0)
        assert "errors" not in (await request_resource_names(client)).json()
    assert [each for each in caplog.records if each.levelno >= logging.WARNING] == []


async def test_shared_statement_survives_other_disconnect(url: str) -> None:
    async with serve_client(url, pool_size="1") as client:
        async with lock_resources(url) as admin_connection:
            cancelled_request, remaining_request = [
                asyncio.create_task(request_resource_names(client)) for _ in range(2)
            ]
            await wait_for_active_statements(admin_connection, 1)
            cancelled_request.cancel()
            await asyncio.wait([remaining_request], timeout=0.5)
            assert not remaining_request.done()
        assert "errors" not in (await remaining_request).json()


async def test_request_deadline_is_enforced(url: str) -> None:
    request_seconds = ceil(scale_seconds(0.3))  # suffices for the other requests
    async with serve_client(url, request_seconds=str(request_seconds)) as client:
        async with lock_resources(url) as admin_connection:
            response = await request_resource_names(client)
            await wait_for_active_statements(admin_connection, 0)
        (error,) = response.json()["errors"]
        assert (response.status_code, error["extensions"]["code"]) == (504, "TIMEOUT")
        assert error["extensions"]["id"] == response.headers["X-Request-ID"]
        assert "errors" not in (await request_resource_names(client)).json()


@asynccontextmanager
async def send_half_body(client: httpx.AsyncClient) -> AsyncIterator[OpenConnection]:
    """Send the head of a query and half of its body."""
    port = client.base_url.port
    assert port is not None
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = json.dumps(RESOURCE_NAMES_QUERY).encode()
    headers = {"Host": "x", "Content-Type": "application/json", "Content-Length": str(len(body))}
    headers["Authorization"] = client.headers["Authorization"]
    header_lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(f"POST /graphql HTTP/1.1\r\n{header_lines}\r\n".encode() + body[:10])
    await asyncio.sleep(2 * DISCONNECT_WATCH_DELAY_SECONDS)
    try:
        yield reader, writer, body[10:]
    finally:
        writer.close()


async def test_body_timeout(url: str) -> None:
    async with (
        serve_client(url, body_seconds="1") as client,
        send_half_body(client) as (reader, _, _),
    ):
        assert b"408" in await reader.readline()
        assert "errors" not in (await request_resource_names(client)).json()


async def test_disconnect_after_slow_body_cancels_statement(url: str) -> None:
    async with serve_client(url) as client, lock_resources(url) as admin_connection:
        async with send_half_body(client) as (_, writer, remaining_body):
            writer.write(remaining_body)
            await wait_for_active_statements(admin_connection, 1)
        await wait_for_active_statements(admin_connection, 0)


async def test_a_slow_body_is_answered(url: str) -> None:
    async with (
        serve_client(url) as client,
        send_half_body(client) as (reader, writer, remaining_body),
    ):
        writer.write(remaining_body)
        assert b"200" in await reader.readline()
