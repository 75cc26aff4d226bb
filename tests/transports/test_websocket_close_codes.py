"""Close codes of graphql-transport-ws, and the violations that cause them."""

from typing import Any

import psycopg
import pytest

from tests.transports.streaming_server import (
    SUBPROTOCOLS,
    VIEWER_QUERY,
    ServedGateway,
    WebSocketClient,
    open_authenticated_websocket,
    open_websocket,
    serve_gateway,
)

INVALID_MESSAGES = [
    "",
    "{",
    "null",
    "1",
    '"subscribe"',
    "[]",
    "[" * 100_000,
    "{}",
    '{"type": null}',
    '{"type": 1}',
    '{"type": "start", "id": "1", "payload": {"query": "{ __typename }"}}',
    '{"type": "connection_ack"}',
    '{"type": "ping", "payload": []}',
    '{"type": "pong", "payload": "text"}',
    b'{"type": "ping"}',
    b"\xff\x00",
]
"""Messages that are invalid both before and after `connection_init`."""
INVALID_SUBSCRIBE_MEMBERS: list[dict[str, Any]] = [
    {},
    {"id": "1"},
    {"id": "1", "payload": None},
    {"id": "1", "payload": {}},
    {"id": "1", "payload": {"query": ""}},
    {"id": "1", "payload": {"query": 1}},
    {"id": "1", "payload": {"query": VIEWER_QUERY, "variables": []}},
    {"id": "1", "payload": {"query": VIEWER_QUERY, "operationName": {}}},
    {"id": "1", "payload": [VIEWER_QUERY]},
    {"payload": {"query": VIEWER_QUERY}},
    {"id": None, "payload": {"query": VIEWER_QUERY}},
    {"id": 1, "payload": {"query": VIEWER_QUERY}},
    {"id": "", "payload": {"query": VIEWER_QUERY}},
    {"id": "i" * 129, "payload": {"query": VIEWER_QUERY}},
]
"""Members of invalid `subscribe` messages."""


async def wait_close_code(websocket: WebSocketClient) -> int:
    """Return the close code, after asserting that there is a close reason."""
    close_code, reason = await websocket.wait_closed()
    assert reason
    return close_code


@pytest.mark.parametrize("is_initialised", [False, True])
@pytest.mark.parametrize("message", INVALID_MESSAGES, ids=lambda each: repr(each[:40]))
async def test_invalid_message(
    gateway: ServedGateway, message: str | bytes, is_initialised: bool
) -> None:
    async with open_websocket(gateway) as websocket:
        if is_initialised:
            await websocket.init_connection()
        await websocket.connection.send(message)
        assert await wait_close_code(websocket) == 4400


@pytest.mark.parametrize("members", INVALID_SUBSCRIBE_MEMBERS, ids=str)
async def test_invalid_subscribe(gateway: ServedGateway, members: dict[str, Any]) -> None:
    async with open_authenticated_websocket(gateway) as websocket:
        await websocket.send_message("subscribe", **members)
        assert await wait_close_code(websocket) == 4400


@pytest.mark.parametrize("members", [{}, {"id": 1}, {"id": ""}, {"id": "i" * 129}], ids=str)
async def test_invalid_complete(gateway: ServedGateway, members: dict[str, Any]) -> None:
    async with open_authenticated_websocket(gateway) as websocket:
        await websocket.send_message("complete", **members)
        assert await wait_close_code(websocket) == 4400


async def test_subscribe_before_init(gateway: ServedGateway) -> None:
    async with open_websocket(gateway) as websocket:
        await websocket.start_operation(VIEWER_QUERY)
        assert await wait_close_code(websocket) == 4401


async def test_second_init(gateway: ServedGateway) -> None:
    async with open_authenticated_websocket(gateway) as websocket:
        await websocket.send_message("connection_init")
        assert await wait_close_code(websocket) == 4429


async def test_init_timeout(gateway: ServedGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.transports.websocket.INITIALISATION_TIMEOUT_SECONDS", 0.3)
    async with open_websocket(gateway) as websocket:
        await websocket.send_message("ping")  # it does not replace connection_init
        assert await websocket.receive_message() == {"type": "pong"}
        assert await wait_close_code(websocket) == 4408


async def test_slow_authentication(url: str) -> None:
    async with (
        serve_gateway(url, statement_seconds="1") as gateway,
        open_websocket(gateway) as websocket,
    ):
        with psycopg.connect(url) as locking_connection:
            locking_connection.execute("lock table authtoken_token in access exclusive mode")
            await websocket.send_message("connection_init", payload=gateway.create_auth_header())
            code, reason = await websocket.wait_closed()
    assert code == 1013
    assert reason.startswith("The operation exceeded its time limit.")


async def test_duplicate_operation_id(gateway: ServedGateway) -> None:
    async with open_authenticated_websocket(gateway) as websocket:
        for _ in range(2):
            await websocket.start_operation("subscription { resourceChanged { __typename } }")
        assert await websocket.wait_closed() == (4409, "Subscriber for 1 already exists")


@pytest.mark.parametrize("subprotocols", [(), ("graphql-ws",), ("graphql-ws", "chat")])
async def test_other_protocols(gateway: ServedGateway, subprotocols: tuple[str, ...]) -> None:
    async with open_websocket(gateway, subprotocols) as websocket:
        assert websocket.connection.subprotocol is None
        assert await websocket.wait_closed() == (4406, "Subprotocol not acceptable")


async def test_one_protocol_of_several(gateway: ServedGateway) -> None:
    async with open_websocket(gateway, ("graphql-ws", *SUBPROTOCOLS)) as websocket:
        assert websocket.connection.subprotocol == "graphql-transport-ws"
        await websocket.init_connection()


async def test_a_message_that_is_too_long(url: str) -> None:
    async with (
        serve_gateway(url, body_bytes="1000") as gateway,
        open_authenticated_websocket(gateway) as websocket,
    ):
        await websocket.send_message("ping", payload={"text": "p" * 900})
        assert (await websocket.receive_message())["type"] == "pong"
        await websocket.send_message("ping", payload={"text": "p" * 1000})
        assert (await websocket.wait_closed())[0] == 1009
