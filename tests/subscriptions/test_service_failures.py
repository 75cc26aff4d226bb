"""Failures of events, cursors and sessions: resyncs, and no effect on other subscribers."""

import asyncio
from random import Random

import pytest

from gateway.auth.errors import RefusedCredentialsError
from gateway.db.access.credentials import Credentials
from gateway.db.access.viewer import Viewer
from gateway.schema.framework.event_cursors import encode_event_cursor
from gateway.schema.types.object_event import ResyncReason
from gateway.subscriptions.session_monitor import SessionMonitor
from gateway.subscriptions.subscriber import Subscriber
from tests.subscriptions.follower import FollowedDemo, kinds_or_reasons
from tests.support.marketplaces import LOCAL_ADDRESS

UPDATE_RESOURCE = "update marketplace_resource set name = name || 'x' where id = 1"
INSERT_UNKNOWN_EVENT = """
insert into gateway.marketplace_event
    (object_type, object_uuid, kind, row_before, row_after, changed)
select 'resource', uuid::text, 'PAINTED', to_jsonb(r), to_jsonb(r), '{name}'
from marketplace_resource r where id = 1
"""
"""Insert an event of an unknown kind."""


class RecordingSession:
    """A session that records its notifications, and raises an error if it `fails`."""

    def __init__(self, *, fails: bool = False) -> None:
        self.notifications: list[Viewer | RefusedCredentialsError] = []
        self._fails = fails

    def viewer_changed(self, viewer: Viewer) -> None:
        """Record the viewer."""
        self._record(viewer)

    def begin_drain(self) -> None:
        """Do nothing."""

    def revoked(self, error: RefusedCredentialsError) -> None:
        """Record the error."""
        self._record(error)

    def _record(self, notification: Viewer | RefusedCredentialsError) -> None:
        self.notifications.append(notification)
        if self._fails:
            raise ValueError


async def test_members_of_a_group_get_no_request_id_of_a_client(demo: FollowedDemo) -> None:
    await demo.start_following()
    (group,) = demo.hub.groups.values()
    subscription = group.subscription
    assert subscription.graphql_request.request_id.startswith("group-")
    assert subscription.object_query is not None
    request_id = subscription.object_query.graphql_request.request_id
    assert request_id == subscription.graphql_request.request_id


async def test_unreadable_events_require_resync(demo: FollowedDemo) -> None:
    cursor = demo.current_cursor()
    staff_follower = await demo.start_following()
    member_follower = await demo.start_following("member")
    demo.execute_sql(UPDATE_RESOURCE)
    await demo.wait_until_delivered()
    demo.execute_sql(INSERT_UNKNOWN_EVENT)
    await demo.wait_until_delivered()
    demo.execute_sql(UPDATE_RESOURCE)
    for events in await demo.take_events(staff_follower, member_follower):
        assert kinds_or_reasons(events) == ["UPDATED", "INTERRUPTED", "UPDATED"]
    late_follower = await demo.start_following(after=cursor)
    demo.execute_sql(UPDATE_RESOURCE)
    assert kinds_or_reasons((await demo.take_events(late_follower))[0]) == [
        "INTERRUPTED",
        "UPDATED",
    ]
    for follower in (staff_follower, member_follower, late_follower):
        follower.end_subscription()


@pytest.mark.parametrize("offset", [(10**4, 0), (10**9, 0)])  # beyond other tests' transactions
async def test_future_cursor_is_unknown(demo: FollowedDemo, offset: tuple[int, int]) -> None:
    xid, event_id = demo.hub.source.position
    cursor = encode_event_cursor(
        demo.hub.source.source_name, (xid + offset[0], event_id + offset[1])
    )
    subscriber = await demo.start_following(after=cursor)
    demo.execute_sql(UPDATE_RESOURCE)
    ((first, *later_events),) = await demo.take_events(subscriber)
    assert first["reason"] == ResyncReason.CURSOR_UNKNOWN.value
    assert kinds_or_reasons(later_events) == ["UPDATED"]
    subscriber.end_subscription()


async def test_a_cursor_of_another_source_is_unknown(demo: FollowedDemo) -> None:
    subscriber = await demo.start_following(
        after=encode_event_cursor("elsewhere", demo.hub.source.position)
    )
    demo.execute_sql(UPDATE_RESOURCE)
    ((first, *later_events),) = await demo.take_events(subscriber)
    assert (first["reason"], kinds_or_reasons(later_events)) == (
        ResyncReason.CURSOR_UNKNOWN.value,
        ["UPDATED"],
    )
    subscriber.end_subscription()


async def test_failed_start_frees_its_quota_slot(demo: FollowedDemo) -> None:
    def fail_to_wake(_subscriber: Subscriber) -> None:
        raise ValueError

    cursor = encode_event_cursor("elsewhere", demo.hub.source.position)
    subscription, viewer = demo.parse_subscription(), await demo.load_viewer("staff")
    registry, used_slots = demo.subscription_registry, demo.subscription_registry.quota.count
    with pytest.raises(ValueError, match=r"^$") as caught:  # its traceback keeps all objects alive
        await registry.start_subscription(subscription, viewer, "staff", fail_to_wake, cursor)
    assert registry.quota.count == used_slots, caught


async def test_reconnecting_subscriber_receives_each_event_once(
    demo: FollowedDemo,
) -> None:
    """Join, leave and change the group at random times, during bursts of events."""
    random, viewer = Random(6), await demo.load_viewer("staff")
    cursor, received_messages, subscriber = demo.current_cursor(), [], None
    initial_count = demo.execute_sql("select count(*) from gateway.marketplace_event")[0][0]
    steady_subscriber = await demo.start_following(viewer)
    for turn in range(60):
        for _ in range(random.choice([0, 1, 1, 5])):
            demo.execute_sql(UPDATE_RESOURCE)
        if random.random() < 0.5:
            await asyncio.sleep(random.choice([0, 0.001, 0.02]))
        subscriber = subscriber or await demo.start_following(viewer, after=cursor)
        subscriber.viewer_changed(await demo.load_viewer(random.choice(["staff", "support"])))
        if turn % 3 == 0:
            messages = demo.take_messages(subscriber, 3)
            received_messages += messages
            cursor = messages[-1].cursor if messages else cursor
            subscriber.end_subscription()
            subscriber = None
    subscriber = subscriber or await demo.start_following(viewer, after=cursor)
    await demo.wait_until_delivered()
    await asyncio.sleep(0.2)
    received_messages += demo.take_messages(subscriber)
    expected_cursors = [each.cursor for each in demo.take_messages(steady_subscriber)]
    final_count = demo.execute_sql("select count(*) from gateway.marketplace_event")[0][0]
    assert [each.cursor for each in received_messages] == expected_cursors
    assert len(expected_cursors) == final_count - initial_count > 50
    subscriber.end_subscription()
    steady_subscriber.end_subscription()


async def test_failing_session_does_not_affect_others(demo: FollowedDemo) -> None:
    viewer_cache = demo.service._components.viewer_cache
    session_monitor = SessionMonitor(viewer_cache, interval_seconds=0.05)
    credentials = Credentials(demo.tokens["member"], LOCAL_ADDRESS)
    failing_session, working_session = RecordingSession(fails=True), RecordingSession()
    for session in (failing_session, working_session):
        await session_monitor.add_session(session, credentials)
    monitor_task = asyncio.create_task(session_monitor.run_checks())
    await asyncio.sleep(0.5)
    monitor_task.cancel()
    assert len(failing_session.notifications) >= 2
    assert len(working_session.notifications) >= 2
