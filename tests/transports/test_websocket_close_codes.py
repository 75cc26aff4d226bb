"""For what a WebSocket is closed: each code of graphql-transport-ws, and what stands behind it."""

from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from tests.transports.streaming_server import SPOKEN, WHO, Served, Talk, raw, served, talk

BAD = [
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
"""What is no message before `connection_init`, nor after it."""
BAD_OPERATIONS: list[dict[str, Any]] = [
    {},
    {"id": "1"},
    {"id": "1", "payload": None},
    {"id": "1", "payload": {}},
    {"id": "1", "payload": {"query": ""}},
    {"id": "1", "payload": {"query": 1}},
    {"id": "1", "payload": {"query": WHO, "variables": []}},
    {"id": "1", "payload": {"query": WHO, "operationName": {}}},
    {"id": "1", "payload": [WHO]},
    {"payload": {"query": WHO}},
    {"id": None, "payload": {"query": WHO}},
    {"id": 1, "payload": {"query": WHO}},
    {"id": "", "payload": {"query": WHO}},
    {"id": "i" * 129, "payload": {"query": WHO}},
]
"""What no `subscribe` has."""


async def code(talking: Talk) -> int:
    """Give the code of the close; it has a reason."""
    number, reason = await talking.closed()
    assert reason
    return number


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("message", BAD, ids=lambda each: repr(each[:40]))
async def test_what_is_no_message(gateway: Served, message: str | bytes, begun: bool) -> None:
    async with raw(gateway) as talking:
        if begun:
            await talking.begin()
        await talking.connection.send(message)
        assert await code(talking) == 4400


@pytest.mark.parametrize("given", BAD_OPERATIONS, ids=str)
async def test_what_asks_for_no_operation(gateway: Served, given: dict[str, Any]) -> None:
    async with talk(gateway) as talking:
        await talking.say("subscribe", **given)
        assert await code(talking) == 4400


@pytest.mark.parametrize("given", [{}, {"id": 1}, {"id": ""}, {"id": "i" * 129}], ids=str)
async def test_what_completes_nothing_at_all(gateway: Served, given: dict[str, Any]) -> None:
    async with talk(gateway) as talking:
        await talking.say("complete", **given)
        assert await code(talking) == 4400


async def test_who_asks_before_it_said_who_it_is(gateway: Served) -> None:
    async with raw(gateway) as talking:
        await talking.ask(WHO)
        assert await code(talking) == 4401


async def test_who_says_twice_who_it_is(gateway: Served) -> None:
    async with talk(gateway) as talking:
        await talking.say("connection_init")
        assert await code(talking) == 4429


async def test_who_does_not_say_who_it_is(gateway: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.transports.websocket.INITIALISATION", 0.3)
    async with raw(gateway) as talking:
        await talking.say("ping")  # which is not enough
        assert await talking.hear() == {"type": "pong"}
        assert await code(talking) == 4408


async def test_two_operations_of_one_name(gateway: Served) -> None:
    async with talk(gateway) as talking:
        for _ in range(2):
            await talking.ask("subscription { resourceChanged { __typename } }")
        assert await talking.closed() == (4409, "Subscriber for 1 already exists")


@pytest.mark.parametrize("spoken", [(), ("graphql-ws",), ("graphql-ws", "chat")])
async def test_other_protocols(gateway: Served, spoken: tuple[str, ...]) -> None:
    async with raw(gateway, spoken) as talking:
        assert talking.connection.subprotocol is None
        assert await talking.closed() == (4406, "Subprotocol not acceptable")


async def test_one_protocol_of_several(gateway: Served) -> None:
    async with raw(gateway, ("graphql-ws", *SPOKEN)) as talking:
        assert talking.connection.subprotocol == "graphql-transport-ws"
        await talking.begin()


async def test_a_message_that_is_too_long(url: str) -> None:
    async with served(url, body_bytes="1000") as gateway, talk(gateway) as talking:
        await talking.say("ping", payload={"text": "p" * 900})
        assert (await talking.hear())["type"] == "pong"
        await talking.say("ping", payload={"text": "p" * 1000})
        assert (await talking.closed())[0] == 1009


ORIGINS = {
    None: True,
    "http://127.0.0.1:{port}": True,
    "HTTP://127.0.0.1:{port}": True,
    "https://portal.example.org": True,
    "https://portal.example.org:8443": False,
    "http://portal.example.org": False,
    "http://127.0.0.1": False,
    "http://127.0.0.1:{port}.example.org": False,
    "https://elsewhere.example.org": False,
    "http://[": False,
    "null": False,
    "": False,
}
"""Where a page comes from, and whether it may have a WebSocket."""


@pytest.mark.parametrize("origin", ORIGINS)
async def test_where_a_page_comes_from(url: str, origin: str | None) -> None:
    async with served(url, origins="https://portal.example.org") as gateway:
        said = None if origin is None else origin.format(port=gateway.port)
        headers = {} if said is None else {"Origin": said}
        if ORIGINS[origin]:
            async with raw(gateway, additional_headers=headers) as talking:
                await talking.begin()
            return
        with pytest.raises(InvalidStatus) as refused:
            async with raw(gateway, additional_headers=headers):
                pass
        assert refused.value.response.status_code == 403


async def test_only_its_own_pages_without_a_setting(gateway: Served) -> None:
    origin = {"Origin": "https://portal.example.org"}
    with pytest.raises(InvalidStatus):
        async with raw(gateway, additional_headers=origin):
            pass
