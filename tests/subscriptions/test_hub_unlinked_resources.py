"""Subscribers of a resource that is unlinked, and of its orders, receive the event DELETED."""

from typing import Any

from gateway.marketplace.requester import Requester
from tests.subscriptions.follower import (
    ORDER_CHANGED_DOCUMENT,
    FollowedDemo,
    kinds_or_reasons,
)

UNLINK_MUTATION = """mutation ($uuid: UUID!) {
    unlinkResource(input: { uuid: $uuid }) { __typename }
}"""


async def test_subscribers_of_an_unlinked_resource_learn_that_it_is_deleted(
    demo: FollowedDemo,
) -> None:
    uuid = demo.fetch_uuid("marketplace_resource", 1)
    ((order_count,),) = demo.execute_sql(
        "select count(*) from marketplace_order where resource_id = 1"
    )
    assert order_count
    filter_by_resource: dict[str, Any] = {"filter": {"resource": uuid}}
    follower = await demo.start_following("owner", filter={"uuids": [uuid]})
    order_follower = await demo.start_following(
        "owner", ORDER_CHANGED_DOCUMENT, **filter_by_resource
    )
    context = demo.service._components.create_context(Requester(await demo.load_viewer("staff")))
    response = await demo.execute_query(UNLINK_MUTATION, context, uuid=uuid)
    assert response["data"] == {"unlinkResource": {"__typename": "ResourceUnlinked"}}
    events, order_events = await demo.take_events(follower, order_follower)
    assert [(each["kind"], each["uuid"], each["resource"]) for each in events] == [
        ("DELETED", uuid, None)
    ]
    assert kinds_or_reasons(order_events) == ["DELETED"] * order_count
    follower.end_subscription()
    order_follower.end_subscription()
