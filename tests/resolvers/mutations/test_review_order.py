"""Who can approve, reject and call off an order in which state: domain.md §4.11 and §6.4, as a table."""
# ruff: noqa: E501 - tables

from collections.abc import AsyncIterator
from typing import NamedTuple

import pytest
import pytest_asyncio

from tests.conftest import NewDatabase
from tests.support.mutable_demo import Changing, changing

STATES = {
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
EVERYBODY = ("staff", "support", "owner", "manager", "admin", "member", "reader", "nobody")


class Case(NamedTuple):
    """What becomes of an order of the owner's organisation, which others provide."""

    gives: str
    may: tuple[str, ...]
    states: tuple[str, ...]


CASES = {
    "approveOrder": Case(
        "OrderApproved", ("staff", "owner"), ("PENDING_CONSUMER", "PENDING_PROVIDER")
    ),
    "rejectOrder": Case(
        "OrderRejected",
        ("staff", "owner"),
        ("PENDING_CONSUMER", "PENDING_PROVIDER", "PENDING_PROJECT", "PENDING_START_DATE"),
    ),
    "cancelOrder": Case(
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
ORDER = """
select o.uuid, o.id from marketplace_order o join marketplace_resource r on r.id = o.resource_id
join marketplace_offering f on f.id = o.offering_id and f.type = 'Marketplace.Basic'
where r.uuid = any(%s::uuid[]) and o.type = 2 and f.customer_id not in (
    select object_id from permissions_userrole u join core_user c on c.id = u.user_id
    where c.username = 'owner') order by o.id limit 1
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: NewDatabase) -> AsyncIterator[Changing]:
    """Give a demo that may change."""
    async with changing(new_database(), 600) as made:
        yield made


async def subject(demo: Changing) -> tuple[str, int]:
    """Give an order of a resource that the manager and the administrator see."""
    document = "{ resources(first: 300) { nodes { uuid } } }"
    seen = [
        {
            each["uuid"]
            for each in (await demo.client.ask(document, as_))["data"]["resources"]["nodes"]
        }
        for as_ in ("manager", "admin", "owner")
    ]
    ((uuid, id_),) = demo.sql(ORDER, [*set.intersection(*seen)])
    return uuid.hex, id_


def expected(case: Case, field: str, as_: str, state: str, *, seen: bool) -> str:
    """Give what is to come of it."""
    if not seen:
        return "NotFound"
    if as_ not in case.may:
        return "NotPermitted"
    if state not in case.states:
        return "WrongState"
    waits_for_provider = field == "approveOrder" and state == "PENDING_PROVIDER"
    return "NotPermitted" if waits_for_provider and as_ != "staff" else case.gives


@pytest.mark.parametrize("field", CASES)
async def test_each_may_what_the_table_says(demo: Changing, field: str) -> None:
    case, (uuid, id_) = CASES[field], await subject(demo)
    demo.sql("update marketplace_order set created_by_id = 1 where id = %s", id_)
    look = "query ($uuid: UUID!) { order(uuid: $uuid) { uuid } }"
    wanted, came = {}, {}
    for state, number in STATES.items():
        for as_ in EVERYBODY:
            demo.sql("update marketplace_order set state = %s where id = %s", number, id_)
            seen = (await demo.client.ask(look, as_, uuid=uuid))["data"]["order"] is not None
            found = await demo.change(field, as_, uuid=uuid)
            came[state, as_] = found["__typename"]
            wanted[state, as_] = expected(case, field, as_, state, seen=seen)
    assert came == wanted
    assert case.gives in came.values()
