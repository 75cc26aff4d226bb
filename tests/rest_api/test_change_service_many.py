"""Operations on many objects are sent to Waldur a few at a time, each with a result of its own."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from gateway.rest_api.change_service import MAX_CONCURRENT_REQUESTS
from tests.conftest import DatabaseFactory
from tests.support.bulk_orders import RenewalWorkload
from tests.support.gateway_server import serve_in_process
from tests.support.keyed_scene import KeyedScene, open_scene
from tests.support.mutable_demo import MutableDemo
from tests.support.placing_waldur import Fate
from tests.support.time_limits import wait_until

COUNT = 100


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def whole_scene(new_database: DatabaseFactory) -> AsyncIterator[KeyedScene]:
    """Yield a scene with resources that can be terminated."""
    url = new_database()
    async with open_scene(url, RenewalWorkload(url, COUNT).keys) as scene:
        yield scene


@pytest.fixture
def scene(whole_scene: KeyedScene) -> KeyedScene:
    """Return the scene without orders, requests and keys."""
    scene = whole_scene
    scene.undo_orders()
    scene.demo.run_sql(
        "update marketplace_resource set state = 2 where uuid = any(%s::uuid[])", scene.uuids
    )
    scene.demo.run_sql("delete from gateway.idempotency_key")
    scene.rest_server.requests.clear()
    scene.waldur.fates.clear()
    scene.waldur.order_uuids.clear()
    scene.waldur.most_running_count = 0
    return scene


async def terminate_all(demo: MutableDemo, uuids: list[str], key: str | None = None) -> Any:
    """Terminate resources and return the items of the result, which have the order of the uuids."""
    items = await demo.run_many("terminateResources", uuids=uuids, idempotencyKey=key)
    assert [each["uuid"] for each in items] == uuids
    return [each["result"] for each in items]


async def test_requests_are_sent_a_few_at_a_time(scene: KeyedScene) -> None:
    scene.waldur.answers_may_come.clear()
    task = asyncio.create_task(terminate_all(scene.demo, scene.uuids))
    await wait_until(lambda: scene.waldur.running_count == MAX_CONCURRENT_REQUESTS)
    scene.waldur.answers_may_come.set()
    results = await task
    assert {each["__typename"] for each in results} == {"ResourceTerminationOrdered"}
    assert {each["order"]["uuid"] for each in results} == {*scene.waldur.order_uuids}
    assert len(scene.rest_server.requests) == COUNT
    assert scene.waldur.most_running_count == MAX_CONCURRENT_REQUESTS


async def test_failures_do_not_affect_others_and_are_found_by_the_key(scene: KeyedScene) -> None:
    uuids = scene.uuids[:20]
    scene.waldur.fates = [Fate.ANSWERED, Fate.FAILED, Fate.REFUSED, Fate.CUT]
    first = await terminate_all(scene.demo, [*uuids, "0" * 32], "all")
    types = [each["__typename"] for each in first]
    assert types.pop() == "NotFound"
    assert types.count("ResourceTerminationOrdered") == 17
    assert types.count("Unavailable") == 2
    assert len(scene.rest_server.requests) == 20
    second = await terminate_all(scene.demo, uuids, "all")
    assert {each["__typename"] for each in second} == {"ResourceTerminationOrdered"}
    assert {each["order"]["uuid"] for each in second} == {*scene.waldur.order_uuids}
    assert len(scene.waldur.order_uuids) == 20
    assert len(scene.rest_server.requests) == 21, "Only the refused one is sent again."
    for earlier, later in zip(first, second, strict=False):
        assert earlier["__typename"] != "ResourceTerminationOrdered" or earlier == later
    assert await terminate_all(scene.demo, uuids, "all") == second
    assert len(scene.rest_server.requests) == 21


async def test_none_is_begun_after_the_time_of_the_request(scene: KeyedScene) -> None:
    settings = {"changes": "waldur", "waldur_url": scene.rest_server.url, "request_seconds": "5"}
    scene.waldur.answers_may_come.clear()
    try:
        async with serve_in_process(scene.waldur.url, **settings) as client:
            demo = MutableDemo(client, scene.demo.connection)
            results = await terminate_all(demo, scene.uuids, "late")
    finally:
        scene.waldur.answers_may_come.set()
    assert {each["__typename"] for each in results} == {"Unavailable"}
    begun = [each for each in results if "before this change was begun" not in each["message"]]
    assert len(begun) <= MAX_CONCURRENT_REQUESTS
    await wait_until(lambda: len(scene.waldur.order_uuids) == len(begun))
    results = await terminate_all(scene.demo, scene.uuids, "late")
    assert {each["__typename"] for each in results} == {"ResourceTerminationOrdered"}
    assert len(scene.rest_server.requests) == COUNT


async def test_all_are_unavailable_while_waldur_is_down(
    scene: KeyedScene, unused_tcp_port: int
) -> None:
    settings = {"changes": "waldur", "waldur_url": f"http://127.0.0.1:{unused_tcp_port}"}
    async with serve_in_process(scene.waldur.url, **settings) as client:
        results = await terminate_all(
            MutableDemo(client, scene.demo.connection), scene.uuids, "down"
        )
    assert {each["__typename"] for each in results} == {"Unavailable"}
    assert scene.list_claims() == []
