"""What is asked and told on a WebSocket: several operations at a time, each on its own."""

import asyncio
import gc
from typing import Any

import psycopg
import pytest

from gateway.demo.marketplace.fill import make
from tests.conftest import NewDatabase
from tests.transports.streaming_server import (
    CHANGES,
    WHO,
    Served,
    Talk,
    attached,
    raw,
    served,
    talk,
    until,
)

SETS = """
mutation ($input: SetResourceEndDateInput!) { setResourceEndDate(input: $input) { __typename } }
"""
PAYLOADS: list[dict[str, Any]] = [{}, {"text": 'ß"\\', "list": [1, None, {"deep": 2.5}]}]


async def name_of(talking: Talk) -> str:
    """Give as whom a connection is let in."""
    viewer = (await talking.answer(WHO))["data"]["viewer"]
    return "nobody" if viewer is None else str(viewer["user"]["username"])


@pytest.mark.parametrize("key", ["Authorization", "authorization", "AUTHORIZATION"])
async def test_who_it_is_says_the_payload(gateway: Served, key: str) -> None:
    async with raw(gateway) as talking:
        await talking.begin(**{key: gateway.header("member")["Authorization"]})
        assert await name_of(talking) == "member"


async def test_who_it_is_says_the_header(gateway: Served) -> None:
    async with raw(gateway, additional_headers=gateway.header("owner")) as talking:
        await talking.begin()
        assert await name_of(talking) == "owner"


async def test_the_payload_counts_more_than_the_header(gateway: Served) -> None:
    async with raw(gateway, additional_headers={"Authorization": "Token no"}) as talking:
        await talking.begin(**gateway.header("owner"))
        assert await name_of(talking) == "owner"


async def test_it_may_be_nobody(gateway: Served) -> None:
    async with raw(gateway) as talking:
        await talking.say("connection_init")
        assert await talking.hear() == {"type": "connection_ack"}
        assert await name_of(talking) == "nobody"


@pytest.mark.parametrize("payload", PAYLOADS)
async def test_a_ping_is_answered_with_what_it_holds(
    gateway: Served, payload: dict[str, Any]
) -> None:
    async with raw(gateway) as talking:
        for begun in (False, True):
            if begun:
                await talking.begin()
            await talking.say("pong", payload=payload)
            await talking.say("ping")
            assert await talking.hear() == {"type": "pong"}
            await talking.say("ping", payload=payload)
            assert await talking.hear() == {"type": "pong", "payload": payload}


async def test_the_server_pings(gateway: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.transports.websocket.BEAT", 0.2)
    async with talk(gateway) as talking:
        for _ in range(2):
            assert await talking.hear() == {"type": "ping"}
            await talking.say("pong")


async def test_queries_changes_and_subscriptions_side_by_side(new_database: NewDatabase) -> None:
    url = new_database()
    with psycopg.connect(url) as connection:
        make(connection, resources=20, seed=1)
    async with served(url) as gateway, talk(gateway) as talking:
        await talking.ask(CHANGES, "s")
        await attached(gateway)
        assert (await talking.answer(WHO, "q"))["data"]["viewer"]["user"]["username"] == "staff"
        found = await talking.answer(
            "{ resources(first: 1, filter: {state: [OK]}) { nodes { uuid } } }", "q"
        )
        ((uuid,),) = [each.values() for each in found["data"]["resources"]["nodes"]]
        given = {"uuid": uuid, "endDate": "2030-01-31"}
        await talking.ask(SETS, "m", variables={"input": given})
        heard = [await talking.hear() for _ in range(3)]
        by: dict[Any, Any] = {(each["type"], each["id"]): each.get("payload") for each in heard}
        assert by["next", "m"]["data"]["setResourceEndDate"]["__typename"] == "ResourceEndDateSet"
        assert by["next", "s"]["data"]["resourceChanged"]["uuid"] == uuid
        assert ("complete", "m") in by


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("subscription {", "GRAPHQL_PARSE_FAILED"),
        ("", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { resourceChanged { nothing } }", "GRAPHQL_VALIDATION_FAILED"),
        (
            "subscription { a: resourceChanged { __typename } b: resourceChanged { __typename } }",
            "GRAPHQL_VALIDATION_FAILED",
        ),
        ("query A { __typename } query B { __typename }", "BAD_USER_INPUT"),
        ('subscription { resourceChanged(after: "no") { __typename } }', "BAD_USER_INPUT"),
        (
            "subscription ($a: String!) { resourceChanged(after: $a) { __typename } }",
            "BAD_USER_INPUT",
        ),
    ],
)
async def test_a_mistake_ends_an_operation_only(gateway: Served, query: str, code: str) -> None:
    async with talk(gateway) as talking:
        await talking.ask(CHANGES, "s")
        await attached(gateway)
        assert await talking.refusal(query or "#", "q") == code
        assert "errors" not in await talking.answer(WHO, "q")
        uuid = gateway.rename(f"after {hash(query)}")
        assert (await talking.told())["uuid"] == uuid
    await until(lambda: gateway.subscribed() == 0)


