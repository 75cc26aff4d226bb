"""Confirmed starts over each transport: a client without an event continues after a restart."""

import pytest

from tests.support.time_limits import time_limit
from tests.transports.streaming_server import (
    JSONObject,
    ServedGateway,
    open_authenticated_websocket,
    serve_gateway,
)
from tests.transports.test_http_stream import MULTIPART_ACCEPT, SSE_MEDIA_TYPE, open_stream

CONFIRMED_SUBSCRIPTION = """subscription { resourceChanged(AFTER confirmStart: true) {
    ... on ResourceEvent { uuid cursor }
    ... on SubscriptionStarted { cursor }
} }"""


async def read_messages(
    gateway: ServedGateway, transport: str, count: int, cursor: str = ""
) -> list[JSONObject]:
    """Subscribe, by default from now on; return the first messages."""
    query = CONFIRMED_SUBSCRIPTION.replace("AFTER", f'after: "{cursor}"' if cursor else "")
    if transport == "websocket":
        async with open_authenticated_websocket(gateway) as websocket:
            await websocket.start_operation(query)
            return [await websocket.receive_event() for _ in range(count)]
    async with open_stream(gateway, query, transport) as stream:
        results = []
        for _ in range(count):
            if transport == SSE_MEDIA_TYPE:
                event_id, result = await stream.read_event()
                assert event_id == result["data"]["resourceChanged"]["cursor"]
            else:
                result = (await stream.read_part())["payload"]
            results.append(result["data"]["resourceChanged"])
        return results


@pytest.mark.parametrize("transport", ["websocket", SSE_MEDIA_TYPE, MULTIPART_ACCEPT])
async def test_client_without_an_event_continues_after_a_restart(url: str, transport: str) -> None:
    async with serve_gateway(url) as gateway:
        (confirmation,) = await read_messages(gateway, transport, 1)
    assert list(confirmation) == ["cursor"]
    uuids = [gateway.rename_resource(f"after the start: {transport}", number) for number in (1, 2)]
    async with serve_gateway(url) as gateway, time_limit(20, "the missed events"):
        first, *events = await read_messages(gateway, transport, 3, confirmation["cursor"])
    assert first == confirmation
    assert [each["uuid"] for each in events] == uuids
