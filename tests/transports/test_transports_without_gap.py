"""A query after a subscription on one WebSocket leaves no gap between result and events."""

import asyncio
import random
from typing import Any

from tests.transports.streaming_server import ServedGateway, WebSocketClient, open_websocket

RESOURCE_SUBSCRIPTION = (
    "subscription { resourceChanged(filter: { uuids: [%s] }) { ... on ResourceEvent { at } } }"
)
REPETITION_COUNT = 30


async def test_a_query_after_a_subscription_leaves_no_gap(gateway: ServedGateway) -> None:
    """Change a resource at about the time of a query: the change is in its result or an event."""
    uuid, query_saw_change = gateway.rename_resource("seam"), []
    for number in range(REPETITION_COUNT):
        async with open_websocket(gateway) as websocket:
            await websocket.init_connection(**gateway.create_auth_header())
            change_task = asyncio.create_task(rename_later(gateway, f"seam {number}"))
            await asyncio.sleep(random.uniform(0, 0.02))
            await websocket.start_operation(RESOURCE_SUBSCRIPTION % f'"{uuid}"', "s")
            await websocket.start_operation(f'{{ resource(uuid: "{uuid}") {{ name }} }}', "q")
            data_by_id = await receive_data_by_id(websocket, "q")
            await change_task
            query_saw_change.append(data_by_id["q"]["resource"] == {"name": f"seam {number}"})
            if not query_saw_change[-1] and "s" not in data_by_id:
                await receive_data_by_id(websocket, "s")
    assert {*query_saw_change} == {True, False}, "all changes were on the same side of the query"


async def receive_data_by_id(websocket: WebSocketClient, *operation_ids: str) -> dict[str, Any]:
    """Receive messages until each operation has data; return the first data of each."""
    data_by_id: dict[str, Any] = {}
    while not data_by_id.keys() >= {*operation_ids}:
        message = await websocket.receive_message()
        if message["type"] == "next":
            data_by_id.setdefault(message["id"], message["payload"]["data"])
    return data_by_id


async def rename_later(gateway: ServedGateway, name: str) -> None:
    """Rename the resource after up to 20 ms."""
    await asyncio.sleep(random.uniform(0, 0.02))
    await asyncio.to_thread(gateway.rename_resource, name)
