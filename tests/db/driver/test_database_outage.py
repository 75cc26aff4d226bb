"""Test outages of the database: they are reported soon, and the gateway recovers soon."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import psycopg
import pytest
import pytest_asyncio

from gateway.demo.postgres import EmbeddedPostgres
from tests.conftest import DatabaseFactory
from tests.support.database_proxy import DatabaseProxy, open_proxy
from tests.support.gateway_server import GatewayClient, create_small_demo, serve_in_process
from tests.support.time_limits import assert_within

NAMES_QUERY = "{ resources(first: 3) { nodes { name offering { name } } } }"
MAX_RESPONSE_SECONDS = 5
"""Longest duration of a response or of recovery, in seconds."""


@pytest.fixture(scope="module")
def url(new_database: DatabaseFactory) -> str:
    """Return the URL of a demo marketplace."""
    return create_small_demo(new_database())


@pytest_asyncio.fixture(loop_scope="session")
async def proxy(url: str) -> AsyncIterator[DatabaseProxy]:
    """Yield a proxy in front of the database."""
    async with open_proxy(url) as database_proxy:
        yield database_proxy


@pytest_asyncio.fixture(loop_scope="session")
async def client(url: str, proxy: DatabaseProxy) -> AsyncIterator[GatewayClient]:
    """Yield a client of a gateway behind the proxy that has served a query."""
    async with serve_in_process(url, proxy.url) as client:
        assert get_error_codes(await client.post_query(NAMES_QUERY)) == set()
        yield client


def get_error_codes(response: httpx.Response) -> set[str]:
    """Return the error codes of a response."""
    return {each["extensions"]["code"] for each in response.json().get("errors", ())}


async def wait_until_answered(client: GatewayClient) -> None:
    """Repeat a query until its response has no errors."""
    while get_error_codes(await client.post_query(NAMES_QUERY)):
        pass


async def test_outage_is_reported_as_unavailable(
    client: GatewayClient, proxy: DatabaseProxy
) -> None:
    await proxy.cut_connections()
    with assert_within(MAX_RESPONSE_SECONDS, "the response"):
        cached_viewer_response, new_viewer_response, readiness = await asyncio.gather(
            client.post_query(NAMES_QUERY),
            client.post_query(NAMES_QUERY, "member"),
            client.http.get("/readyz"),
        )
    assert (
        cached_viewer_response.status_code,
        cached_viewer_response.json()["data"],
        get_error_codes(cached_viewer_response),
    ) == (200, None, {"UNAVAILABLE"})
    assert cached_viewer_response.json()["errors"][0]["path"] == ["resources", "nodes"]
    assert (new_viewer_response.status_code, get_error_codes(new_viewer_response)) == (
        503,
        {"UNAVAILABLE"},
    )
    assert new_viewer_response.headers["Retry-After"] == "2"
    assert (
        new_viewer_response.headers["X-Request-ID"]
        == new_viewer_response.json()["errors"][0]["extensions"]["id"]
    )
    assert readiness.status_code == 503


async def test_queries_without_database_work_during_outage(
    client: GatewayClient, proxy: DatabaseProxy
) -> None:
    await proxy.cut_connections()
    assert (await client.execute_query("{ __typename }"))["data"] == {"__typename": "Query"}
    assert (await client.http.get("/livez")).status_code == 200


async def test_recovers_soon_while_clients_retry(
    client: GatewayClient, proxy: DatabaseProxy
) -> None:
    await proxy.cut_connections()
    requests = [asyncio.create_task(client.post_query(NAMES_QUERY, each)) for each in USERNAMES]
    await asyncio.sleep(2.2)
    await proxy.restore_traffic()
    with assert_within(MAX_RESPONSE_SECONDS, "the recovery"):
        await wait_until_answered(client)
        assert (await client.http.get("/readyz")).status_code == 200
    assert {code for each in requests for code in get_error_codes(await each)} == {"UNAVAILABLE"}


USERNAMES = ["staff", "member", "owner", "provider"] * 5


async def test_outage_between_requests_is_unnoticed(
    client: GatewayClient, proxy: DatabaseProxy
) -> None:
    await asyncio.gather(*[client.execute_query(NAMES_QUERY) for _ in range(20)])
    await proxy.cut_connections()
    await proxy.restore_traffic()
    with assert_within(2, "the response"):
        assert get_error_codes(await client.post_query(NAMES_QUERY)) == set()


async def test_silent_database_is_unavailable(client: GatewayClient, proxy: DatabaseProxy) -> None:
    proxy.freeze_traffic()
    with assert_within(MAX_RESPONSE_SECONDS, "the response"):
        responses = await asyncio.gather(
            client.post_query(NAMES_QUERY, "member"), client.http.get("/readyz")
        )
    assert [each.status_code for each in responses] == [503, 503]
    await proxy.restore_traffic()
    with assert_within(MAX_RESPONSE_SECONDS, "the recovery"):
        await wait_until_answered(client)


async def test_no_request_fails_when_server_ends_connections(
    client: GatewayClient, url: str, server: EmbeddedPostgres
) -> None:
    requests = [asyncio.create_task(client.post_query(NAMES_QUERY, each)) for each in USERNAMES * 3]
    await asyncio.sleep(0.1)
    terminated_count = await asyncio.to_thread(
        terminate_connections, server, get_database_name(url)
    )
    responses = await asyncio.gather(*requests)
    assert terminated_count > 0
    assert [get_error_codes(each) for each in responses] == [set()] * 60


def terminate_connections(server: EmbeddedPostgres, database_name: str) -> int:
    """End the gateway's connections to a database; return their number."""
    with psycopg.connect(server.url, autocommit=True) as root:
        cursor = root.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = %s and application_name = 'marketplace-gateway'",
            [database_name],
        )
        return len(cursor.fetchall())


def get_database_name(url: str) -> str:
    """Return the name of the database of `url`."""
    return url.partition("@/")[2].partition("?")[0]


async def test_database_refusing_connections_is_unavailable(
    client: GatewayClient, url: str, server: EmbeddedPostgres
) -> None:
    alter_sql = f"alter database {get_database_name(url)} allow_connections"
    with psycopg.connect(server.url, autocommit=True) as root:
        # New connections are refused first, as lost ones are replaced at once.
        root.execute(f"{alter_sql} false".encode())
        await asyncio.to_thread(terminate_connections, server, get_database_name(url))
        with assert_within(MAX_RESPONSE_SECONDS, "the response"):
            response = await client.post_query(NAMES_QUERY, "owner")
        root.execute(f"{alter_sql} true".encode())
    assert (response.status_code, get_error_codes(response)) == (503, {"UNAVAILABLE"})
    with assert_within(MAX_RESPONSE_SECONDS, "the recovery"):
        await wait_until_answered(client)


async def test_gateway_starts_during_outage(url: str, proxy: DatabaseProxy) -> None:
    await proxy.cut_connections()
    async with serve_in_process(url, proxy.url) as client:
        assert (await client.http.get("/readyz")).status_code == 503
        await proxy.restore_traffic()
        with assert_within(MAX_RESPONSE_SECONDS, "the recovery"):
            await wait_until_answered(client)
