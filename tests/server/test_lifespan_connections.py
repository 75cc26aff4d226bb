"""A running gateway opens the connections of two pools and one listener, and no others."""

from datetime import timedelta

import httpx
import pytest

from gateway.db.driver.transactions import MAX_CONNECTIONS
from tests.conftest import DatabaseFactory
from tests.db.events.test_feed import AGE_EVENTS_SQL, build_update_sql
from tests.resolvers.test_mutation_disabled import PULL_MUTATION
from tests.support.database_proxy import open_proxy
from tests.support.database_queries import connect_admin
from tests.support.event_listener import commit_sql, list_event_positions
from tests.support.gateway_server import create_small_demo
from tests.support.time_limits import scale_seconds, wait_until, wait_until_async
from tests.transports.streaming_server import (
    VIEWER_QUERY,
    ServedGateway,
    open_authenticated_websocket,
    serve_gateway,
    wait_for_subscribers,
)

POOL_SIZE = 3
MAX_GATEWAY_CONNECTIONS = POOL_SIZE + MAX_CONNECTIONS + 1
"""Connections of the read pool, of the write pool, and of the event listener."""
ROUND_COUNT = 15
RESUMED_SUBSCRIPTION = """subscription ($after: String) { resourceChanged(after: $after) {
    ... on ResourceEvent { uuid cursor } ... on ResyncRequired { cursor }
} }"""
ACTIVATE_USERS_SQL = "update core_user set is_active = true, token_lifetime = 3600"
AGE_TOKENS_SQL = "update authtoken_token set created = now() - interval '50 minutes'"
COUNT_AGED_TOKENS_SQL = """
select count(*) from authtoken_token
where created < now() - interval '40 minutes'
"""


@pytest.fixture(scope="module")
def url(new_database: DatabaseFactory) -> str:
    """Return the URL of a demo that these tests change; all users are active."""
    demo_url = create_small_demo(new_database())
    commit_sql(demo_url, ACTIVATE_USERS_SQL)
    return demo_url


async def post_document(
    http: httpx.AsyncClient, gateway: ServedGateway, username: str, query: str, **variables: object
) -> None:
    """Execute a document on behalf of a user, without errors."""
    response = await http.post(
        gateway.url,
        json={"query": query, "variables": variables},
        headers=gateway.create_auth_header(username),
    )
    assert "errors" not in response.json(), response.text


async def use_gateway(gateway: ServedGateway, url: str) -> None:
    """Use all tokens; in each round execute a mutation, read the metrics, and catch up."""
    cursor = None
    async with httpx.AsyncClient(timeout=scale_seconds(30)) as http:
        for username in gateway.tokens:
            await post_document(http, gateway, username, VIEWER_QUERY)
        for number in range(ROUND_COUNT):
            pull_input = {"uuid": "0" * 32}
            await post_document(http, gateway, "staff", PULL_MUTATION, input=pull_input)
            commit_sql(url, build_update_sql(number + 1))
            assert (await http.get(gateway.url.replace("/graphql", "/metrics"))).is_success
            async with open_authenticated_websocket(gateway) as websocket:
                await websocket.start_operation(RESUMED_SUBSCRIPTION, variables={"after": cursor})
                if cursor is None:
                    await wait_for_subscribers(gateway)
                    commit_sql(url, build_update_sql(number + 1, 2))
                cursor = (await websocket.receive_event())["cursor"]


async def wait_for_background_tasks(url: str) -> None:
    """Wait until used tokens are extended and old events are removed."""
    async with connect_admin(url) as admin:

        async def are_tokens_extended() -> bool:
            cursor = await admin.connection.execute(COUNT_AGED_TOKENS_SQL)
            return await cursor.fetchone() == (0,)

        await wait_until_async(are_tokens_extended)
        commit_sql(url, AGE_EVENTS_SQL)
        await wait_until(lambda: list_event_positions(url) == [])


async def test_disabled_changes_open_one_write_connection(url: str) -> None:
    """The one connection deletes old events."""
    commit_sql(url, AGE_TOKENS_SQL)
    commit_sql(url, AGE_EVENTS_SQL)
    async with (
        open_proxy(url) as proxy,
        serve_gateway(
            url, connect_url=proxy.url, pool_size="1", changes="off", keep_tokens="off"
        ) as gateway,
    ):
        await wait_until(lambda: list_event_positions(url) == [])
        await use_gateway(gateway, url)
        assert proxy.connection_count == 3


async def test_gateway_without_writes_opens_no_write_connection(waldur2024_url: str) -> None:
    async with (
        open_proxy(waldur2024_url) as proxy,
        serve_gateway(
            waldur2024_url, connect_url=proxy.url, pool_size="1", keep_tokens="off"
        ) as gateway,
        httpx.AsyncClient(timeout=scale_seconds(30)) as http,
    ):
        source = gateway.services.subscription_registry.hub.source
        await wait_until(lambda: source.is_attached)
        for _ in range(ROUND_COUNT):
            await post_document(http, gateway, "staff", VIEWER_QUERY)
            assert (await http.get(gateway.url.replace("/graphql", "/metrics"))).is_success
        assert proxy.connection_count == 2


@pytest.mark.parametrize("pooler", ["off", "on"])
async def test_no_connection_is_opened_per_use(
    url: str, monkeypatch: pytest.MonkeyPatch, pooler: str
) -> None:
    monkeypatch.setattr("gateway.db.events.source.PRUNE_INTERVAL", timedelta(seconds=0.05))
    commit_sql(url, AGE_TOKENS_SQL)
    async with (
        open_proxy(url) as proxy,
        serve_gateway(
            url,
            connect_url=proxy.url,
            pool_size=str(POOL_SIZE),
            pooler=pooler,
        ) as gateway,
    ):
        assert len(gateway.tokens) > MAX_GATEWAY_CONNECTIONS
        await use_gateway(gateway, url)
        await wait_for_background_tasks(url)
        assert proxy.connection_count <= MAX_GATEWAY_CONNECTIONS
