"""Operations on a WebSocket: authentication, concurrent operations, limits, cleanup."""

import asyncio
import gc
from typing import Any

import psycopg
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from gateway.demo.marketplace.fill import create_marketplace
from tests.conftest import DatabaseFactory
from tests.support.time_limits import wait_until
from tests.transports.streaming_server import (
    RESOURCE_CHANGED_SUBSCRIPTION,
    VIEWER_QUERY,
    ServedGateway,
    WebSocketClient,
    open_authenticated_websocket,
    open_websocket,
    serve_gateway,
    wait_for_subscribers,
)

SET_END_DATE_MUTATION = """
mutation ($input: SetResourceEndDateInput!) { setResourceEndDate(input: $input) { __typename } }
"""
PING_PAYLOADS: list[dict[str, Any]] = [{}, {"text": 'ß"\\', "list": [1, None, {"deep": 2.5}]}]


async def query_username(websocket: WebSocketClient) -> str:
    """Return the username of a connection; a fixed text for anonymous ones."""
    viewer = (await websocket.execute_query(VIEWER_QUERY))["data"]["viewer"]
    return "anonymous" if viewer is None else str(viewer["user"]["username"])


@pytest.mark.parametrize("key", ["Authorization", "authorization", "AUTHORIZATION"])
async def test_token_in_payload(gateway: ServedGateway, key: str) -> None:
    async with open_websocket(gateway) as websocket:
        await websocket.init_connection(
            **{key: gateway.create_auth_header("member")["Authorization"]}
        )
        assert await query_username(websocket) == "member"


async def test_token_in_header(gateway: ServedGateway) -> None:
    async with open_websocket(
        gateway, additional_headers=gateway.create_auth_header("owner")
    ) as websocket:
        await websocket.init_connection()
        assert await query_username(websocket) == "owner"


async def test_cost_is_reported_on_request(gateway: ServedGateway) -> None:
    async with open_authenticated_websocket(gateway, "member") as websocket:
        payload = await websocket.execute_query(VIEWER_QUERY, extensions={"cost": True})
        report = {"requested": 3, "maximum": 250_000, "formulaVersion": 2}
        assert payload["extensions"] == {"cost": report}
        assert "extensions" not in await websocket.execute_query(VIEWER_QUERY)


async def test_payload_token_overrides_header(gateway: ServedGateway) -> None:
    async with open_websocket(
        gateway, additional_headers={"Authorization": "Token no"}
    ) as websocket:
        await websocket.init_connection(**gateway.create_auth_header("owner"))
        assert await query_username(websocket) == "owner"


async def test_anonymous_connection(gateway: ServedGateway) -> None:
    async with open_websocket(gateway) as websocket:
        await websocket.send_message("connection_init")
        assert await websocket.receive_message() == {"type": "connection_ack"}
        assert await query_username(websocket) == "anonymous"


async def test_slash_at_the_end_of_the_path(gateway: ServedGateway) -> None:
    address, subprotocols = gateway.url.replace("http", "ws"), [Subprotocol("graphql-transport-ws")]
    async with connect(f"{address}/", subprotocols=subprotocols, proxy=None) as connection:
        websocket = WebSocketClient(connection)
        await websocket.init_connection()
        assert await query_username(websocket) == "anonymous"


@pytest.mark.parametrize("payload", PING_PAYLOADS)
async def test_pong_repeats_ping_payload(gateway: ServedGateway, payload: dict[str, Any]) -> None:
    async with open_websocket(gateway) as websocket:
        for is_initialised in (False, True):
            if is_initialised:
                await websocket.init_connection()
            await websocket.send_message("pong", payload=payload)
            await websocket.send_message("ping")
            assert await websocket.receive_message() == {"type": "pong"}
            await websocket.send_message("ping", payload=payload)
            assert await websocket.receive_message() == {"type": "pong", "payload": payload}


