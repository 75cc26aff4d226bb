"""A query after a subscription on one WebSocket leaves no gap between result and events."""

import asyncio
from itertools import pairwise
from typing import Any

from tests.transports.streaming_server import ServedGateway, WebSocketClient, open_websocket

RESOURCE_SUBSCRIPTION = (
    "subscription { resourceChanged(filter: { uuids: [%s] }) { ... on ResourceEvent { at } } }"
)
REPETITION_COUNT = 30
MIN_STEP_SECONDS, MAX_STEP_SECONDS = 0.002, 0.3


async def test_a_query_after_a_subscription_leaves_no_gap(gateway: ServedGateway) -> None:
    """Change a resource at about the time of a query: the change is in its result or an event.

    The lead of the query moves towards the moment of the change from both sides. Its steps grow
    until the side changes, however slow the machine is.
    """
    uuid, query_saw_change = gateway.rename_resource("seam"), []
    query_lead, step = 0.0, MIN_STEP_SECONDS
    for number in range(REPETITION_COUNT):
        query_saw_change.append(await race_query(gateway, uuid, f"seam {number}", query_lead))
        is_same_side = query_saw_change[-2:] in ([True, True], [False, False])
        step = min(2 * step, MAX_STEP_SECONDS) if is_same_side else MIN_STEP_SECONDS
        query_lead += step if query_saw_change[-1] else -step
    side_changes = sum(before != after for before, after in pairwise(query_saw_change))
    assert side_changes > 1, "nearly all changes were on the same side of the query"


async def race_query(gateway: ServedGateway, uuid: str, name: str, query_lead: float) -> bool:
    """Rename the resource `query_lead` seconds after a query; return whether its result shows it.

    If it doesn't, the subscription must deliver the event.
    """
    async with open_websocket(gateway) as websocket:
        await websocket.init_connection(**gateway.create_auth_header())
        change_task = asyncio.create_task(rename_later(gateway, name, query_lead))
        await asyncio.sleep(max(0, -query_lead))
        await websocket.start_operation(RESOURCE_SUBSCRIPTION % f'"{uuid}"', "s")
        await websocket.start_operation(f'{{ resource(uuid: "{uuid}") {{ name }} }}', "q")
        data_by_id = await receive_data_by_id(websocket, "q")
        await change_task
        saw_change: bool = data_by_id["q"]["resource"] == {"name": name}
        if not saw_change and "s" not in data_by_id:
            await receive_data_by_id(websocket, "s")
        return saw_change


async def receive_data_by_id(websocket: WebSocketClient, *operation_ids: str) -> dict[str, Any]:
    """Receive messages until each operation has data; return the first data of each."""
    data_by_id: dict[str, Any] = {}
    while not data_by_id.keys() >= {*operation_ids}:
        message = await websocket.receive_message()
        if message["type"] == "next":
            data_by_id.setdefault(message["id"], message["payload"]["data"])
    return data_by_id


async def rename_later(gateway: ServedGateway, name: str, seconds: float) -> None:
    """Rename the resource after a delay."""
    await asyncio.sleep(max(0, seconds))
    await asyncio.to_thread(gateway.rename_resource, name)
