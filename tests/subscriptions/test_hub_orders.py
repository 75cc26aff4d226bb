"""Events of orders: who receives which, compared with the oracle (domain.md §4.9)."""

import psycopg
import pytest

from gateway.subscriptions.subscriber import Subscriber
from tests.subscriptions.follower import (
    ORDER_CHANGED_DOCUMENT,
    FollowedDemo,
    kinds_or_reasons,
)
from tests.support.marketplaces import LOCAL_ADDRESS
from tests.support.oracle import Oracle, OracleViewer
from tests.support.visibility.viewer_scenes import DEMO_USERNAMES

USERNAMES = tuple(each for each in DEMO_USERNAMES if each not in ("expired", "revoked"))
"""All users of the demo who have a valid token, and the anonymous viewer."""
UPDATE_ORDERS = "update marketplace_order set output = left(output, 40) || 'x'"
CYCLE_RESOURCE_STATE = "update marketplace_resource set state = state % 6 + 1"
CYCLE_STATES = "update marketplace_order set state = state % 6 + 1"
SAVE_PLACES = """
create temporary table earlier_place as select id, project_id, offering_id from marketplace_order
"""
MOVE_ORDERS = """
update marketplace_order o set
    project_id = (select p.id from structure_project p where p.id > o.project_id % {projects}
        order by p.id limit 1),
    offering_id = (select f.id from marketplace_offering f where f.id > o.offering_id % {offerings}
        order by f.id limit 1)
"""
MOVE_BACK = """
update marketplace_order o set project_id = p.project_id, offering_id = p.offering_id
from earlier_place p where p.id = o.id;
drop table earlier_place
"""
MOVE_PROJECTS = (
    "update structure_project set customer_id = (select min(id) from structure_customer)"
)
DELETE_ORDERS = """
create temporary table deleted_order as select * from marketplace_order;
delete from marketplace_order
"""
INSERT_ORDERS = """
insert into marketplace_order overriding system value select * from deleted_order;
drop table deleted_order
"""
MAKE_PENDING = """
update marketplace_order set state = 1 where id = (
    select min(o.id) from marketplace_order o
    join marketplace_offering f on f.id = o.offering_id and f.type = 'Marketplace.Basic'
    where o.type = 2
) returning uuid
"""
CANCEL_ORDER = """
mutation($uuid: UUID!) { cancelOrder(input: { uuid: $uuid }) {
    ... on OrderCanceled { order { state } } ... on Problem { message }
} }
"""
PLACE_SHIFTS = ((7, 5), (20, 1), (3, 11))
VisibleUuids = dict[str | None, set[str]]


def load_visible_uuids(url: str) -> VisibleUuids:
    """Return the uuids of the orders that each user may list, by the oracle."""
    with psycopg.connect(url) as connection:
        oracle = Oracle(connection, 2026)
        viewers = {
            each: oracle.find_viewer(each, LOCAL_ADDRESS) if each else OracleViewer(None)
            for each in USERNAMES
        }
        return {
            each: {str(uuid).replace("-", "") for uuid in oracle.visible_uuids("order", viewer)}
            for each, viewer in viewers.items()
        }


async def follow_orders(demo: FollowedDemo) -> list[Subscriber]:
    """Start a subscription of each user, after all earlier events."""
    await demo.wait_until_delivered()
    return [await demo.start_following(each, ORDER_CHANGED_DOCUMENT) for each in USERNAMES]


async def take_kinds(
    demo: FollowedDemo, followers: list[Subscriber]
) -> dict[str | None, dict[str, str]]:
    """Return the kind of each order's event, by user."""
    events_by_follower = await demo.take_events(*followers)
    for events in events_by_follower:
        assert len({each["uuid"] for each in events}) == len(events)
        for each in events:
            is_gone = each["kind"] in {"HIDDEN", "DELETED"}
            assert each["order"] == (None if is_gone else {"uuid": each["uuid"]})
            assert (each["state"] is None) == is_gone
            assert bool(each["changedFields"]) == (each["kind"] in {"UPDATED", "STATE_CHANGED"})
    return {
        username: {each["uuid"]: each["kind"] for each in events}
        for username, events in zip(USERNAMES, events_by_follower, strict=True)
    }


def expect_kinds(before: set[str], after: set[str], changed_kind: str) -> dict[str, str]:
    """Return the kinds of events for a user who sees these orders before and after a change."""
    return {
        uuid: "HIDDEN" if uuid not in after else "CREATED" if uuid not in before else changed_kind
        for uuid in before | after
    }