async def test_the_server_pings(gateway: ServedGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.transports.websocket.PING_INTERVAL_SECONDS", 0.2)
    async with open_authenticated_websocket(gateway) as websocket:
        for _ in range(2):
            assert await websocket.receive_message() == {"type": "ping"}
            await websocket.send_message("pong")


async def test_query_mutation_and_subscription_on_one_socket(
    new_database: DatabaseFactory,
) -> None:
    url = new_database()
    with psycopg.connect(url) as connection:
        create_marketplace(connection, resource_count=20, seed=1)
    async with serve_gateway(url) as gateway, open_authenticated_websocket(gateway) as websocket:
        await websocket.start_operation(RESOURCE_CHANGED_SUBSCRIPTION, "s")
        await wait_for_subscribers(gateway)
        assert (await websocket.execute_query(VIEWER_QUERY, "q"))["data"]["viewer"]["user"][
            "username"
        ] == "staff"
        result = await websocket.execute_query(
            "{ resources(first: 1, filter: {state: [OK]}) { nodes { uuid } } }", "q"
        )
        ((uuid,),) = [each.values() for each in result["data"]["resources"]["nodes"]]
        input_values = {"uuid": uuid, "endDate": "2030-01-31"}
        await websocket.start_operation(
            SET_END_DATE_MUTATION, "m", variables={"input": input_values}
        )
        messages = [await websocket.receive_message() for _ in range(3)]
        payload_by_type_and_id: dict[Any, Any] = {
            (each["type"], each["id"]): each.get("payload") for each in messages
        }
        assert (
            payload_by_type_and_id["next", "m"]["data"]["setResourceEndDate"]["__typename"]
            == "ResourceEndDateSet"
        )
        assert payload_by_type_and_id["next", "s"]["data"]["resourceChanged"]["uuid"] == uuid
        assert ("complete", "m") in payload_by_type_and_id


@pytest.mark.parametrize(
    ("query", "error_code"),
    [
        ("subscription {", "GRAPHQL_PARSE_FAILED"),
        ("", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { resourceChanged { nothing } }", "GRAPHQL_VALIDATION_FAILED"),
        (
            "subscription { a: resourceChanged { __typename } b: resourceChanged { __typename } }",
            "GRAPHQL_VALIDATION_FAILED",
        ),
        ("query A { __typename } query B { __typename }", "BAD_USER_INPUT"),
        ('subscription { resourceChanged(after: "no") { __typename } }', "BAD_USER_INPUT"),
        (
            "subscription ($a: String!) { resourceChanged(after: $a) { __typename } }",
            "BAD_USER_INPUT",
        ),
    ],
)
async def test_error_ends_only_its_operation(
    gateway: ServedGateway, query: str, error_code: str
) -> None:
    async with open_authenticated_websocket(gateway) as websocket:
        await websocket.start_operation(RESOURCE_CHANGED_SUBSCRIPTION, "s")
        await wait_for_subscribers(gateway)
        assert await websocket.expect_error_code(query or "#", "q") == error_code
        assert "errors" not in await websocket.execute_query(VIEWER_QUERY, "q")
        uuid = gateway.rename_resource(f"after {hash(query)}")
        assert (await websocket.receive_event())["uuid"] == uuid
    await wait_until(lambda: gateway.count_subscriptions() == 0)


async def test_complete_ends_subscription(gateway: ServedGateway) -> None:
    async with open_authenticated_websocket(gateway) as websocket:
        for operation_id in ("a", "b"):
            await websocket.start_operation(RESOURCE_CHANGED_SUBSCRIPTION, operation_id)
        await wait_for_subscribers(gateway, 2)
        await websocket.send_message("complete", id="a")
        await websocket.send_message("complete", id="a")
        await websocket.send_message("complete", id="unknown")
        await websocket.send_message("ping")
        assert await websocket.receive_message() == {"type": "pong"}
        assert gateway.count_subscriptions() == 1
        gateway.rename_resource("completed")
        assert (await websocket.receive_message())["id"] == "b"
        await websocket.start_operation(RESOURCE_CHANGED_SUBSCRIPTION, "a")
        await wait_for_subscribers(gateway, 2)
        gateway.rename_resource("subscribed again")
        assert {(await websocket.receive_message())["id"] for _ in range(2)} == {"a", "b"}


async def test_a_completed_query_is_stopped(gateway: ServedGateway) -> None:
    select_active_statements = (
        "select 1 from pg_stat_activity where application_name = 'marketplace-gateway'"
        " and datname = current_database() and state = 'active' and query like '%%resource%%'"
    )
    with psycopg.connect(gateway.database_url) as locking_connection:
        locking_connection.execute("lock table marketplace_resource in access exclusive mode")
        async with open_authenticated_websocket(gateway) as websocket:
            await websocket.start_operation("{ resources(first: 3) { nodes { slug } } }")
            await wait_until(lambda: len(gateway.execute_sql(select_active_statements)) == 1)
            await websocket.send_message("complete", id="1")
            await wait_until(lambda: not gateway.execute_sql(select_active_statements))
            assert "errors" not in await websocket.execute_query(VIEWER_QUERY)


async def test_operation_limit_per_socket(gateway: ServedGateway) -> None:
    async with open_authenticated_websocket(gateway) as websocket:
        for number in range(100):
            await websocket.start_operation(RESOURCE_CHANGED_SUBSCRIPTION, str(number))
        assert (
            await websocket.expect_error_code(RESOURCE_CHANGED_SUBSCRIPTION, "100")
            == "RATE_LIMITED"
        )
        await websocket.send_message("complete", id="7")
        assert "errors" not in await websocket.execute_query(VIEWER_QUERY, "100")


async def test_subscription_quotas(url: str) -> None:
    async with (
        serve_gateway(url, user_subscriptions="2", subscriptions="3") as gateway,
        open_authenticated_websocket(gateway) as websocket,
        open_authenticated_websocket(gateway) as second_websocket,
        open_authenticated_websocket(gateway, "owner") as owner_websocket,
    ):
        await websocket.start_operation(RESOURCE_CHANGED_SUBSCRIPTION, "1")
        await second_websocket.start_operation(RESOURCE_CHANGED_SUBSCRIPTION, "1")
        await wait_for_subscribers(gateway, 2)
        assert (
            await websocket.expect_error_code(RESOURCE_CHANGED_SUBSCRIPTION, "2") == "RATE_LIMITED"
        )
        await owner_websocket.start_operation(RESOURCE_CHANGED_SUBSCRIPTION, "1")
        await wait_for_subscribers(gateway, 3)
        await second_websocket.send_message("complete", id="1")
        await wait_until(lambda: gateway.count_subscriptions() == 2)
        await websocket.start_operation(RESOURCE_CHANGED_SUBSCRIPTION, "2")
        await wait_for_subscribers(gateway, 3)
        assert (
            await owner_websocket.expect_error_code(RESOURCE_CHANGED_SUBSCRIPTION, "2")
            == "RATE_LIMITED"
        )


async def test_subscriptions_unavailable_without_events(url: str) -> None:
    async with (
        serve_gateway(url, events="off") as gateway,
        open_authenticated_websocket(gateway) as websocket,
    ):
        assert await websocket.expect_error_code(RESOURCE_CHANGED_SUBSCRIPTION) == "UNAVAILABLE"
        assert "errors" not in await websocket.execute_query(VIEWER_QUERY)


async def test_events_show_current_state(gateway: ServedGateway) -> None:
    async with open_authenticated_websocket(gateway) as websocket:
        await websocket.start_operation(RESOURCE_CHANGED_SUBSCRIPTION)
        await wait_for_subscribers(gateway)
        for name in ("first", "second", "third"):
            gateway.rename_resource(name)
            assert (await websocket.receive_event())["resource"] == {"name": name}
            query = "{ resources(first: 100) { nodes { name } } }"
            result = await websocket.execute_query(query, "q")
            assert {"name": name} in result["data"]["resources"]["nodes"]


def count_operations() -> int:
    """Return the number of operations in memory, including those of other tests."""
    gc.collect()
    return sum(type(each).__name__ == "WebSocketOperation" for each in gc.get_objects())


async def test_dropped_connections_free_resources(gateway: ServedGateway) -> None:
    await wait_until(lambda: gateway.count_subscriptions() == 0)
    operation_count = count_operations()
    task_count = len(asyncio.all_tasks())
    for _ in range(4):
        websocket_contexts = [open_websocket(gateway) for _ in range(50)]
        websockets = [
            await websocket_context.__aenter__() for websocket_context in websocket_contexts
        ]
        for websocket in websockets:
            await websocket.init_connection(**gateway.create_auth_header())
            await websocket.start_operation(RESOURCE_CHANGED_SUBSCRIPTION)
        await wait_for_subscribers(gateway, 50)
        for websocket in websockets:
            websocket.connection.transport.abort()
        await wait_until(lambda: gateway.count_subscriptions() == 0)
        for websocket_context in websocket_contexts:
            await websocket_context.__aexit__(None, None, None)
    await wait_until(lambda: len(asyncio.all_tasks()) <= task_count)
    assert gateway.services.subscription_registry.hub.groups == {}
    assert gateway.services.session_monitor._sessions == {}
    assert count_operations() <= operation_count


async def test_invalid_cursor_is_named_by_its_path(gateway: ServedGateway) -> None:
    async with open_authenticated_websocket(gateway) as websocket:
        query = 'subscription { resourceChanged(after: "no") { __typename } }'
        await websocket.start_operation(query)
        (error,) = (await websocket.receive_message())["payload"]
        assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": ["after"]}


async def test_operation_deadline_is_enforced(url: str) -> None:
    async with (
        serve_gateway(url, request_seconds="1") as gateway,
        open_authenticated_websocket(gateway) as websocket,
    ):
        with psycopg.connect(url) as locking_connection:
            locking_connection.execute("lock table marketplace_resource in access exclusive mode")
            code = await websocket.expect_error_code("{ resources { nodes { name } } }")
        assert code == "TIMEOUT"
        assert await query_username(websocket) == "staff"


async def test_numbers_of_messages_stay_exact(gateway: ServedGateway) -> None:
    query = "query ($a: JSON) { resources(filter: {resourceAttributes: $a}) { totalCount } }"
    numbers = "[1.10, 1e400, 12345678901234567890.123456789]"
    async with open_authenticated_websocket(gateway) as websocket:
        await websocket.connection.send(f'{{"type": "ping", "payload": {{"a": {numbers}}}}}')
        pong = await websocket.connection.recv()
        assert numbers.replace(" ", "") in str(pong)
        assert (await websocket.execute_query(query, "q", variables={"a": {"a": 1.5}}))["data"]
        for value, types in ((numbers, ["next", "complete"]), ("9" * 5000, ["error"])):
            payload = f'{{"query": "{query}", "variables": {{"a": {{"a": {value}}}}}}}'
            message = f'{{"type": "subscribe", "id": "x", "payload": {payload}}}'
            await websocket.connection.send(message)
            assert [(await websocket.receive_message())["type"] for _ in types] == types
