"""Subscriber: its states, its bounded buffer, and what a client gets that reads slowly."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from gateway.schema.types.object_event import ResyncReason
from gateway.subscriptions.subscriber import BufferLimits, Subscriber, SubscriberState
from tests.subscriptions.follower import FollowedDemo, decode_event, follow_demo, kinds_or_reasons
from tests.support.time_limits import wait_until

UPDATE_RESOURCE = "update marketplace_resource set name = name || 'x' where id = 1"
SHORT_NAME = "update marketplace_resource set name = 'short' where id = 1"
MAX_MESSAGES = 10


@pytest_asyncio.fixture(loop_scope="session")
async def demo(url: str) -> AsyncIterator[FollowedDemo]:
    """Yield a demo whose subscribers have small buffers."""
    async with follow_demo(url, subscriber_queue=str(MAX_MESSAGES)) as followed_demo:
        followed_demo.execute_sql(SHORT_NAME)
        await followed_demo.wait_until_delivered()
        yield followed_demo


class StalledClient:
    """A subscriber from which nothing is taken, except by the test."""

    subscriber: Subscriber

    def __init__(self) -> None:
        self.wake_count = 0

    async def start_subscription(
        self, demo: FollowedDemo, after: str | None = None
    ) -> "StalledClient":
        """Start a subscription of staff."""
        self.subscriber = await demo.subscription_registry.start_subscription(
            demo.parse_subscription(), await demo.load_viewer("staff"), "staff", self._wake, after
        )
        return self

    def _wake(self, _subscriber: Subscriber) -> None:
        self.wake_count += 1

    def take_kinds(self, max_messages: int = 1000) -> list[str]:
        """Take messages; return the kinds of the events, and the reasons of resyncs."""
        messages = self.subscriber.take_messages(max_messages)
        return kinds_or_reasons([decode_event(each.payload) for each in messages])


async def update_resource(demo: FollowedDemo, count: int = 1) -> None:
    """Cause events, and wait until they are delivered."""
    for _ in range(count):
        demo.execute_sql(UPDATE_RESOURCE)
    await demo.wait_until_delivered()


async def test_full_buffer_is_replaced_by_one_recent_resync(demo: FollowedDemo) -> None:
    client = await StalledClient().start_subscription(demo)
    subscriber = client.subscriber
    assert subscriber.state is SubscriberState.LIVE
    await update_resource(demo, MAX_MESSAGES)
    assert (subscriber.state, subscriber.message_count) == (SubscriberState.LIVE, MAX_MESSAGES)
    await update_resource(demo, MAX_MESSAGES)
    assert (subscriber.state, subscriber.message_count) == (SubscriberState.RESYNC, 1)
    assert (client.wake_count, demo.hub.overflow_count) == (1, 1)
    ((message,), cursor) = subscriber.take_messages(1000), demo.current_cursor()
    event = decode_event(message.payload)
    assert (event["reason"], event["cursor"], message.cursor) == ("TOO_SLOW", cursor, cursor)
    assert subscriber.state is SubscriberState.LIVE
    await update_resource(demo, 2)
    assert (client.take_kinds(), client.wake_count) == (["UPDATED"] * 2, 2)
    subscriber.end_subscription()


async def test_events_are_not_built_for_clients_that_read_nothing(demo: FollowedDemo) -> None:
    client = await StalledClient().start_subscription(demo)
    await update_resource(demo, MAX_MESSAGES + 1)
    assert client.subscriber.state is SubscriberState.RESYNC
    execution_count = demo.service._executor.execution_counts.total()
    await update_resource(demo, MAX_MESSAGES)
    assert demo.service._executor.execution_counts.total() == execution_count
    assert client.take_kinds() == ["TOO_SLOW"]
    client.subscriber.end_subscription()


async def test_one_message_may_be_longer_than_the_buffer(demo: FollowedDemo) -> None:
    demo.hub.buffer_limits = BufferLimits(MAX_MESSAGES, 1)
    client = await StalledClient().start_subscription(demo)
    await update_resource(demo)
    assert client.take_kinds() == ["UPDATED"]
    client.subscriber.end_subscription()


async def test_drained_buffer_wakes_again(demo: FollowedDemo) -> None:
    client = await StalledClient().start_subscription(demo)
    await update_resource(demo, 3)
    assert (client.take_kinds(2), client.wake_count) == (["UPDATED"] * 2, 1)
    await update_resource(demo)
    assert (client.take_kinds(2), client.wake_count) == (["UPDATED"] * 2, 1)
    await update_resource(demo)
    assert (client.take_kinds(2), client.wake_count) == (["UPDATED"], 2)
    client.subscriber.end_subscription()


@pytest.mark.parametrize("kept_count", [1, 3])
async def test_buffer_is_bounded_by_bytes(demo: FollowedDemo, kept_count: int) -> None:
    measured_client = await StalledClient().start_subscription(demo)
    await update_resource(demo)
    (message,) = measured_client.subscriber.take_messages(1000)
    measured_client.subscriber.end_subscription()
    max_bytes = int((kept_count + 0.5) * len(message.payload))
    demo.hub.buffer_limits = BufferLimits(MAX_MESSAGES, max_bytes)
    client = await StalledClient().start_subscription(demo)
    for number in range(kept_count):
        await update_resource(demo)
        assert client.subscriber.message_count == number + 1
    await update_resource(demo)
    assert client.take_kinds() == ["TOO_SLOW"]
    await update_resource(demo)
    assert client.take_kinds() == ["UPDATED"]
    client.subscriber.end_subscription()


@pytest.mark.parametrize("max_bytes", [1, 1000, 1_000_000])
async def test_missed_events_wait_for_space(demo: FollowedDemo, max_bytes: int) -> None:
    demo.hub.buffer_limits = BufferLimits(MAX_MESSAGES, max_bytes)
    cursor = demo.current_cursor()
    await update_resource(demo, 4 * MAX_MESSAGES)
    client = await StalledClient().start_subscription(demo, cursor)
    kinds: list[str] = []
    while len(kinds) < 4 * MAX_MESSAGES:
        assert client.subscriber.state is SubscriberState.CATCHING_UP
        await wait_until(lambda: client.subscriber.message_count > 0)
        assert client.subscriber.message_count <= MAX_MESSAGES // 2
        kinds += client.take_kinds()
    await update_resource(demo)
    assert kinds + client.take_kinds() == ["UPDATED"] * (4 * MAX_MESSAGES + 1)
    assert client.subscriber.state is SubscriberState.LIVE
    client.subscriber.end_subscription()


async def test_interruption_ends_catching_up(demo: FollowedDemo) -> None:
    cursor = demo.current_cursor()
    await update_resource(demo, 2 * MAX_MESSAGES)
    client = await StalledClient().start_subscription(demo, cursor)
    await wait_until(lambda: client.subscriber.message_count == MAX_MESSAGES // 2)
    (group,) = demo.hub.groups.values()
    group.drop_events(demo.hub.source.position, ResyncReason.INTERRUPTED)
    assert client.subscriber.state is SubscriberState.RESYNC
    assert client.take_kinds(MAX_MESSAGES // 2) == ["UPDATED"] * (MAX_MESSAGES // 2)
    assert client.subscriber.state is SubscriberState.RESYNC
    assert client.take_kinds() == ["INTERRUPTED"]
    await update_resource(demo)
    assert client.take_kinds() == ["UPDATED"]
    client.subscriber.end_subscription()


async def test_resync_survives_a_change_of_roles(demo: FollowedDemo) -> None:
    client = await StalledClient().start_subscription(demo)
    await update_resource(demo, MAX_MESSAGES + 1)
    client.subscriber.viewer_changed(await demo.load_viewer("support"))
    assert client.subscriber.state is SubscriberState.RESYNC
    assert client.take_kinds() == ["TOO_SLOW"]
    await update_resource(demo)
    assert client.take_kinds() == ["UPDATED"]
    client.subscriber.end_subscription()


@pytest.mark.parametrize("event_count", [0, 1, MAX_MESSAGES + 1])
async def test_ended_subscription_has_no_group_and_no_messages(
    demo: FollowedDemo, event_count: int
) -> None:
    client = await StalledClient().start_subscription(demo)
    await update_resource(demo, event_count)
    client.subscriber.end_subscription()
    client.subscriber.viewer_changed(await demo.load_viewer("support"))
    assert client.subscriber.state is SubscriberState.CLOSED
    assert (client.take_kinds(), client.subscriber.message_count) == ([], 0)
    assert (demo.hub.groups, demo.subscription_registry.quota.count) == ({}, 0)
