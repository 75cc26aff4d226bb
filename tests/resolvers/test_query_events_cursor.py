"""The cursor to begin with: what a response does not show is in the events after its cursor."""

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

import msgspec
import psycopg
import pytest
import pytest_asyncio

from gateway.marketplace.requester import Requester
from gateway.schema.framework.context import RequestContext
from tests.conftest import DatabaseFactory
from tests.subscriptions.follower import FollowedDemo, follow_demo
from tests.support.gateway_server import create_small_demo, serve_in_process
from tests.support.time_limits import wait_until

CURSOR_QUERY = "{ resourceEventsCursor orderEventsCursor }"
LIST_QUERY = """{
    resources(first: 100) { nodes { uuid name endpoints { name } } }
    cursor: resourceEventsCursor
}"""
"""Names are read by the first statement, endpoints by a later one; the cursor comes last."""
ORDERS_QUERY = "{ orders(first: 1) { totalCount } orderEventsCursor }"
ORDER_DOCUMENT = """subscription($after: String) {
    orderChanged(after: $after, confirmStart: true) {
        ... on OrderEvent { uuid } ... on SubscriptionStarted { cursor }
    }
}"""
LOCK_KEY = 17
WRITER_COUNT, WRITES_PER_WRITER, ROLLED_BACK_SHARE = 4, 30, 0.2


@pytest.fixture(scope="module")
def url(new_database: DatabaseFactory) -> str:
    """Return the URL of a small demo that tests may change."""
    return create_small_demo(new_database())


@pytest_asyncio.fixture(loop_scope="session", params=["compiled", "reference"])
async def demo(url: str, request: pytest.FixtureRequest) -> AsyncIterator[FollowedDemo]:
    """Yield the demo, served in this process by each execution."""
    async with follow_demo(url, execution=request.param) as followed_demo:
        yield followed_demo


async def test_cursor_is_the_position_of_the_feed(demo: FollowedDemo) -> None:
    viewer = await demo.load_viewer("staff")
    assert await demo.query_data(CURSOR_QUERY, viewer) == make_cursors(demo.current_cursor())
    demo.execute_sql("update marketplace_resource set name = 'renamed' where id = 1")
    await demo.wait_until_delivered()
    assert await demo.query_data(CURSOR_QUERY, viewer) == make_cursors(demo.current_cursor())


def make_cursors(cursor: str | None) -> dict[str, str | None]:
    """Return the data of CURSOR_QUERY: resources and orders have the same position."""
    return {"resourceEventsCursor": cursor, "orderEventsCursor": cursor}


async def test_orders_after_their_cursor(demo: FollowedDemo) -> None:
    viewer = await demo.load_viewer("staff")
    data = await demo.query_data(ORDERS_QUERY, viewer)
    uuid = demo.fetch_uuid("marketplace_order", 1)
    demo.execute_sql("update marketplace_order set output = output || '!' where id = 1")
    follower = await demo.start_following("staff", ORDER_DOCUMENT, after=data["orderEventsCursor"])
    await demo.wait_until_delivered()
    started, event = [
        msgspec.json.decode(each.payload)["data"]["orderChanged"]
        for each in demo.take_messages(follower)
    ]
    assert started == {"cursor": data["orderEventsCursor"]}
    assert event == {"uuid": uuid}
    follower.end_subscription()


async def test_cursor_precedes_a_change_during_the_request(demo: FollowedDemo) -> None:
    viewer = await demo.load_viewer("staff")
    await demo.query_data(LIST_QUERY, viewer)  # statements are compiled once
    first_position, uuid = demo.hub.source.position, demo.fetch_uuid("marketplace_resource", 1)
    with block_endpoints(demo) as blocker:
        response = asyncio.create_task(demo.query_data(LIST_QUERY, viewer))
        await wait_until(lambda: has_waiting_statement(demo))
        demo.execute_sql("update marketplace_resource set name = name || '!' where id = 1")
        await wait_until(lambda: demo.hub.source.position > first_position)
        blocker.rollback()
        data = await response
    follower = await demo.start_following("staff", after=data["cursor"])
    (events,) = await demo.take_events(follower)
    assert [each["uuid"] for each in events] == [uuid]
    follower.end_subscription()


