"""Fan-out groups: an event is executed once for all subscribers with equal messages."""

import asyncio
from itertools import count

import pytest

from gateway.schema.types.object_event import ResyncReason
from gateway.subscriptions import fanout_group
from tests.subscriptions.follower import (
    ORDER_CHANGED_DOCUMENT,
    RESOURCE_CHANGED_DOCUMENT,
    FollowedDemo,
    decode_event,
    kinds_or_reasons,
)
from tests.support.time_limits import time_limit

UPDATE_RESOURCE = "update marketplace_resource set name = name || 'x' where id = 1"
UPDATE_ORDER = """
update marketplace_order set output = output || 'x'
where id = (select min(id) from marketplace_order)
"""
PERSONAL_DOCUMENT = """subscription { resourceChanged { ... on ResourceEvent {
    kind resource { uuid canTerminate }
} } }"""
_document_numbers = count()


@pytest.fixture
def document() -> str:
    """Return a document that no other test subscribes to."""
    return f"{RESOURCE_CHANGED_DOCUMENT} # {next(_document_numbers)}"


def count_executions(demo: FollowedDemo) -> int:
    """Return the number of executed operations so far."""
    return demo.service._executor.execution_counts.total()


@pytest.mark.parametrize(
    ("document", "update_sql", "other_sql"),
    [
        (RESOURCE_CHANGED_DOCUMENT, UPDATE_RESOURCE, UPDATE_ORDER),
        (ORDER_CHANGED_DOCUMENT, UPDATE_ORDER, UPDATE_RESOURCE),
    ],
    ids=["resources", "orders"],
)
async def test_event_is_executed_once_for_equal_subscribers(
    demo: FollowedDemo, document: str, update_sql: str, other_sql: str
) -> None:
    followers = [await demo.start_following("staff", document) for _ in range(40)]
    assert len(demo.hub.groups) == 1
    count_before = count_executions(demo)
    for _ in range(10):
        demo.execute_sql(update_sql)
        demo.execute_sql(other_sql)
    events_by_follower = await demo.take_events(*followers)
    assert count_executions(demo) - count_before == 10
    assert kinds_or_reasons(events_by_follower[0]) == ["UPDATED"] * 10
    assert events_by_follower == [events_by_follower[0]] * 40
    for each in followers:
        each.end_subscription()
    assert demo.hub.groups == {}


async def test_users_with_equal_visibility_share_group(demo: FollowedDemo, document: str) -> None:
    staff_follower, support_follower, second_follower = [
        await demo.start_following(username, document) for username in ("staff", "support", "staff")
    ]
    owner_follower = await demo.start_following("owner", document)
    assert staff_follower._group is second_follower._group
    assert (
        len({id(each._group) for each in (staff_follower, support_follower, owner_follower)}) == 3
    )
    count_before = count_executions(demo)
    demo.execute_sql(UPDATE_RESOURCE)
    events_by_follower = await demo.take_events(
        staff_follower, support_follower, second_follower, owner_follower
    )
    assert count_executions(demo) - count_before == 3
    assert events_by_follower == [events_by_follower[0]] * 4
    for each in (staff_follower, support_follower, second_follower, owner_follower):
        each.end_subscription()


async def test_start_cursor_does_not_split_group(demo: FollowedDemo, document: str) -> None:
    cursor = demo.current_cursor()
    demo.execute_sql(UPDATE_RESOURCE)
    await demo.wait_until_delivered()
    late_follower = await demo.start_following("staff", document)
    early_follower = await demo.start_following("staff", document, after=cursor)
    assert late_follower._group is early_follower._group
    demo.execute_sql(UPDATE_RESOURCE)
    events_by_follower = await demo.take_events(late_follower, early_follower)
    assert [len(each) for each in events_by_follower] == [1, 2]
    assert events_by_follower[0] == events_by_follower[1][1:]
    late_follower.end_subscription()
    early_follower.end_subscription()


async def test_different_documents_and_filters_split_groups(
    demo: FollowedDemo, document: str
) -> None:
    filters = [{}, {"kinds": ["UPDATED"]}, {"kinds": ["DELETED"]}]
    followers = [await demo.start_following("staff", document, filter=each) for each in filters]
    other_follower = await demo.start_following("staff", document + "!")
    assert len(demo.hub.groups) == 4
    demo.execute_sql(UPDATE_RESOURCE)
    events_by_follower = await demo.take_events(*followers, other_follower)
    assert [len(each) for each in events_by_follower] == [1, 1, 0, 1]
    for each in (*followers, other_follower):
        each.end_subscription()


async def test_personal_fields_split_groups(demo: FollowedDemo) -> None:
    usernames = ("owner", "member", "member")
    followers = [await demo.start_following(each, PERSONAL_DOCUMENT) for each in usernames]
    owner_follower, member_follower, second_follower = followers
    assert member_follower._group is second_follower._group is not owner_follower._group
    count_before = count_executions(demo)
    demo.execute_sql(UPDATE_RESOURCE)
    events_by_follower = await demo.take_events(*followers)
    assert count_executions(demo) - count_before == 2
    can_terminate = [each[0]["resource"]["canTerminate"] for each in events_by_follower]
    query = "query($uuid: UUID!) { resource(uuid: $uuid) { canTerminate } }"
    for name, is_allowed in zip(usernames, can_terminate, strict=True):
        uuid = events_by_follower[0][0]["resource"]["uuid"]
        data = await demo.query_data(query, await demo.load_viewer(name), uuid=uuid)
        assert is_allowed == data["resource"]["canTerminate"]
    assert can_terminate[0] != can_terminate[1]
    for each in followers:
        each.end_subscription()


async def test_a_client_that_reads_again_within_a_batch_misses_no_event(
    demo: FollowedDemo, document: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is built for a batch while no member is LIVE; one may become so after each event."""
    monkeypatch.setattr(fanout_group, "MAX_MESSAGES_PER_TURN", 1)
    await demo.wait_until_delivered()
    follower = await demo.start_following("staff", document)
    group = follower._group
    assert group is not None
    follower._on_ready = lambda _: None
    follower.require_resync(ResyncReason.INTERRUPTED)
    async with time_limit(10, "a batch to begin"):
        demo.execute_sql("update marketplace_resource set name = name || 'x' where id < 9")
        while not group.queued_event_count:  # noqa: ASYNC110 - each step of the loop counts
            await asyncio.sleep(0)
        event_count = group.queued_event_count
        while group.queued_event_count == event_count:  # noqa: ASYNC110
            await asyncio.sleep(0)
    skipped_count = event_count - group.queued_event_count
    (resync,) = follower.take_messages(100)
    assert kinds_or_reasons([decode_event(resync.payload)]) == ["INTERRUPTED"]
    await demo.wait_until_delivered()
    messages = follower.take_messages(100)
    assert len(messages) == event_count - skipped_count
    follower.end_subscription()
