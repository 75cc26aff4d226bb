"""How each kind of order ends, and what the resource and the log are then: domain.md §6.5 and §7.1, as a table."""
# ruff: noqa: E501 - tables, SQL

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from gateway.demo.marketplace.offers import FAILS
from tests.conftest import NewDatabase
from tests.support.demo_with_provider import Living, living, renewable

CREATE, UPDATE, TERMINATE, RESTORE = 1, 2, 3, 4
CREATING, OK, ERRED, UPDATING, TERMINATING, TERMINATED = 1, 2, 3, 4, 5, 6
WHILE = {CREATE: CREATING, UPDATE: UPDATING, TERMINATE: TERMINATING, RESTORE: CREATING}
"""The state of a resource while an order of it is open."""
NAMES = {CREATE: "create", UPDATE: "update", TERMINATE: "terminate", RESTORE: "restore"}
ENDS = {
    "done": (OK, OK, TERMINATED, OK),
    "erred": (ERRED, ERRED, OK, ERRED),
    "rejected": (TERMINATED, OK, OK, OK),
    "canceled": (TERMINATED, OK, OK, OK),
}
"""The state of a resource by how its order of each kind ended."""
ORDERS = {"done": "completed", "erred": "failed", "rejected": "rejected", "canceled": "terminated"}
OUTCOMES = {
    "done": "succeeded",
    "erred": "failed",
    "rejected": "canceled",
    "canceled": "canceled",
}
"""What the log calls the end of an order, and what it means for the resource."""
CASES = [(end, kind) for end in ENDS for kind in NAMES]
EVENTS = """
select e.event_type from logging_event e join logging_feed f on f.event_id = e.id
join django_content_type t on t.id = f.content_type_id and t.model = 'resource'
where e.id > %s and f.object_id = (select id from marketplace_resource where uuid = %s)
    and e.event_type <> 'marketplace_resource_has_been_changed' order by e.id
"""
OFFERING = """
update marketplace_offering set plugin_options = plugin_options {} where id =
    (select offering_id from marketplace_resource where uuid = %s)
"""
AGAIN = "update marketplace_resource set state = 2, backend_id = 'known' where uuid = %s"
"""Has a resource be as for the next test."""
COMPONENT = """
update marketplace_offeringcomponent set {} where is_prepaid and offering_id =
    (select offering_id from marketplace_resource where uuid = %s)
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: NewDatabase) -> AsyncIterator[Living]:
    """Give a demo that may change, and its provider."""
    async with living(new_database()) as made:
        yield made


async def ordered(demo: Living, kind: int) -> tuple[str, str]:
    """Give a resource, and an order of it of that kind, which waits for the provider."""
    paid = "r.state = 2 and o.type = 'Marketplace.Basic' and r.plan_id is not null"
    uuid = (await demo.able("RENEW_RESOURCE", condition=paid))[0]
    order = (await demo.change("renewResource", uuid=uuid, extensionMonths=12))["order"]["uuid"]
    demo.sql(
        "update marketplace_order set type = %s, attributes = '{}' where uuid = %s", kind, order
    )
    demo.sql(
        "update marketplace_resource set state = %s, error_message = '' where uuid = %s",
        WHILE[kind],
        uuid,
    )
    return uuid, order


async def end(demo: Living, how: str, uuid: str, order: str) -> None:
    """Have an order end."""
    if how in ("rejected", "canceled"):
        field = "rejectOrder" if how == "rejected" else "cancelOrder"
        assert (await demo.change(field, uuid=order))["order"]["state"] == how.upper()
        return
    if how == "erred":
        demo.sql(OFFERING.format(f"|| '{{\"{FAILS}\": true}}'"), uuid)
    await demo.change("approveOrder", uuid=order)
    await demo.carry_out()
    demo.sql(OFFERING.format(f"- '{FAILS}'"), uuid)


def told(demo: Living, since: int, uuid: str) -> list[str]:
    """Name what the log tells of a resource since an event."""
    return [kind for (kind,) in demo.sql(EVENTS, since, uuid)]


def last(demo: Living) -> Any:
    """Give the last event."""
    return demo.sql("select max(id) from logging_event")[0][0]


def periods(demo: Living, uuid: str) -> int:
    """Count the open periods of a resource's plan."""
    statement = (
        'select id from marketplace_resourceplanperiod where "end" is null and resource_id = %s'
    )
    return len(demo.sql(statement, demo.row(uuid)["id"]))


