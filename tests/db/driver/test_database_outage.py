"""A database that goes away is said to be away, soon, and is used again soon after it is back."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import psycopg
import pytest
import pytest_asyncio

from gateway.demo.postgres import Postgres
from tests.conftest import NewDatabase
from tests.support.database_proxy import Line, line_to
from tests.support.gateway_server import Client, service, small_demo

NAMES = "{ resources(first: 3) { nodes { name offering { name } } } }"
SOON = 5
"""Seconds, as promised."""


@pytest.fixture(scope="module")
def url(new_database: NewDatabase) -> str:
    """Give the address of a demo."""
    return small_demo(new_database())


@pytest_asyncio.fixture(loop_scope="session")
async def line(url: str) -> AsyncIterator[Line]:
    """Give a line to it."""
    async with line_to(url) as line:
        yield line


@pytest_asyncio.fixture(loop_scope="session")
async def client(url: str, line: Line) -> AsyncIterator[Client]:
    """Give a client of a gateway that reaches it by the line, and has served a query."""
    async with service(url, line.url) as client:
        assert codes(await client.post_query(NAMES)) == set()
        yield client


def codes(answer: httpx.Response) -> set[str]:
    """Give what kinds of errors are in an answer."""
    return {each["extensions"]["code"] for each in answer.json().get("errors", ())}


@asynccontextmanager
async def within(seconds: float) -> AsyncIterator[None]:
    """Fail if what is done takes longer."""
    started = time.monotonic()
    yield
    assert time.monotonic() - started < seconds


async def answered(client: Client) -> None:
    """Ask until the answer is good."""
    while codes(await client.post_query(NAMES)):
        pass


async def test_while_it_is_away_everybody_is_told(client: Client, line: Line) -> None:
    await line.cut()
    async with within(SOON):
        known, unknown, readiness = await asyncio.gather(
            client.post_query(NAMES),
            client.post_query(NAMES, "member"),
            client.http.get("/readyz"),
        )
    assert (known.status_code, known.json()["data"], codes(known)) == (200, None, {"UNAVAILABLE"})
    assert known.json()["errors"][0]["path"] == ["resources", "nodes"]
    assert (unknown.status_code, codes(unknown)) == (503, {"UNAVAILABLE"})
    assert unknown.headers["Retry-After"] == "2"
    assert unknown.headers["X-Request-ID"] == unknown.json()["errors"][0]["extensions"]["id"]
    assert readiness.status_code == 503


async def test_what_needs_no_database_is_answered_meanwhile(client: Client, line: Line) -> None:
    await line.cut()
    assert (await client.ask("{ __typename }"))["data"] == {"__typename": "Query"}
    assert (await client.http.get("/livez")).status_code == 200


async def test_is_back_soon_while_clients_go_on_asking(client: Client, line: Line) -> None:
    await line.cut()
    asking = [asyncio.create_task(client.post_query(NAMES, each)) for each in USERS]
    await asyncio.sleep(2.2)
    await line.mend()
    async with within(SOON):
        await answered(client)
        assert (await client.http.get("/readyz")).status_code == 200
    assert {code for each in asking for code in codes(await each)} == {"UNAVAILABLE"}


USERS = ["staff", "member", "owner", "provider"] * 5


async def test_nobody_notices_an_outage_between_requests(client: Client, line: Line) -> None:
    await asyncio.gather(*[client.ask(NAMES) for _ in range(20)])
    await line.cut()
    await line.mend()
    async with within(2):
        assert codes(await client.post_query(NAMES)) == set()


async def test_a_database_that_says_nothing_any_more_counts_as_away(
    client: Client, line: Line
) -> None:
    line.hang()
    async with within(SOON):
        answers = await asyncio.gather(
            client.post_query(NAMES, "member"), client.http.get("/readyz")
        )
    assert [each.status_code for each in answers] == [503, 503]
    await line.mend()
    async with within(SOON):
        await answered(client)


async def test_no_request_fails_when_the_server_ends_its_connections(
    client: Client, url: str, server: Postgres
) -> None:
    asking = [asyncio.create_task(client.post_query(NAMES, each)) for each in USERS * 3]
    await asyncio.sleep(0.1)
    ended = await asyncio.to_thread(end_connections, server, name_of(url))
    answers = await asyncio.gather(*asking)
    assert ended > 0
    assert [codes(each) for each in answers] == [set()] * 60


def end_connections(server: Postgres, name: str) -> int:
    """End the connections of gateways to the database of that name; tell how many."""
    with psycopg.connect(server.url, autocommit=True) as root:
        ending = root.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = %s and application_name = 'marketplace-gateway'",
            [name],
        )
        return len(ending.fetchall())


def name_of(url: str) -> str:
    """Give the name of the database at `url`."""
    return url.partition("@/")[2].partition("?")[0]


async def test_a_database_that_takes_no_connections_counts_as_away(
    client: Client, url: str, server: Postgres
) -> None:
    allow = f"alter database {name_of(url)} allow_connections"
    with psycopg.connect(server.url, autocommit=True) as root:
        # In this order: a lost connection is replaced at once.
        root.execute(f"{allow} false".encode())
        await asyncio.to_thread(end_connections, server, name_of(url))
        async with within(SOON):
            answer = await client.post_query(NAMES, "owner")
        root.execute(f"{allow} true".encode())
    assert (answer.status_code, codes(answer)) == (503, {"UNAVAILABLE"})
    async with within(SOON):
        await answered(client)


async def test_a_gateway_may_start_before_it_reaches_its_database(url: str, line: Line) -> None:
    await line.cut()
    async with service(url, line.url) as client:
        assert (await client.http.get("/readyz")).status_code == 503
        await line.mend()
        async with within(SOON):
            await answered(client)
