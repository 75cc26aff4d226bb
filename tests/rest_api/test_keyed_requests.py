"""Requests with an idempotency key are sent to Waldur once, whatever happens to their answers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
import pytest_asyncio

from tests.conftest import DatabaseFactory
from tests.support.bulk_orders import CreationWorkload, RenewalWorkload
from tests.support.gateway_server import serve_in_process
from tests.support.keyed_scene import LONG_AGO, KeyedScene, open_scene
from tests.support.mutable_demo import MutableDemo
from tests.support.placing_waldur import Fate
from tests.support.schema_scenes import create_reader_role
from tests.support.time_limits import wait_until

LOST_FATES = [Fate.FAILED, Fate.CUT]
KEY_GRANTS = (
    "grant usage on schema gateway to {role}",
    "grant select, insert, update, delete on gateway.idempotency_key to {role}",
)


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def whole_scene(new_database: DatabaseFactory) -> AsyncIterator[KeyedScene]:
    """Yield a scene with renewable resources."""
    url = new_database()
    async with open_scene(url, RenewalWorkload(url, 40).keys) as scene:
        yield scene


@pytest.fixture
def scene(whole_scene: KeyedScene) -> KeyedScene:
    """Return the scene with another resource, without requests and keys."""
    whole_scene.rest_server.requests.clear()
    whole_scene.waldur.fates.clear()
    whole_scene.waldur.order_uuids.clear()
    whole_scene.uuids.pop(0)
    whole_scene.demo.run_sql("delete from gateway.idempotency_key")
    return whole_scene


@asynccontextmanager
async def serve_reader(scene: KeyedScene, *statements: str) -> AsyncIterator[KeyedScene]:
    """Yield the scene over a role that may only read, after statements on its `{role}`."""
    with create_reader_role(scene.waldur.url) as role:
        for each in (*KEY_GRANTS, *statements):
            role.run_sql(each)
        settings = {"changes": "waldur", "waldur_url": scene.rest_server.url, "keep_tokens": "off"}
        async with serve_in_process(role.url, **settings) as client:
            client.tokens = scene.demo.client.tokens
            yield replace(scene, demo=MutableDemo(client, scene.demo.connection))


async def test_documented_privileges_suffice(scene: KeyedScene) -> None:
    async with serve_reader(scene) as reader:
        scene.waldur.fates = [Fate.FAILED]
        await reader.renew("reader")
        assert (await reader.renew("reader"))["order"]["uuid"] == scene.waldur.order_uuids[0]
        scene.allow_renewal()
        scene.waldur.fates = [Fate.REFUSED]
        await reader.renew("refused")
    assert scene.list_claims() == [("reader", True)]
    assert len(scene.rest_server.requests) == 2


async def test_repetition_returns_the_order_of_the_first_request(scene: KeyedScene) -> None:
    results = [await scene.renew("first") for _ in range(2)]
    assert results[0]["__typename"] == "ResourceRenewed"
    assert results[0]["order"]["uuid"] == scene.waldur.order_uuids[0]
    assert results[1] == results[0]
    assert len(scene.rest_server.requests) == 1


async def test_other_input_with_the_same_key_is_a_conflict(scene: KeyedScene) -> None:
    await scene.renew("used")
    result = await scene.renew("used", months=24)
    assert result["__typename"] == "Conflict"
    result = await scene.demo.run_mutation(
        "terminateResource", uuid=scene.uuids[0], idempotencyKey="used"
    )
    assert result["__typename"] == "Conflict"
    assert len(scene.rest_server.requests) == 1


@pytest.mark.parametrize("key", ["", "x" * 256])
async def test_invalid_keys_are_refused(scene: KeyedScene, key: str) -> None:
    result = await scene.renew(key)
    assert result["__typename"] == "InvalidInput"
    assert scene.rest_server.requests == []


async def test_refused_request_releases_its_key(scene: KeyedScene) -> None:
    scene.waldur.fates = [Fate.REFUSED]
    assert (await scene.renew("again"))["__typename"] != "ResourceRenewed"
    assert scene.list_claims() == []
    assert (await scene.renew("again", months=24))["__typename"] == "ResourceRenewed"
    assert len(scene.rest_server.requests) == 2


async def test_request_that_our_checks_refuse_claims_nothing(scene: KeyedScene) -> None:
    assert (await scene.renew("bad", months=-1))["__typename"] == "InvalidInput"
    assert scene.list_claims() == []
    assert (await scene.renew("bad"))["__typename"] == "ResourceRenewed"


@pytest.mark.parametrize("fate", LOST_FATES)
async def test_repetition_finds_the_order_of_a_lost_answer(scene: KeyedScene, fate: Fate) -> None:
    scene.waldur.fates = [fate]
    lost = await scene.renew("lost")
    assert lost["__typename"] == "Unavailable"
    assert "idempotencyKey" in lost["message"]
    assert scene.list_claims() == [("lost", False)]
    found = await scene.renew("lost")
    assert found["__typename"] == "ResourceRenewed"
    assert [found["order"]["uuid"]] == scene.waldur.order_uuids
    assert scene.list_claims() == [("lost", True)]
    assert await scene.renew("lost") == found
    assert len(scene.rest_server.requests) == 1


async def test_lost_request_is_sent_again_when_nothing_came_of_it(scene: KeyedScene) -> None:
    scene.waldur.fates = [Fate.FAILED]
    await scene.renew("undone")
    scene.demo.run_sql(
        "delete from marketplace_order where uuid = any(%s::uuid[])", scene.waldur.order_uuids
    )
    scene.allow_renewal()
    early = await scene.renew("undone")
    assert early["__typename"] == "Unavailable"
    assert "repeat it" in early["message"]
    assert len(scene.rest_server.requests) == 1
    scene.age_claims(LONG_AGO)
    assert (await scene.renew("undone"))["__typename"] == "ResourceRenewed"
    assert len(scene.rest_server.requests) == 2


async def test_lost_request_is_not_sent_again_while_it_may_wait_for_a_connection(
    scene: KeyedScene,
) -> None:
    settings = {"changes": "waldur", "waldur_url": scene.rest_server.url}
    async with serve_in_process(
        scene.waldur.url, **settings, waldur_connect_seconds="60", waldur_answer_seconds="20"
    ) as client:
        patient = replace(scene, demo=MutableDemo(client, scene.demo.connection))
        scene.waldur.fates = [Fate.FAILED]
        await patient.renew("patient")
        scene.undo_orders()
        scene.age_claims(2 * (60 + 20))
        assert (await patient.renew("patient"))["__typename"] == "Unavailable"
    assert len(scene.rest_server.requests) == 1


async def test_key_of_a_lost_request_is_free_if_it_is_refused(
    scene: KeyedScene,
) -> None:
    scene.waldur.fates = [Fate.FAILED]
    await scene.renew("undone")
    scene.demo.run_sql(
        "delete from marketplace_order where uuid = any(%s::uuid[])", scene.waldur.order_uuids
    )
    scene.age_claims(LONG_AGO)
    assert (await scene.renew("undone"))["__typename"] == "WrongState"
    assert scene.list_claims() == []


async def test_request_that_could_not_be_sent_releases_its_key(
    scene: KeyedScene, unused_tcp_port: int
) -> None:
    url = scene.waldur.url
    async with serve_in_process(
        url, changes="waldur", waldur_url=f"http://127.0.0.1:{unused_tcp_port}"
    ) as client:
        cut_off = MutableDemo(client, scene.demo.connection)
        result = await cut_off.run_mutation(
            "renewResource", uuid=scene.uuids[0], extensionMonths=12, idempotencyKey="unsent"
        )
    assert result["__typename"] == "Unavailable"
    assert scene.list_claims() == []


async def test_several_orders_are_a_conflict_that_names_them(scene: KeyedScene) -> None:
    scene.waldur.fates = [Fate.FAILED, Fate.ANSWERED]
    await scene.renew("which")
    scene.allow_renewal()
    await scene.renew(None)
    result = await scene.renew("which")
    assert result["__typename"] == "Conflict"
    assert len(scene.waldur.order_uuids) == 2
    assert all(each in result["message"] for each in scene.waldur.order_uuids)
    assert len(scene.rest_server.requests) == 2


async def test_order_with_other_values_is_not_taken_for_the_result(scene: KeyedScene) -> None:
    scene.waldur.fates = [Fate.FAILED]
    await scene.renew("never done")
    scene.undo_orders()
    scene.allow_renewal()
    await scene.renew(None, months=24)
    result = await scene.renew("never done")
    assert result["__typename"] == "Conflict"
    assert scene.waldur.order_uuids[1] in result["message"]
    assert len(scene.rest_server.requests) == 2


async def test_orders_of_other_keys_and_of_other_kinds_are_left_out(scene: KeyedScene) -> None:
    scene.waldur.fates = [Fate.FAILED]
    await scene.renew("mine")
    (own_uuid,) = scene.waldur.order_uuids
    scene.allow_renewal()
    other = await scene.renew("other")
    assert other["__typename"] == "ResourceRenewed"
    scene.allow_renewal()
    terminated = await scene.demo.run_mutation("terminateResource", uuid=scene.uuids[0])
    assert terminated["__typename"] == "ResourceTerminationOrdered"
    result = await scene.renew("mine")
    assert result["order"]["uuid"] == own_uuid


@pytest.mark.parametrize("seconds", [-60, 40 * 60])
async def test_orders_of_other_times_are_left_out(scene: KeyedScene, seconds: int) -> None:
    scene.waldur.fates = [Fate.FAILED]
    await scene.renew("timely")
    scene.age_claims(seconds)
    scene.allow_renewal()
    result = await scene.renew("timely")
    is_sent_again = seconds > LONG_AGO
    assert result["__typename"] == ("ResourceRenewed" if is_sent_again else "Unavailable")
    assert len(scene.rest_server.requests) == (2 if is_sent_again else 1)


async def test_lost_creation_is_found_by_its_name(new_database: DatabaseFactory) -> None:
    url = new_database()
    workload = CreationWorkload(url, 2)
    async with open_scene(url, []) as scene:
        scene.waldur.fates = [Fate.CUT]
        names = workload.keys
        inputs = [{**workload.build_input(each), "idempotencyKey": each} for each in names]
        inputs[0]["name"] = f" {names[0]} "
        assert (await scene.demo.run_mutation("createOrder", **inputs[0]))["__typename"] == (
            "Unavailable"
        )
        second = await scene.demo.run_mutation("createOrder", **inputs[1])
        rename_sql = "update marketplace_resource set name = 'Renamed' where name = %s"
        scene.demo.run_sql(rename_sql, names[0])
        first = await scene.demo.run_mutation("createOrder", **inputs[0])
        found = [each["order"]["uuid"] for each in (first, second)]
        assert found == scene.waldur.order_uuids
        assert len(scene.rest_server.requests) == 2


async def test_concurrent_requests_with_one_key_are_one(scene: KeyedScene) -> None:
    scene.waldur.answers_may_come.clear()
    tasks = [asyncio.create_task(scene.renew("both")) for _ in range(5)]
    await wait_until(lambda: scene.rest_server.requests != [])
    conflict = await scene.renew("both", months=24)
    assert conflict["__typename"] == "Conflict"
    scene.waldur.answers_may_come.set()
    results = await asyncio.gather(*tasks)
    assert results[0]["__typename"] == "ResourceRenewed"
    assert results == [results[0]] * 5
    assert len(scene.rest_server.requests) == 1


async def test_requests_of_two_processes_with_one_key_are_one(scene: KeyedScene) -> None:
    async with serve_in_process(
        scene.waldur.url, changes="waldur", waldur_url=scene.rest_server.url
    ) as client:
        other = replace(scene, demo=MutableDemo(client, scene.demo.connection))
        scene.waldur.answers_may_come.clear()
        task = asyncio.create_task(scene.renew("both"))
        await wait_until(lambda: scene.rest_server.requests != [])
        early = await other.renew("both")
        assert early["__typename"] == "Unavailable"
        assert "under way" in early["message"]
        scene.waldur.answers_may_come.set()
        result = await task
        assert await other.renew("both") == result
    assert len(scene.rest_server.requests) == 1


async def test_keys_expire(scene: KeyedScene) -> None:
    await scene.renew("yesterday")
    scene.age_claims(24 * 60 * 60 + 1)
    scene.allow_renewal()
    assert (await scene.renew("yesterday"))["order"]["uuid"] == scene.waldur.order_uuids[1]
    assert len(scene.list_claims()) == 1


async def test_keys_belong_to_users(scene: KeyedScene) -> None:
    await scene.renew("shared")
    result = await scene.demo.run_mutation(
        "terminateResource", as_="support", uuid=scene.uuids[0], idempotencyKey="shared"
    )
    assert result["__typename"] != "Conflict"


@pytest.mark.parametrize(
    "privilege",
    [
        "usage on schema gateway",
        *[
            f"{each} on gateway.idempotency_key"
            for each in ("select", "insert", "update", "delete")
        ],
    ],
)
async def test_keys_need_all_privileges(scene: KeyedScene, privilege: str) -> None:
    async with serve_reader(scene, f"revoke {privilege} from {{role}}") as reader:
        result = await reader.renew("ignored")
        assert result["__typename"] == "Unavailable"
        assert "privileges" in result["message"]
        assert scene.rest_server.requests == []
        assert (await reader.renew(None))["__typename"] == "ResourceRenewed"


@pytest.mark.parametrize(
    ("break_sql", "repair_sql"),
    [
        (
            "alter table gateway.idempotency_key rename to other",
            "alter table gateway.other rename to idempotency_key",
        ),
        ("alter schema gateway rename to other", "alter schema other rename to gateway"),
    ],
    ids=["no table", "no schema"],
)
async def test_keys_need_their_table(scene: KeyedScene, break_sql: str, repair_sql: str) -> None:
    scene.demo.run_sql(break_sql)
    try:
        result = await scene.renew("ignored")
    finally:
        scene.demo.run_sql(repair_sql)
    assert result["__typename"] == "Unavailable"
    assert "gateway events install" in result["message"]
    assert scene.rest_server.requests == []
    assert (await scene.renew("ignored"))["__typename"] == "ResourceRenewed"
