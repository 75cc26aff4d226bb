"""Sessions are re-authenticated: tokens expire, users are deactivated, roles change."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from gateway.subscriptions.session_monitor import CHECK_INTERVAL_SECONDS
from tests.support.test_oracle_2026 import grant_role
from tests.support.time_limits import wait_until
from tests.transports.streaming_server import (
    RESOURCE_CHANGED_SUBSCRIPTION,
    JSONObject,
    ServedGateway,
    WebSocketClient,
    open_authenticated_websocket,
    open_websocket,
    wait_for_subscribers,
)
from tests.transports.test_http_stream import MULTIPART_ACCEPT, SSE_MEDIA_TYPE, open_stream

TOKEN_ENDING_STATEMENTS = {
    "update authtoken_token set key = reverse(key) where key = %s": "Invalid token.",
    "update core_user set is_active = false where id ="
    " (select user_id from authtoken_token where key = %s)": "User inactive or deleted.",
    "with one as (update authtoken_token set created = '2020-01-01' where key = %s"
    " returning user_id) update core_user set token_lifetime = 3600"
    " where id in (select user_id from one)": "Token has expired.",
}
"""Statements that end a token, and the reason sent to its holder."""
RESTORE_TOKEN = """
with one as (
    update authtoken_token set key = %s, created = now() where key in (%s, reverse(%s))
    returning user_id
) update core_user set is_active = true where id in (select user_id from one)
"""
REVOKE_ROLES = """
update permissions_userrole set is_active = null
where user_id = (select id from core_user where username = 'nobody')
"""


@pytest.fixture
def gateway(fast_monitor_gateway: ServedGateway) -> ServedGateway:
    """Return the gateway whose sessions are checked often."""
    return fast_monitor_gateway


@contextmanager
def end_token(gateway: ServedGateway, statement: str, username: str) -> Iterator[None]:
    """Invalidate a user's token; restore it when the context is left."""
    key = gateway.tokens[username]
    gateway.execute_sql(statement, key)
    try:
        yield
    finally:
        gateway.execute_sql(RESTORE_TOKEN, key, key, key)


def test_check_interval_is_short_enough() -> None:
    assert CHECK_INTERVAL_SECONDS <= 25


@pytest.mark.parametrize(
    ("statement", "expected_reason"),
    TOKEN_ENDING_STATEMENTS.items(),
    ids=TOKEN_ENDING_STATEMENTS.values(),
)
async def test_ended_token_closes_socket(
    gateway: ServedGateway, statement: str, expected_reason: str
) -> None:
    async with (
        open_authenticated_websocket(gateway, "member") as websocket,
        open_authenticated_websocket(gateway, "owner") as owner_websocket,
    ):
        await websocket.start_operation(RESOURCE_CHANGED_SUBSCRIPTION)
        await owner_websocket.start_operation("{ __typename }")
        with end_token(gateway, statement, "member"):
            assert await websocket.wait_closed() == (4403, expected_reason)
            assert gateway.count_subscriptions() == 0
            async with open_websocket(gateway) as new_websocket:
                await new_websocket.send_message(
                    "connection_init", payload=gateway.create_auth_header("member")
                )
                assert await new_websocket.wait_closed() == (4403, expected_reason)
        assert (await owner_websocket.receive_message())["type"] == "next"


@pytest.mark.parametrize(
    ("statement", "expected_reason"),
    TOKEN_ENDING_STATEMENTS.items(),
    ids=TOKEN_ENDING_STATEMENTS.values(),
)
@pytest.mark.parametrize("accept", [SSE_MEDIA_TYPE, MULTIPART_ACCEPT])
async def test_ended_token_ends_stream(
    gateway: ServedGateway, accept: str, statement: str, expected_reason: str
) -> None:
    header = gateway.create_auth_header("member")
    async with open_stream(gateway, accept=accept, **header) as stream:
        await wait_for_subscribers(gateway)
        with end_token(gateway, statement, "member"):
            remaining_text = await stream.read_rest()
            extensions = '{"code":"UNAUTHENTICATED"}'
            error = f'"errors":[{{"message":"{expected_reason}","extensions":{extensions}}}]'
            if accept == SSE_MEDIA_TYPE:
                assert remaining_text.endswith(
                    f"event: next\ndata: {{{error}}}\n\nevent: complete\ndata:\n\n"
                )
            else:
                assert remaining_text.endswith(f'{{"payload":null,{error}}}\r\n--graphql--\r\n')
    await wait_until(lambda: gateway.count_subscriptions() == 0)


async def test_a_query_with_a_token_that_ended_closes_the_socket(gateway: ServedGateway) -> None:
    (statement, expected_reason), *_ = TOKEN_ENDING_STATEMENTS.items()
    async with open_authenticated_websocket(gateway, "member") as websocket:
        with end_token(gateway, statement, "member"):
            await websocket.start_operation("{ __typename }")
            assert await websocket.wait_closed() == (4403, expected_reason)


class WatchedResource:
    """A resource of a project in which a certain user has no role, and a staff subscriber."""

    def __init__(self, gateway: ServedGateway, staff_websocket: WebSocketClient) -> None:
        self._gateway, self._staff_websocket = gateway, staff_websocket
        ((self._project_id, self._resource_id),) = gateway.execute_sql(
            "select project_id, id from marketplace_resource order by id limit 1"
        )

    async def grant_role(self) -> None:
        """Grant the user a role in the project, and wait for the next check of sessions."""
        with psycopg.connect(self._gateway.database_url) as connection:
            grant_role(connection, "nobody", "PROJECT.MEMBER", "project", self._project_id)
        await asyncio.sleep(1)

    async def revoke_role(self) -> None:
        """Revoke the role, and wait for the next check of sessions."""
        self._gateway.execute_sql(REVOKE_ROLES)
        await asyncio.sleep(1)

    async def rename_resource(self, name: str) -> JSONObject:
        """Rename the resource and return the event that the staff subscriber receives."""
        self._gateway.rename_resource(name, self._resource_id)
        return await self._staff_websocket.receive_event()


async def expect_no_event(websocket: WebSocketClient) -> None:
    """Assert that no event was sent before the answer to a ping."""
    await websocket.send_message("ping")
    assert await websocket.receive_message() == {"type": "pong"}


async def test_granted_and_revoked_role(gateway: ServedGateway) -> None:
    async with (
        open_authenticated_websocket(gateway, "nobody") as websocket,
        open_authenticated_websocket(gateway) as staff_websocket,
    ):
        watched = WatchedResource(gateway, staff_websocket)
        await websocket.start_operation(RESOURCE_CHANGED_SUBSCRIPTION)
        await staff_websocket.start_operation(RESOURCE_CHANGED_SUBSCRIPTION)
        await wait_for_subscribers(gateway, 2)
        await watched.rename_resource("without a role")
        await expect_no_event(websocket)
        await watched.grant_role()
        event = await watched.rename_resource("with a role")
        assert await websocket.receive_event() == event
        await watched.revoke_role()
        await watched.rename_resource("without a role again")
        await expect_no_event(websocket)
