"""Work ends when nobody waits for it any more: the client is gone, or the time is up."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

import httpx
import psycopg
import pytest

from gateway.config.settings import settings
from gateway.http.deadline import SOON
from gateway.server.app import application
from gateway.server.factory import installation_of
from tests.conftest import NewDatabase
from tests.support.database_queries import eventually
from tests.support.gateway_server import small_demo, tokens_at
from tests.support.listening_server import listening

NAMES = {"query": "{ resources(first: 3) { nodes { name } } }"}
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter, bytes]
"""Both ways of a connection, and what is left to send."""
RUNNING = (
    "select count(*) from pg_stat_activity where datname = current_database()"
    " and application_name = 'marketplace-gateway' and state = 'active'"
)


@pytest.fixture(scope="module")
def url(new_database: NewDatabase) -> str:
    """Give the address of a demo."""
    return small_demo(new_database())


@asynccontextmanager
async def client_of(url: str, **given: str) -> AsyncIterator[httpx.AsyncClient]:
    """Serve the demo at a port of its own; give a client who is staff and has been answered."""
    variables = {f"GATEWAY_{name.upper()}": value for name, value in given.items()}
    effective = settings({"GATEWAY_DATABASE_URL": url, **variables})
    app = application(effective, installation_of(effective))
    headers = {"Authorization": f"Token {tokens_at(url)['staff']}"}
    async with (
        listening(app, effective) as port,
        httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30
        ) as client,
    ):
        assert (await asked(client)).json()["data"]["resources"]
        yield client


async def asked(client: httpx.AsyncClient) -> httpx.Response:
    """Ask for some names."""
    return await client.post("/graphql", json=NAMES)


async def running(root: psycopg.AsyncConnection, statements: int) -> None:
    """Wait until so many statements run in the database."""

    async def run() -> bool:
        return await one(root.execute(RUNNING)) == (statements,)

    await eventually(run)


async def one(executing: Awaitable[psycopg.AsyncCursor]) -> object:
    """Give the row that a statement finds."""
    return await (await executing).fetchone()


@asynccontextmanager
async def locked(url: str) -> AsyncIterator[psycopg.AsyncConnection]:
    """Have nobody read the resources; give a connection that can look at what goes on."""
    async with (
        await psycopg.AsyncConnection.connect(url) as holding,
        await psycopg.AsyncConnection.connect(url, autocommit=True) as root,
    ):
        await holding.execute("lock table marketplace_resource in access exclusive mode")
        yield root


async def test_what_a_client_asked_who_hung_up_is_stopped(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with client_of(url) as client:
        async with locked(url) as root:
            asking = asyncio.create_task(asked(client))
            await running(root, 1)
            asking.cancel()
            await running(root, 0)
        assert "errors" not in (await asked(client)).json()
    assert [each for each in caplog.records if each.levelno >= logging.WARNING] == []


async def test_others_who_ask_the_same_are_answered(url: str) -> None:
    async with client_of(url, pool_size="1") as client:
        async with locked(url) as root:
            leaving, staying = [asyncio.create_task(asked(client)) for _ in range(2)]
            await running(root, 1)
            leaving.cancel()
            await asyncio.wait([staying], timeout=0.5)
            assert not staying.done()
        assert "errors" not in (await staying).json()


async def test_an_answer_may_not_take_too_long(url: str) -> None:
    async with client_of(url, request_seconds="1") as client:
        async with locked(url) as root:
            answer = await asked(client)
            await running(root, 0)
        (error,) = answer.json()["errors"]
        assert (answer.status_code, error["extensions"]["code"]) == (504, "TIMEOUT")
        assert error["extensions"]["id"] == answer.headers["X-Request-ID"]
        assert "errors" not in (await asked(client)).json()


@asynccontextmanager
async def half_asked(client: httpx.AsyncClient) -> AsyncIterator[Stream]:
    """Send the head of a query and half of its body."""
    port = client.base_url.port
    assert port is not None
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = json.dumps(NAMES).encode()
    named = {"Host": "x", "Content-Type": "application/json", "Content-Length": str(len(body))}
    named["Authorization"] = client.headers["Authorization"]
    head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    writer.write(f"POST /graphql HTTP/1.1\r\n{head}\r\n".encode() + body[:10])
    await asyncio.sleep(2 * SOON)
    try:
        yield reader, writer, body[10:]
    finally:
        writer.close()


async def test_a_body_that_does_not_come_is_not_waited_for(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.http.deadline.PATIENCE", 3 * SOON)
    async with client_of(url) as client, half_asked(client) as (reader, _, _):
        assert b"408" in await reader.readline()
        assert "errors" not in (await asked(client)).json()


async def test_who_hangs_up_after_a_slow_body_is_noticed(url: str) -> None:
    async with client_of(url) as client, locked(url) as root:
        async with half_asked(client) as (_, writer, rest):
            writer.write(rest)
            await running(root, 1)
        await running(root, 0)


async def test_a_slow_body_is_answered(url: str) -> None:
    async with client_of(url) as client, half_asked(client) as (reader, writer, rest):
        writer.write(rest)
        assert b"200" in await reader.readline()
