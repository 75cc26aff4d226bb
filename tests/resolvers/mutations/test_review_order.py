"""Permissions and states of approving, rejecting and cancelling orders (domain.md §4.11, §6.4)."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import NamedTuple

import pytest
import pytest_asyncio

from tests.conftest import DatabaseFactory
from tests.support.mutable_demo import MutableDemo, serve_mutable_demo

ORDER_STATES = {
    "PENDING_CONSUMER": 1,
    "EXECUTING": 2,
    "DONE": 3,
    "ERRED": 4,
    "CANCELED": 5,
    "REJECTED": 6,
    "PENDING_PROVIDER": 7,
    "PENDING_PROJECT": 8,
    "PENDING_START_DATE": 9,
}
USERNAMES = (
    "staff",
    "support",
    "owner",
    "manager",
    "admin",
    "member",
    "reader",
    "nobody",
    "provider",
)


class ReviewCase(NamedTuple):
    """The states of an order of the owner's organisation in which users can review it."""

    payload_type: str
    states_by_username: Mapping[str, Sequence[str]]
    """The states by name of the users who have the permission on a side, or on both."""


REVIEW_STATES = {
    "staff": ("PENDING_CONSUMER", "PENDING_PROVIDER"),
    "owner": ("PENDING_CONSUMER",),
    "provider": ("PENDING_PROVIDER",),
}
CANCELABLE_STATES = ("PENDING_CONSUMER", "PENDING_PROVIDER", "EXECUTING")
REVIEW_CASES = {
    "approveOrder": ReviewCase("OrderApproved", REVIEW_STATES),
    "rejectOrder": ReviewCase("OrderRejected", REVIEW_STATES),
    "cancelOrder": ReviewCase(
        "OrderCanceled",
        dict.fromkeys(("staff", "owner", "manager", "admin"), CANCELABLE_STATES),
    ),
}
ORDER_SQL = """
select o.uuid, o.id from marketplace_order o join marketplace_resource r on r.id = o.resource_id
join marketplace_offering f on f.id = o.offering_id and f.type = 'Marketplace.Basic'
where r.uuid = any(%s::uuid[]) and o.type = 2 and f.customer_id not in (
    select object_id from permissions_userrole u join core_user c on c.id = u.user_id
    where c.username = 'owner') order by o.id limit 1
"""
UNREVIEWED_SQL = """
update marketplace_order set state = %s, consumer_reviewed_by_id = null,
    provider_reviewed_by_id = null, consumer_rejection_comment = '',
    provider_rejection_comment = '',
    created_by_id = (select id from core_user where username = 'manager')
where id = %s
"""
REJECTION_SQL = """
select o.consumer_rejection_comment, o.provider_rejection_comment, c.username, p.username
from marketplace_order o left join core_user c on c.id = o.consumer_reviewed_by_id
left join core_user p on p.id = o.provider_reviewed_by_id where o.id = %s
"""
PROVIDER_SQL = """
update marketplace_offering set customer_id = (
    select u.object_id from permissions_userrole u join permissions_role r on r.id = u.role_id
    join core_user c on c.id = u.user_id where c.username = 'provider' and r.name = 'CUSTOMER.OWNER'
    limit 1)
where id = (select offering_id from marketplace_order where id = %s)
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: DatabaseFactory) -> AsyncIterator[MutableDemo]:
    """Yield a demo that the tests change."""
    async with serve_mutable_demo(new_database(), 600) as mutable_demo:
        yield mutable_demo


async def find_order(demo: MutableDemo) -> tuple[str, int]:
    """Return the uuid and primary key of an order visible to the manager and the administrator."""
    query = "{ resources(first: 300) { nodes { uuid } } }"
    visible_uuids = [
        {
            each["uuid"]
            for each in (await demo.client.execute_query(query, username))["data"]["resources"][
                "nodes"
            ]
        }
        for username in ("manager", "admin", "owner")
    ]
    ((uuid, order_id),) = demo.run_sql(ORDER_SQL, [*set.intersection(*visible_uuids)])
    demo.run_sql(PROVIDER_SQL, order_id)
    return uuid.hex, order_id


def expected_review_typename(
    case: ReviewCase, username: str, state: str, *, is_visible: bool
) -> str:
    """Return the type of the expected result."""
    if not is_visible:
        return "NotFound"
    if username not in case.states_by_username:
        return "NotPermitted"
    return case.payload_type if state in case.states_by_username[username] else "WrongState"


@pytest.mark.parametrize("field", REVIEW_CASES)
async def test_reviews_match_the_permission_table(demo: MutableDemo, field: str) -> None:
    case, (uuid, order_id) = REVIEW_CASES[field], await find_order(demo)
    demo.run_sql("update marketplace_order set created_by_id = 1 where id = %s", order_id)
    query = "query ($uuid: UUID!) { order(uuid: $uuid) { uuid } }"
    expected, results = {}, {}
    for state, number in ORDER_STATES.items():
        for username in USERNAMES:
            demo.run_sql("update marketplace_order set state = %s where id = %s", number, order_id)
            is_visible = (await demo.client.execute_query(query, username, uuid=uuid))["data"][
                "order"
            ] is not None
            result = await demo.run_mutation(field, username, uuid=uuid)
            results[state, username] = result["__typename"]
            expected[state, username] = expected_review_typename(
                case, username, state, is_visible=is_visible
            )
            if result["__typename"] == "WrongState":
                assert (result["state"], {*result["allowed"]}) == (
                    state,
                    {*case.states_by_username[username]},
                )
    assert results == expected
    permitted_usernames = {
        username for (_, username), type_ in results.items() if type_ == case.payload_type
    }
    assert permitted_usernames == {*case.states_by_username}


@pytest.mark.parametrize("field", REVIEW_CASES)
@pytest.mark.parametrize("state", ["PENDING_CONSUMER", "PENDING_PROVIDER", "DONE"])
async def test_only_users_who_may_review_get_a_conflict(
    demo: MutableDemo, field: str, state: str
) -> None:
    """`ifModified` is compared after the permission and before the state."""
    case, (uuid, order_id) = REVIEW_CASES[field], await find_order(demo)
    demo.run_sql(
        "update marketplace_order set state = %s, created_by_id = 1 where id = %s",
        ORDER_STATES[state],
        order_id,
    )
    arguments = {"uuid": uuid, "ifModified": "2001-01-01T00:00:00Z"}
    for username in ("staff", "owner", "manager", "admin", "provider"):
        result = await demo.run_mutation(field, username, **arguments)
        is_permitted = username in case.states_by_username
        assert result["__typename"] == ("Conflict" if is_permitted else "NotPermitted")


async def prepare_order(demo: MutableDemo, state: str) -> tuple[str, int]:
    """Return an order without reviews that the manager placed."""
    uuid, order_id = await find_order(demo)
    demo.run_sql(UNREVIEWED_SQL, ORDER_STATES[state], order_id)
    return uuid, order_id


async def test_the_user_who_placed_an_order_can_reject_it_for_the_consumer(
    demo: MutableDemo,
) -> None:
    uuid, _ = await prepare_order(demo, "PENDING_PROVIDER")
    result = await demo.run_mutation("rejectOrder", "manager", uuid=uuid)
    assert (result["__typename"], result["allowed"]) == ("WrongState", ["PENDING_CONSUMER"])
    uuid, order_id = await prepare_order(demo, "PENDING_CONSUMER")
    result = await demo.run_mutation("rejectOrder", "manager", uuid=uuid, comment="No.")
    assert result["__typename"] == "OrderRejected"
    assert demo.run_sql(REJECTION_SQL, order_id) == [("No.", "", "manager", None)]


async def test_the_side_that_an_order_waits_for_rejects_it(demo: MutableDemo) -> None:
    uuid, order_id = await prepare_order(demo, "PENDING_PROVIDER")
    result = await demo.run_mutation("rejectOrder", "provider", uuid=uuid, comment="Full.")
    assert result["__typename"] == "OrderRejected"
    assert demo.run_sql(REJECTION_SQL, order_id) == [("", "Full.", None, "provider")]
