"""`orderChanged` over each transport: live events, and those after a cursor."""

from typing import Any

import pytest

from tests.transports.streaming_server import (
    ServedGateway,
    open_authenticated_websocket,
    wait_for_subscribers,
)
from tests.transports.test_http_stream import MULTIPART_ACCEPT, SSE_MEDIA_TYPE, open_stream

ORDER_CHANGED_SUBSCRIPTION = """subscription ($after: String) { orderChanged(after: $after) {
    ... on OrderEvent { kind uuid cursor order { uuid output } } ... on ResyncRequired { reason }
} }"""
WRITE_OUTPUT = """
update marketplace_order set output = %s where id = (select min(id) from marketplace_order)
returning uuid
"""


def write_output(gateway: ServedGateway, output: str) -> dict[str, Any]:
    """Write the output of an order; return its event, without the cursor."""
    # An event of another object is before it.
    gateway.rename_resource(output)
    ((uuid,),) = gateway.execute_sql(WRITE_OUTPUT, output)
    return {
        "kind": "UPDATED",
        "uuid": uuid.hex,
        "order": {"uuid": uuid.hex, "output": output},
    }


def split_cursor(event: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the cursor of an event, and the rest of it."""
    return event["cursor"], {name: event[name] for name in event if name != "cursor"}


async def test_orders_over_a_websocket(gateway: ServedGateway) -> None:
    async with open_authenticated_websocket(gateway) as websocket:
        await websocket.start_operation(ORDER_CHANGED_SUBSCRIPTION, "s")
        await wait_for_subscribers(gateway)
        event = write_output(gateway, "by WebSocket")
        cursor, received_event = split_cursor(await websocket.receive_event())
        assert received_event == event
        await websocket.start_operation(
            ORDER_CHANGED_SUBSCRIPTION, "t", variables={"after": cursor}
        )
        await wait_for_subscribers(gateway, 2)
        event = write_output(gateway, "by WebSocket again")
        for _ in range(2):
            assert split_cursor(await websocket.receive_event())[1] == event


@pytest.mark.parametrize("accept", [SSE_MEDIA_TYPE, MULTIPART_ACCEPT])
async def test_orders_over_http(gateway: ServedGateway, accept: str) -> None:
    async with open_stream(gateway, ORDER_CHANGED_SUBSCRIPTION, accept) as stream:
        await wait_for_subscribers(gateway)
        event = write_output(gateway, f"by {accept}")
        data = (
            (await stream.read_event())[1]
            if accept == SSE_MEDIA_TYPE
            else (await stream.read_part())["payload"]
        )
        assert split_cursor(data["data"]["orderChanged"])[1] == event


async def test_orders_after_the_last_event_id(gateway: ServedGateway) -> None:
    async with open_stream(gateway, ORDER_CHANGED_SUBSCRIPTION) as stream:
        await wait_for_subscribers(gateway)
        write_output(gateway, "before the cut")
        cursor, _ = await stream.read_event()
    event = write_output(gateway, "missed")
    async with open_stream(gateway, ORDER_CHANGED_SUBSCRIPTION, Last_Event_ID=cursor) as stream:
        event_id, data = await stream.read_event()
        assert split_cursor(data["data"]["orderChanged"]) == (event_id, event)
