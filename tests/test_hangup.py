"""Work ends when nobody waits for it any more: the client is gone, or the time is up."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

import httpx
import psycopg
import pytest
import uvicorn

from gateway.app import application
from gateway.serving import installation_of
from gateway.settings import settings
from tests.conftest import NewDatabase
from tests.db.asking import eventually
from tests.serving import small_demo, tokens_at

NAMES = {"query": "{ resources(first: 3) { nodes { name } } }"}
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
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None))
    serving = asyncio.create_task(server.serve())

    async def started() -> bool:
        return server.started

    await eventually(started)
    (address,) = [each.getsockname() for each in server.servers[0].sockets]
    headers = {"Authorization": f"Token {tokens_at(url)['staff']}"}
    base = f"http://127.0.0.1:{address[1]}"
    async with httpx.AsyncClient(base_url=base, headers=headers, timeout=30) as client:
        assert (await asked(client)).json()["data"]["resources"]
        yield client
    server.should_exit = True
    await serving


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