@pytest.mark.parametrize(("how", "kind"), CASES)
async def test_an_order_ends_as_the_table_says(demo: Living, how: str, kind: int) -> None:
    uuid, order = await ordered(demo, kind)
    since = last(demo)
    await end(demo, how, uuid, order)
    assert demo.row(uuid)["state"] == ENDS[how][kind - 1]
    approved = ["marketplace_order_approved"] if how in ("done", "erred") else []
    assert told(demo, since, uuid) == [
        *approved,
        f"marketplace_resource_{NAMES[kind]}_{OUTCOMES[how]}",
        f"marketplace_order_{ORDERS[how]}",
    ]
    if how == "done" and kind != UPDATE:
        assert periods(demo, uuid) == (0 if kind == TERMINATE else 1)
    demo.sql(AGAIN, uuid)


async def test_what_the_backend_never_knew_is_gone_when_it_can_not_be_made(demo: Living) -> None:
    uuid, order = await ordered(demo, CREATE)
    demo.sql("update marketplace_resource set backend_id = '' where uuid = %s", uuid)
    await end(demo, "erred", uuid, order)
    assert demo.row(uuid)["state"] == TERMINATED
    demo.sql(AGAIN, uuid)


@pytest.mark.parametrize("how", ["rejected", "canceled"])
async def test_what_was_erred_is_ok_when_a_change_of_it_is_given_up(demo: Living, how: str) -> None:
    """Domain.md §6.5: then the resource is OK; §6.6: and the traceback is gone."""
    uuid, order = await ordered(demo, UPDATE)
    erred = "update marketplace_resource set state = 3, error_traceback = 'line 1' where uuid = %s"
    demo.sql(erred, uuid)
    await end(demo, how, uuid, order)
    look = "select state, error_traceback from marketplace_resource where uuid = %s"
    assert demo.sql(look, uuid) == [(OK, "")]
    demo.sql(AGAIN, uuid)


async def test_what_is_terminated_stays_so_when_a_change_of_it_is_given_up(demo: Living) -> None:
    uuid, order = await ordered(demo, TERMINATE)
    demo.sql("update marketplace_resource set state = 6 where uuid = %s", uuid)
    await end(demo, "canceled", uuid, order)
    assert demo.row(uuid)["state"] == TERMINATED
    demo.sql(AGAIN, uuid)


@pytest.mark.parametrize("rules", ["min_renewal_duration = 13", "max_renewal_duration = 11", "renewal_duration_step = 7"])  # fmt: skip
async def test_the_months_of_a_renewal_are_looked_at_again(demo: Living, rules: str) -> None:
    """Domain.md §5.6: the rules may have changed since it was ordered."""
    uuid = await renewable(demo, "Marketplace.Basic")
    order = (await demo.change("renewResource", uuid=uuid, extensionMonths=12))["order"]["uuid"]
    before, since = demo.row(uuid), last(demo)
    nothing = (
        "min_renewal_duration = null, max_renewal_duration = null, renewal_duration_step = null"
    )
    demo.sql(COMPONENT.format(nothing), uuid)
    demo.sql(COMPONENT.format(rules), uuid)
    await end(demo, "done", uuid, order)
    demo.sql(COMPONENT.format(nothing), uuid)
    assert demo.order(order)[0] == 4
    message = demo.order(order)[1]
    assert "can be renewed by" in message
    look = "select error_message from marketplace_resource where uuid = %s"
    assert demo.sql(look, uuid) == [(message,)]
    assert demo.row(uuid) == {**before, "state": ERRED}
    assert told(demo, since, uuid)[1:] == [
        "marketplace_resource_update_limits_failed",
        "marketplace_order_failed",
    ]
    since = last(demo)
    again = (await demo.change("renewResource", uuid=uuid, extensionMonths=12))["order"]["uuid"]
    await end(demo, "done", uuid, again)
    assert demo.row(uuid)["state"] == OK
    assert demo.sql(look, uuid) == [("",)]
    assert told(demo, since, uuid)[-2:] == [
        "marketplace_resource_update_limits_succeeded",
        "marketplace_order_completed",
    ]