@contextmanager
def block_endpoints(demo: FollowedDemo) -> Iterator[psycopg.Connection]:
    """Make statements that read endpoints wait for a transaction, which does not block events."""
    demo.execute_sql("alter table marketplace_resourceaccessendpoint rename to endpoint_table")
    demo.execute_sql(
        "create view marketplace_resourceaccessendpoint as select * from endpoint_table"
        f" where pg_advisory_xact_lock_shared({LOCK_KEY}) is not null"
    )
    try:
        with psycopg.connect(demo.url) as connection:
            connection.execute("select pg_advisory_xact_lock(%s)", (LOCK_KEY,))
            yield connection
    finally:
        demo.execute_sql("drop view marketplace_resourceaccessendpoint")
        demo.execute_sql("alter table endpoint_table rename to marketplace_resourceaccessendpoint")


def has_waiting_statement(demo: FollowedDemo) -> bool:
    """Return whether a statement waits for a lock."""
    statement = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
    ((count,),) = demo.execute_sql(statement)
    return bool(count)


async def test_nothing_is_missed_between_list_and_subscription(demo: FollowedDemo) -> None:
    """Each name is a number that each write increments; events are counted from a list on."""
    viewer = await demo.load_viewer("staff")
    demo.execute_sql("update marketplace_resource set name = '0'")
    writers = [
        threading.Thread(target=write_names, args=(demo.url, i)) for i in range(WRITER_COUNT)
    ]
    for writer in writers:
        writer.start()
    lists = []
    while any(each.is_alive() for each in writers):
        lists.append(await demo.query_data(LIST_QUERY, viewer))
    final_numbers = count_writes(await demo.query_data(LIST_QUERY, viewer))
    assert sum(final_numbers.values()) > WRITER_COUNT
    for data in lists[:: len(lists) // 20 + 1]:
        follower = await demo.start_following("staff", after=data["cursor"])
        (events,) = await demo.take_events(follower)
        assert final_numbers - count_writes(data) <= Counter(each["uuid"] for each in events)
        follower.end_subscription()


def write_names(url: str, seed: int) -> None:
    """Increment names, in transactions that stay open for a while; some are rolled back."""
    random = Random(seed)
    with psycopg.connect(url) as connection:
        for _ in range(WRITES_PER_WRITER):
            connection.execute(
                "update marketplace_resource set name = (name::int + 1)::text where id = %s",
                (random.randint(1, 8),),
            )
            connection.execute("select pg_sleep(%s)", (random.choice([0, 0, 0.003, 0.02]),))
            if random.random() < ROLLED_BACK_SHARE:
                connection.rollback()
            connection.commit()


def count_writes(data: dict[str, Any]) -> Counter[str]:
    """Return how often each resource in a list has been written."""
    return Counter({each["uuid"]: int(each["name"]) for each in data["resources"]["nodes"]})


async def test_cursor_is_null_if_events_are_off(url: str) -> None:
    async with serve_in_process(url, events="off") as client:
        assert await client.execute_query(CURSOR_QUERY) == {"data": make_cursors(None)}


async def test_unavailable_events_fail_only_their_field(demo: FollowedDemo) -> None:
    viewer = await demo.load_viewer("staff")
    context = demo.service._components.create_context(Requester(viewer))
    assert isinstance(context, RequestContext)
    context.feed_point = ("", None)
    result = await demo.execute_query(
        "{ resourceEventsCursor viewer { user { username } } }", context
    )
    assert result["data"] == {
        "resourceEventsCursor": None,
        "viewer": {"user": {"username": "staff"}},
    }
    (error,) = result["errors"]
    assert (error["path"], error["extensions"]) == (
        ["resourceEventsCursor"],
        {"code": "UNAVAILABLE"},
    )


async def test_cursor_needs_no_statement(demo: FollowedDemo) -> None:
    viewer = await demo.load_viewer("staff")
    context = demo.service._components.create_context(Requester(viewer))
    context.database = None  # type: ignore[assignment]
    result = await demo.execute_query(CURSOR_QUERY, context)
    assert result == {"data": make_cursors(demo.current_cursor())}
