"""Impersonation over WebSockets and HTTP streams: in `connection_init`, and until staff ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.support.impersonation import (
    IMPERSONATION_HEADER,
    UNKNOWN_USER_UUID,
    VIEWER_QUERY,
    load_user_uuids,
)
from tests.support.openid_provider import run_openid_provider
from tests.support.time_limits import wait_until
from tests.transports.streaming_server import (
    RESOURCE_CHANGED_SUBSCRIPTION,
    ServedGateway,
    open_websocket,
    serve_gateway,
    wait_for_subscribers,
)
from tests.transports.test_http_stream import open_stream

DEMOTION = "update core_user set is_staff = false where username = 'staff'"
PROMOTION = "update core_user set is_staff = true where username = 'staff'"
TOKEN_REVERSAL = """
update authtoken_token set key = reverse(key)
where user_id = (select id from core_user where username = 'staff')
"""
ENDING_STATEMENTS = {
    "no longer staff": (DEMOTION, PROMOTION, "Only staff may impersonate another user."),
    "no such user": (
        "update core_user set uuid = md5(uuid::text)::uuid where username = 'reader'",
        "",
        "The user to impersonate does not exist.",
    ),
    "invalid token": (
        TOKEN_REVERSAL,
        TOKEN_REVERSAL,
        "Invalid token.",
    ),
}
"""Statements that end impersonation, those that restore it, and the reason sent to the client."""


@pytest.fixture
def gateway(fast_monitor_gateway: ServedGateway) -> ServedGateway:
    """Return the gateway whose sessions are checked often."""
    return fast_monitor_gateway


@contextmanager
def end_impersonation(gateway: ServedGateway, name: str) -> Iterator[str]:
    """End impersonation of the user `reader`; yield the reason. Restore it afterwards."""
    statement, restoring_statement, reason = ENDING_STATEMENTS[name]
    ((uuid,),) = gateway.execute_sql("select uuid from core_user where username = 'reader'")
    gateway.execute_sql(statement)
    try:
        yield reason
    finally:
        restore_uuid = "update core_user set uuid = %s where username = 'reader'"
        gateway.execute_sql(restore_uuid, uuid)
        if restoring_statement:
            gateway.execute_sql(restoring_statement)


def build_payload(
    gateway: ServedGateway, username: str, as_: str = "staff", name: str = IMPERSONATION_HEADER
) -> dict[str, Any]:
    """Return the payload, or the headers, of a user who impersonates another one."""
    uuid = load_user_uuids(gateway.database_url)[username]
    return {**gateway.create_auth_header(as_), name: uuid}


async def expect_viewer(
    gateway: ServedGateway, username: str, payload: dict[str, Any], headers: dict[str, str]
) -> None:
    """Check who the viewer of a connection is."""
    async with open_websocket(gateway, additional_headers=headers) as websocket:
        await websocket.init_connection(**payload)
        result = await websocket.execute_query(VIEWER_QUERY)
        assert result["data"]["viewer"]["user"]["username"] == username


@pytest.mark.parametrize("name", [IMPERSONATION_HEADER, IMPERSONATION_HEADER.lower()])
async def test_header_in_payload(gateway: ServedGateway, name: str) -> None:
    payload = build_payload(gateway, "member", name=name)
    await expect_viewer(gateway, "member", payload, {})


async def test_header_of_the_handshake(gateway: ServedGateway) -> None:
    headers = build_payload(gateway, "member")
    await expect_viewer(gateway, "member", {}, headers)
    token = gateway.create_auth_header()
    await expect_viewer(gateway, "member", token, {IMPERSONATION_HEADER: headers.popitem()[1]})


async def test_header_in_payload_replaces_that_of_the_handshake(gateway: ServedGateway) -> None:
    payload, headers = build_payload(gateway, "member"), build_payload(gateway, "owner")
    await expect_viewer(gateway, "member", payload, headers)
    await expect_viewer(gateway, "owner", {IMPERSONATION_HEADER: None}, headers)


@pytest.mark.parametrize("value", [7, True, ["a"], {}])
async def test_other_values_are_malformed(gateway: ServedGateway, value: object) -> None:
    async with open_websocket(gateway) as websocket:
        payload = {**gateway.create_auth_header(), IMPERSONATION_HEADER: value}
        await websocket.send_message("connection_init", payload=payload)
        reason = f"`payload.{IMPERSONATION_HEADER}` must be a string."
        assert await websocket.wait_closed() == (4400, reason)


async def test_refused_connections(gateway: ServedGateway) -> None:
    member = build_payload(gateway, "member")
    only_staff = "Only staff may impersonate another user."
    for payload, reason in (
        (build_payload(gateway, "member", "owner"), only_staff),
        (build_payload(gateway, "staff", "support"), only_staff),
        ({**member, IMPERSONATION_HEADER: UNKNOWN_USER_UUID}, "The user to impersonate does not"),
        ({**member, IMPERSONATION_HEADER: ""}, "The user to impersonate must be a single UUID."),
        ({**member, IMPERSONATION_HEADER.lower(): UNKNOWN_USER_UUID}, "The request names more"),
        ({**member, "Authorization": None}, "Impersonation needs `Authorization: Token <key>`"),
    ):
        async with open_websocket(gateway) as websocket:
            await websocket.send_message("connection_init", payload=payload)
            code, close_reason = await websocket.wait_closed()
            assert (code, close_reason[: len(reason)]) == (4403, reason)


async def test_two_spellings_of_authorization_are_refused(gateway: ServedGateway) -> None:
    async with open_websocket(gateway) as websocket:
        payload = {**gateway.create_auth_header(), "authorization": "Token no"}
        await websocket.send_message("connection_init", payload=payload)
        code, reason = await websocket.wait_closed()
        assert (code, "more than one" in reason) == (4403, True)


@pytest.mark.parametrize("name", ENDING_STATEMENTS)
async def test_socket_ends_with_impersonation(gateway: ServedGateway, name: str) -> None:
    async with (
        open_websocket(gateway) as websocket,
        open_websocket(gateway) as member_websocket,
    ):
        await websocket.init_connection(**build_payload(gateway, "reader"))
        await member_websocket.init_connection(**gateway.create_auth_header("member"))
        await websocket.start_operation(RESOURCE_CHANGED_SUBSCRIPTION)
        await wait_for_subscribers(gateway)
        with end_impersonation(gateway, name) as reason:
            assert await websocket.wait_closed() == (4403, reason)
        await wait_until(lambda: gateway.count_subscriptions() == 0)
        await member_websocket.execute_query(VIEWER_QUERY)


@pytest.mark.parametrize("name", ENDING_STATEMENTS)
async def test_stream_ends_with_impersonation(gateway: ServedGateway, name: str) -> None:
    async with open_stream(gateway, **build_payload(gateway, "reader")) as stream:
        assert stream.response.headers["X-Impersonator-Uuid"]
        await wait_for_subscribers(gateway)
        with end_impersonation(gateway, name) as reason:
            assert reason in await stream.read_rest()
    await wait_until(lambda: gateway.count_subscriptions() == 0)


async def test_oidc_token_over_a_websocket(demo_url: str) -> None:
    with run_openid_provider() as provider:
        async with serve_gateway(demo_url, **provider.settings) as gateway:
            payload = {"Authorization": f"Bearer {provider.issue_token('member')}"}
            await expect_viewer(gateway, "member", payload, {})
            async with open_websocket(gateway) as websocket:
                payload["Authorization"] = f"Bearer {provider.issue_token('member', -1)}"
                await websocket.send_message("connection_init", payload=payload)
                assert await websocket.wait_closed() == (4403, "Token has expired.")


async def test_events_are_those_that_the_user_sees(gateway: ServedGateway) -> None:
    async with (
        open_websocket(gateway) as websocket,
        open_websocket(gateway) as staff_websocket,
    ):
        await websocket.init_connection(**build_payload(gateway, "nobody"))
        await staff_websocket.init_connection(**gateway.create_auth_header())
        for each in (websocket, staff_websocket):
            await each.start_operation(RESOURCE_CHANGED_SUBSCRIPTION)
        await wait_for_subscribers(gateway, 2)
        gateway.rename_resource("seen by staff only")
        event = await staff_websocket.receive_event()
        assert event["resource"]["name"] == "seen by staff only"
        result = await websocket.execute_query(VIEWER_QUERY, "2")
        assert result["data"]["viewer"]["user"]["username"] == "nobody"
