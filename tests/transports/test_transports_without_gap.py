"""Between what is read and what is told nothing is lost."""

import asyncio
import random
from typing import Any

from tests.transports.streaming_server import Served, Talk, raw

TOLD = "subscription { resourceChanged(filter: { uuids: [%s] }) { ... on ResourceEvent { at } } }"
ROUNDS = 30


async def test_a_query_after_a_subscription_leaves_no_gap(gateway: Served) -> None:
    """Have something changed about the moment of a query: who does not read it is told of it."""
    uuid, known = gateway.rename("seam"), []
    for number in range(ROUNDS):
        async with raw(gateway) as talking:
            await talking.begin(**gateway.header())
            changing = asyncio.create_task(change(gateway, f"seam {number}"))
            await asyncio.sleep(random.uniform(0, 0.02))
            await talking.ask(TOLD % f'"{uuid}"', "s")
            await talking.ask(f'{{ resource(uuid: "{uuid}") {{ name }} }}', "q")
            found = await heard(talking, "q")
            await changing
            known.append(found["q"]["resource"] == {"name": f"seam {number}"})
            if not known[-1] and "s" not in found:
                await heard(talking, "s")
    assert {*known} == {True, False}, "the moments are all on one side"


async def heard(talking: Talk, *ids: str) -> dict[str, Any]:
    """Give the data of the next answer to each of some operations, by their ids."""
    found: dict[str, Any] = {}
    while not found.keys() >= {*ids}:
        message = await talking.hear()
        if message["type"] == "next":
            found.setdefault(message["id"], message["payload"]["data"])
    return found


async def change(gateway: Served, name: str) -> None:
    """Change the resource, a moment later."""
    await asyncio.sleep(random.uniform(0, 0.02))
    await asyncio.to_thread(gateway.rename, name)
