"""Personal access tokens over WebSockets and HTTP streams."""

from typing import Any

import psycopg
import pytest

from tests.support.personal_tokens import ENABLE_SQL, create_token
from tests.transports.streaming_server import (
    RESOURCE_CHANGED_SUBSCRIPTION,
    ServedGateway,
    open_websocket,
    wait_for_subscribers,
)
from tests.transports.test_http_stream import MULTIPART_ACCEPT, SSE_MEDIA_TYPE, open_stream

ENDING_STATEMENTS = {
    "revoked": "update core_personalaccesstoken set is_active = false",
    "expired": "update core_personalaccesstoken set expires_at = now()",
    "deleted": "delete from core_personalaccesstoken",
    "switched off": "update constance_config set value = 'false' where key = 'PAT_ENABLED'",
}
RIGHTS_SUBSCRIPTION = """subscription { resourceChanged { ... on ResourceEvent {
    resource { uuid allowedOperations history(first: 1) { nodes { at } } }
} } }"""
HISTORY_SUBSCRIPTION = """subscription { resourceChanged { ... on ResourceEvent {
    resource { uuid history(first: 1) { nodes { at } } }
} } }"""


@pytest.fixture
def gateway(fast_monitor_gateway: ServedGateway) -> ServedGateway:
    """Return the gateway whose sessions are checked often, with users who may use such tokens."""
    fast_monitor_gateway.execute_sql(ENABLE_SQL)
    return fast_monitor_gateway


def create_header(gateway: ServedGateway, username: str, *scopes: str) -> dict[str, str]:
    """Return the header with a new token of a user."""
    with psycopg.connect(gateway.database_url, autocommit=True) as connection:
        return {"Authorization": f"Bearer {create_token(connection, username, scopes)}"}


@pytest.mark.parametrize("statement", ENDING_STATEMENTS.values(), ids=ENDING_STATEMENTS)
async def test_ended_token_closes_socket(gateway: ServedGateway, statement: str) -> None:
    header = create_header(gateway, "member")
    async with open_websocket(gateway) as websocket:
        await websocket.init_connection(**header)
        await websocket.start_operation(RESOURCE_CHANGED_SUBSCRIPTION)
        gateway.execute_sql(statement)
        assert await websocket.wait_closed() == (4403, "Invalid token.")
    async with open_websocket(gateway) as websocket:
        await websocket.send_message("connection_init", payload=header)
        assert await websocket.wait_closed() == (4403, "Invalid token.")


@pytest.mark.parametrize("accept", [SSE_MEDIA_TYPE, MULTIPART_ACCEPT])
async def test_ended_token_ends_stream(gateway: ServedGateway, accept: str) -> None:
    header = create_header(gateway, "member")
    async with open_stream(gateway, accept=accept, **header) as stream:
        await wait_for_subscribers(gateway)
        gateway.execute_sql(ENDING_STATEMENTS["revoked"])
        assert "Invalid token." in await stream.read_rest()


@pytest.mark.parametrize("subscription", [RIGHTS_SUBSCRIPTION, HISTORY_SUBSCRIPTION])
async def test_user_and_tokens_do_not_share_messages(
    gateway: ServedGateway, subscription: str
) -> None:
    """The same subscription of one user, by a login, and by tokens with and without scopes."""
    headers = [
        gateway.create_auth_header("staff"),
        create_header(gateway, "staff"),
        create_header(gateway, "staff", "STAFF.ACCESS"),
    ]
    resources: list[Any] = []
    async with (
        open_websocket(gateway) as first,
        open_websocket(gateway) as second,
        open_websocket(gateway) as third,
    ):
        sockets = (first, second, third)
        for socket, header in zip(sockets, headers, strict=True):
            await socket.init_connection(**header)
            await socket.start_operation(subscription)
        await wait_for_subscribers(gateway, len(sockets))
        gateway.execute_sql("update marketplace_resource set name = name || 'x' where id = 1")
        for socket in sockets:
            message = await socket.receive_message()
            resources.append(message["payload"]["data"]["resourceChanged"]["resource"])
    by_login, without_scopes, as_staff = resources
    assert by_login["history"]["nodes"]
    assert as_staff["history"] == by_login["history"]
    assert without_scopes["history"]["nodes"] == []
    if subscription == RIGHTS_SUBSCRIPTION:
        assert {*without_scopes["allowedOperations"]} <= {"PULL_RESOURCE"}
        assert "MOVE_RESOURCE" in as_staff["allowedOperations"]
        assert {*as_staff["allowedOperations"]} < {*by_login["allowedOperations"]}
