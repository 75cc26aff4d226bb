"""Permissions and states of approving, rejecting and cancelling orders (domain.md §4.11, §6.4)."""

from collections.abc import AsyncIterator
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
USERNAMES = ("staff", "support", "owner", "manager", "admin", "member", "reader", "nobody")


class ReviewCase(NamedTuple):
    """The users and states that a review of an order of the owner's organisation is allowed for."""

    payload_type: str
    permitted_usernames: tuple[str, ...]
    allowed_states: tuple[str, ...]


REVIEW_CASES = {
    "approveOrder": ReviewCase(
        "OrderApproved", ("staff", "owner"), ("PENDING_CONSUMER", "PENDING_PROVIDER")
    ),
    "rejectOrder": ReviewCase(
        "OrderRejected",
        ("staff", "owner"),
        ("PENDING_CONSUMER", "PENDING_PROVIDER", "PENDING_PROJECT", "PENDING_START_DATE"),
    ),
    "cancelOrder": ReviewCase(
        "OrderCanceled",
        ("staff", "owner", "manager", "admin"),
        (
            "PENDING_CONSUMER",
            "PENDING_PROVIDER",
            "PENDING_PROJECT",
            "PENDING_START_DATE",
            "EXECUTING",
        ),
    ),
}
ORDER_SQL = """
select o.uuid, o.id from marketplace_order o join marketplace_resource r on r.id = o.resource_id
join marketplace_offering f on f.id = o.offering_id and f.type = 'Marketplace.Basic'
where r.uuid = any(%s::uuid[]) and o.type = 2 and f.customer_id not in (
    select object_id from permissions_userrole u join core_user c on c.id = u.user_id
    where c.username = 'owner') order by o.id limit 1
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
    return uuid.hex, order_id


def expected_review_typename(
    case: ReviewCase, field: str, username: str, state: str, *, is_visible: bool
) -> str:
    """Return the type of the expected result."""
    if not is_visible:
        return "NotFound"
    if username not in case.permitted_usernames:
        return "NotPermitted"
    if state not in case.allowed_states:
        return "WrongState"
    waits_for_provider = field == "approveOrder" and state == "PENDING_PROVIDER"
    return "NotPermitted" if waits_for_provider and username != "staff" else case.payload_type


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
                case, field, username, state, is_visible=is_visible
            )
    assert results == expected
    assert case.payload_type in results.values()