async def test_who_completes_hears_nothing_more(gateway: Served) -> None:
    async with talk(gateway) as talking:
        for each in ("a", "b"):
            await talking.ask(CHANGES, each)
        await attached(gateway, 2)
        await talking.say("complete", id="a")
        await talking.say("complete", id="a")
        await talking.say("complete", id="unknown")
        await talking.say("ping")
        assert await talking.hear() == {"type": "pong"}
        assert gateway.subscribed() == 1
        gateway.rename("completed")
        assert (await talking.hear())["id"] == "b"
        await talking.ask(CHANGES, "a")
        await attached(gateway, 2)
        gateway.rename("asked anew")
        assert {(await talking.hear())["id"] for _ in range(2)} == {"a", "b"}


async def test_a_completed_query_is_stopped(gateway: Served) -> None:
    running = (
        "select 1 from pg_stat_activity where application_name = 'marketplace-gateway'"
        " and datname = current_database() and state = 'active' and query like '%%resource%%'"
    )
    with psycopg.connect(gateway.database) as holding:
        holding.execute("lock table marketplace_resource in access exclusive mode")
        async with talk(gateway) as talking:
            await talking.ask("{ resources(first: 3) { nodes { slug } } }")
            await until(lambda: len(gateway.sql(running)) == 1)
            await talking.say("complete", id="1")
            await until(lambda: not gateway.sql(running))
            assert "errors" not in await talking.answer(WHO)


async def test_there_is_room_for_some_operations(gateway: Served) -> None:
    async with talk(gateway) as talking:
        for number in range(100):
            await talking.ask(CHANGES, str(number))
        assert await talking.refusal(CHANGES, "100") == "RATE_LIMITED"
        await talking.say("complete", id="7")
        assert "errors" not in await talking.answer(WHO, "100")


async def test_there_is_room_for_some_subscriptions_of_a_user(url: str) -> None:
    async with (
        served(url, user_subscriptions="2", subscriptions="3") as gateway,
        talk(gateway) as talking,
        talk(gateway) as second,
        talk(gateway, "owner") as other,
    ):
        await talking.ask(CHANGES, "1")
        await second.ask(CHANGES, "1")
        await attached(gateway, 2)
        assert await talking.refusal(CHANGES, "2") == "RATE_LIMITED"
        await other.ask(CHANGES, "1")
        await attached(gateway, 3)
        await second.say("complete", id="1")
        await until(lambda: gateway.subscribed() == 2)
        await talking.ask(CHANGES, "2")
        await attached(gateway, 3)
        assert await other.refusal(CHANGES, "2") == "RATE_LIMITED"


async def test_nothing_is_told_where_nothing_is_watched(url: str) -> None:
    async with served(url, events="off") as gateway, talk(gateway) as talking:
        assert await talking.refusal(CHANGES) == "UNAVAILABLE"
        assert "errors" not in await talking.answer(WHO)


async def test_each_event_is_told_of_what_is_then(gateway: Served) -> None:
    async with talk(gateway) as talking:
        await talking.ask(CHANGES)
        await attached(gateway)
        for name in ("first", "second", "third"):
            gateway.rename(name)
            assert (await talking.told())["resource"] == {"name": name}
            query = "{ resources(first: 100) { nodes { name } } }"
            answer = await talking.answer(query, "q")
            assert {"name": name} in answer["data"]["resources"]["nodes"]


def operations() -> int:
    """Count the operations that are in memory, of other tests, too."""
    gc.collect()
    return sum(type(each).__name__ == "Operation" for each in gc.get_objects())


async def test_who_drops_a_connection_leaves_nothing_behind(gateway: Served) -> None:
    await until(lambda: gateway.subscribed() == 0)
    before = operations()
    tasks = len(asyncio.all_tasks())
    for _ in range(4):
        talks = [raw(gateway) for _ in range(50)]
        opened = [await each.__aenter__() for each in talks]
        for talking in opened:
            await talking.begin(**gateway.header())
            await talking.ask(CHANGES)
        await attached(gateway, 50)
        for talking in opened:
            talking.connection.transport.abort()
        await until(lambda: gateway.subscribed() == 0)
        for each in talks:
            await each.__aexit__(None, None, None)
    await until(lambda: len(asyncio.all_tasks()) <= tasks)
    hub, presence = gateway.desk.subscriptions.hub, gateway.desk.presence
    assert (hub.groups, presence._sessions) == ({}, {})
    assert operations() <= before