@pytest.mark.parametrize(
    ("change", "kind"), [(UPDATE_ORDERS, "UPDATED"), (CYCLE_STATES, "STATE_CHANGED")]
)
async def test_changes_reach_those_who_may_list_the_order(
    demo: FollowedDemo, url: str, change: str, kind: str
) -> None:
    visible_uuids = load_visible_uuids(url)
    consumers, providers = visible_uuids["owner"], visible_uuids["provider"]
    assert consumers - providers
    assert providers - consumers
    assert visible_uuids["member"] == visible_uuids["nobody"] == visible_uuids[None] == set()
    followers = await follow_orders(demo)
    demo.execute_sql(change)
    assert await take_kinds(demo, followers) == {
        username: dict.fromkeys(uuids, kind) for username, uuids in visible_uuids.items()
    }
    for each in followers:
        each.end_subscription()


async def test_moves_agree_with_the_rule_before_and_after(demo: FollowedDemo, url: str) -> None:
    followers, kinds_of_all = await follow_orders(demo), set[str]()
    demo.execute_sql(SAVE_PLACES)
    uuids_before = load_visible_uuids(url)
    for projects, offerings in PLACE_SHIFTS:
        demo.execute_sql(MOVE_ORDERS.format(projects=projects, offerings=offerings))
        uuids_after = load_visible_uuids(url)
        kinds_by_user = await take_kinds(demo, followers)
        unmoved = {*kinds_by_user["staff"]} ^ uuids_before["staff"]
        for username in USERNAMES:
            expected = expect_kinds(uuids_before[username], uuids_after[username], "UPDATED")
            assert kinds_by_user[username] == {
                uuid: kind for uuid, kind in expected.items() if uuid not in unmoved
            }, username
            kinds_of_all |= {*kinds_by_user[username].values()}
        uuids_before = uuids_after
    demo.execute_sql(MOVE_BACK)
    assert kinds_of_all == {"CREATED", "UPDATED", "HIDDEN"}
    for each in followers:
        each.end_subscription()


async def test_a_project_of_another_customer_is_not_an_event(demo: FollowedDemo) -> None:
    followers = await follow_orders(demo)
    customers = demo.execute_sql("select id, customer_id from structure_project")
    demo.execute_sql(
        "update structure_project set customer_id = (select min(id) from structure_customer)"
    )
    assert [events for events in await demo.take_events(*followers) if events] == []
    for id_, customer_id in customers:
        demo.execute_sql(
            "update structure_project set customer_id = %s where id = %s", customer_id, id_
        )
    for each in followers:
        each.end_subscription()


async def test_resources_and_orders_have_cursors_of_one_feed(demo: FollowedDemo) -> None:
    """Check that a cursor of one subscription continues the other."""
    await demo.wait_until_delivered()
    resource_follower = await demo.start_following()
    order_follower = await demo.start_following("staff", ORDER_CHANGED_DOCUMENT)
    uuids: list[str] = []
    for id_ in (1, 2, 3):
        for table in ("resource", "order"):
            demo.execute_sql(
                f"update marketplace_{table} set state = state % 6 + 1 where id = {id_}"
            )
        uuids.append(demo.fetch_uuid("marketplace_order", id_))
    resource_events, order_events = await demo.take_events(resource_follower, order_follower)
    assert [each["uuid"] for each in order_events] == uuids
    assert kinds_or_reasons(resource_events) == ["STATE_CHANGED"] * 3
    late_follower = await demo.start_following(
        "staff", ORDER_CHANGED_DOCUMENT, after=resource_events[0]["cursor"]
    )
    assert await demo.take_events(late_follower) == [order_events]
    late_resource_follower = await demo.start_following(after=order_events[0]["cursor"])
    assert await demo.take_events(late_resource_follower) == [resource_events[1:]]
    for each in (resource_follower, order_follower, late_follower, late_resource_follower):
        each.end_subscription()


async def test_deleted_and_new_orders_reach_those_who_may_list_them(
    demo: FollowedDemo, url: str
) -> None:
    visible_uuids = load_visible_uuids(url)
    followers = await follow_orders(demo)
    demo.execute_sql(DELETE_ORDERS)
    assert await take_kinds(demo, followers) == {
        username: dict.fromkeys(uuids, "DELETED") for username, uuids in visible_uuids.items()
    }
    demo.execute_sql(INSERT_ORDERS)
    assert await take_kinds(demo, followers) == {
        username: dict.fromkeys(uuids, "CREATED") for username, uuids in visible_uuids.items()
    }
    for each in followers:
        each.end_subscription()


async def test_a_mutation_has_events(demo: FollowedDemo) -> None:
    ((uuid,),) = demo.execute_sql(MAKE_PENDING)
    await demo.wait_until_delivered()
    follower = await demo.start_following("staff", ORDER_CHANGED_DOCUMENT)
    data = await demo.query_data(CANCEL_ORDER, await demo.load_viewer("staff"), uuid=uuid.hex)
    assert data == {"cancelOrder": {"order": {"state": "CANCELED"}}}
    events = (await demo.take_events(follower))[0]
    assert [each["uuid"] for each in events] == [uuid.hex] * len(events)
    assert (events[0]["previousState"], events[-1]["state"]) == ("PENDING_CONSUMER", "CANCELED")
    assert "state" in events[0]["changedFields"]
    follower.end_subscription()
