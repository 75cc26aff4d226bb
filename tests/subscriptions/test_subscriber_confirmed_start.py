"""The confirmation of a start: the first message, from whose cursor a client can continue."""

from typing import Any

import pytest

from gateway.schema.framework.event_cursors import encode_event_cursor
from gateway.subscriptions.subscriber import Subscriber
from tests.subscriptions.follower import FollowedDemo

CONFIRMED_DOCUMENT = """subscription($after: String, $confirmStart: Boolean! = true) {
    resourceChanged(after: $after, confirmStart: $confirmStart) {
        __typename
        ... on ResourceEvent { uuid cursor }
        ... on ResyncRequired { reason cursor }
        ... on SubscriptionStarted { cursor }
    }
}"""
RENAME_RESOURCE = "update marketplace_resource set name = name || '!' where id = %s"


async def start_confirmed(demo: FollowedDemo, **variables: Any) -> Subscriber:
    """Start a subscription as staff, by default with a confirmation."""
    return await demo.start_following("staff", CONFIRMED_DOCUMENT, **variables)


async def test_confirmation_is_the_first_message(demo: FollowedDemo) -> None:
    subscriber = await start_confirmed(demo)
    first_cursor = demo.current_cursor()
    demo.execute_sql(RENAME_RESOURCE, 1)
    ((first, event),) = await demo.take_events(subscriber)
    assert first == {"__typename": "SubscriptionStarted", "cursor": first_cursor}
    assert event["uuid"] == demo.fetch_uuid("marketplace_resource", 1)
    subscriber.end_subscription()


async def test_client_without_an_event_continues_after_the_confirmation(
    demo: FollowedDemo,
) -> None:
    subscriber = await start_confirmed(demo)
    ((confirmation,),) = await demo.take_events(subscriber)
    subscriber.end_subscription()
    for resource_id in (1, 2):
        demo.execute_sql(RENAME_RESOURCE, resource_id)
    subscriber = await start_confirmed(demo, after=confirmation["cursor"])
    ((first, *events),) = await demo.take_events(subscriber)
    assert first == confirmation
    assert [each["uuid"] for each in events] == [
        demo.fetch_uuid("marketplace_resource", resource_id) for resource_id in (1, 2)
    ]
    subscriber.end_subscription()


async def test_confirmation_precedes_the_resync_of_an_unknown_cursor(demo: FollowedDemo) -> None:
    cursor = encode_event_cursor("elsewhere", demo.hub.source.position)
    subscriber = await start_confirmed(demo, after=cursor)
    (messages,) = await demo.take_events(subscriber)
    assert [each["__typename"] for each in messages] == ["SubscriptionStarted", "ResyncRequired"]
    subscriber.end_subscription()


@pytest.mark.parametrize("document", [CONFIRMED_DOCUMENT.replace("! = true", "! = false"), None])
async def test_start_is_not_confirmed_by_default(demo: FollowedDemo, document: str | None) -> None:
    subscriber = await demo.start_following(*(["staff", document] if document else ["staff"]))
    assert await demo.take_events(subscriber) == [[]]
    subscriber.end_subscription()


async def test_other_roles_are_not_confirmed(demo: FollowedDemo) -> None:
    subscriber = await start_confirmed(demo)
    await demo.take_events(subscriber)
    subscriber.viewer_changed(await demo.load_viewer("member"))
    assert await demo.take_events(subscriber) == [[]]
    subscriber.end_subscription()


async def test_the_confirmation_does_not_divide_groups(demo: FollowedDemo) -> None:
    subscribers = [await start_confirmed(demo, confirmStart=each) for each in (True, False)]
    assert len(demo.hub.groups) == 1
    demo.execute_sql(RENAME_RESOURCE, 1)
    messages, other_messages = await demo.take_events(*subscribers)
    assert messages[1:] == other_messages
    for subscriber in subscribers:
        subscriber.end_subscription()
