"""Outcomes of orders by type: states of the resource and logged events (domain.md §6.5, §7.1)."""
# ruff: noqa: E501 - tables, SQL

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from gateway.demo.marketplace.offers import FAIL_ORDERS_OPTION
from tests.conftest import DatabaseFactory
from tests.support.demo_with_provider import (
    DemoWithProvider,
    find_renewable_resource,
    serve_demo_with_provider,
)

CREATE, UPDATE, TERMINATE, RESTORE = 1, 2, 3, 4
CREATING, OK, ERRED, UPDATING, TERMINATING, TERMINATED = 1, 2, 3, 4, 5, 6
STATES_WHILE_OPEN = {CREATE: CREATING, UPDATE: UPDATING, TERMINATE: TERMINATING, RESTORE: CREATING}
"""State of a resource while an order of this type is open."""
STATES_BY_OUTCOME = {
    "done": (OK, OK, TERMINATED, OK),
    "erred": (ERRED, ERRED, OK, ERRED),
    "rejected": (TERMINATED, OK, OK, OK),
    "canceled": (TERMINATED, OK, OK, OK),
}
"""State of the resource by outcome, for each type of order."""
ORDER_EVENT_NAMES = {
    "done": "completed",
    "erred": "failed",
    "rejected": "rejected",
    "canceled": "terminated",
}
"""Words for each outcome in the types of logged events of the order."""
RESOURCE_EVENT_NAMES = {
    "done": {
        CREATE: ["create_succeeded"],
        UPDATE: [],
        TERMINATE: ["terminate_succeeded"],
        RESTORE: ["create_succeeded"],
    },
    "erred": {
        CREATE: ["create_failed"],
        UPDATE: ["update_failed"],
        TERMINATE: ["terminate_failed"],
        RESTORE: ["create_failed"],
    },
}
"""Types of logged events of the resource, without that of the changed columns."""
CASES = [(outcome, kind) for outcome in STATES_BY_OUTCOME for kind in STATES_WHILE_OPEN]
SELECT_EVENT_TYPES = """
select e.event_type from logging_event e join logging_feed f on f.event_id = e.id
join django_content_type t on t.id = f.content_type_id and t.model = 'resource'
where e.id > %s and f.object_id = (select id from marketplace_resource where uuid = %s)
    and e.message not like '%%has been changed. Field%%' order by e.id
"""
UPDATE_PLUGIN_OPTIONS = """
update marketplace_offering set plugin_options = plugin_options {} where id =
    (select offering_id from marketplace_resource where uuid = %s)
"""
RESET_RESOURCE = "update marketplace_resource set state = 2, backend_id = 'known' where uuid = %s"
"""Resets a resource for the next test."""
UPDATE_COMPONENT = """
update marketplace_offeringcomponent set {} where is_prepaid and offering_id =
    (select offering_id from marketplace_resource where uuid = %s)
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: DatabaseFactory) -> AsyncIterator[DemoWithProvider]:
    """Yield a mutable demo with its provider."""
    async with serve_demo_with_provider(new_database()) as running_demo:
        yield running_demo


async def place_order_of_type(demo: DemoWithProvider, order_type: int) -> tuple[str, str]:
    """Return the uuids of a resource and of an order of a type that waits for the provider."""
    condition = "r.state = 2 and o.type = 'Marketplace.Basic' and r.plan_id is not null"
    uuid = (await demo.find_operable_resources("RENEW_RESOURCE", condition=condition))[0]
    order = (await demo.run_mutation("renewResource", uuid=uuid, extensionMonths=12))["order"][
        "uuid"
    ]
    demo.run_sql(
        "update marketplace_order set type = %s, attributes = '{}' where uuid = %s",
        order_type,
        order,
    )
    demo.run_sql(
        "update marketplace_resource set state = %s, error_message = '' where uuid = %s",
        STATES_WHILE_OPEN[order_type],
        uuid,
    )
    return uuid, order


async def end_order(demo: DemoWithProvider, outcome: str, uuid: str, order: str) -> None:
    """Bring an order to an outcome."""
    if outcome in ("rejected", "canceled"):
        field = "rejectOrder" if outcome == "rejected" else "cancelOrder"
        assert (await demo.run_mutation(field, uuid=order))["order"]["state"] == outcome.upper()
        return
    if outcome == "erred":
        demo.run_sql(UPDATE_PLUGIN_OPTIONS.format(f"|| '{{\"{FAIL_ORDERS_OPTION}\": true}}'"), uuid)
    await demo.run_mutation("approveOrder", uuid=order)
    await demo.process_due_work()
    demo.run_sql(UPDATE_PLUGIN_OPTIONS.format(f"- '{FAIL_ORDERS_OPTION}'"), uuid)


def load_event_types(demo: DemoWithProvider, since_event_id: int, uuid: str) -> list[str]:
    """Return the types of a resource's logged events after an event."""
    return [event_type for (event_type,) in demo.run_sql(SELECT_EVENT_TYPES, since_event_id, uuid)]


def load_last_event_id(demo: DemoWithProvider) -> Any:
    """Return the id of the last logged event."""
    return demo.run_sql("select max(id) from logging_event")[0][0]


def count_open_periods(demo: DemoWithProvider, uuid: str) -> int:
    """Return the number of a resource's open plan periods."""
    statement = (
        'select id from marketplace_resourceplanperiod where "end" is null and resource_id = %s'
    )
    return len(demo.run_sql(statement, demo.load_resource_row(uuid)["id"]))


@pytest.mark.parametrize(("outcome", "kind"), CASES)
async def test_states_and_events_match_the_table(
    demo: DemoWithProvider, outcome: str, kind: int
) -> None:
    uuid, order = await place_order_of_type(demo, kind)
    since_event_id = load_last_event_id(demo)
    await end_order(demo, outcome, uuid, order)
    assert demo.load_resource_row(uuid)["state"] == STATES_BY_OUTCOME[outcome][kind - 1]
    approval_events = ["marketplace_order_approved"] if outcome in ("done", "erred") else []
    assert load_event_types(demo, since_event_id, uuid) == [
        *approval_events,
        *(
            f"marketplace_resource_{each}"
            for each in RESOURCE_EVENT_NAMES.get(outcome, {}).get(kind, [])
        ),
        f"marketplace_order_{ORDER_EVENT_NAMES[outcome]}",
    ]
    if outcome == "done" and kind != UPDATE:
        assert count_open_periods(demo, uuid) == (0 if kind == TERMINATE else 1)
    demo.run_sql(RESET_RESOURCE, uuid)


async def test_a_resource_unknown_to_the_backend_is_terminated_when_creation_fails(
    demo: DemoWithProvider,
) -> None:
    uuid, order = await place_order_of_type(demo, CREATE)
    demo.run_sql("update marketplace_resource set backend_id = '' where uuid = %s", uuid)
    await end_order(demo, "erred", uuid, order)
    assert demo.load_resource_row(uuid)["state"] == TERMINATED
    demo.run_sql(RESET_RESOURCE, uuid)


@pytest.mark.parametrize("outcome", ["rejected", "canceled"])
async def test_an_erred_resource_is_ok_after_its_order_is_withdrawn(
    demo: DemoWithProvider, outcome: str
) -> None:
    """Domain.md §6.5: the resource is OK; §6.6: its traceback is cleared."""
    uuid, order = await place_order_of_type(demo, UPDATE)
    statement = (
        "update marketplace_resource set state = 3, error_traceback = 'line 1' where uuid = %s"
    )
    demo.run_sql(statement, uuid)
    await end_order(demo, outcome, uuid, order)
    query = "select state, error_traceback from marketplace_resource where uuid = %s"
    assert demo.run_sql(query, uuid) == [(OK, "")]
    demo.run_sql(RESET_RESOURCE, uuid)


async def test_a_terminated_resource_stays_terminated_after_its_order_is_withdrawn(
    demo: DemoWithProvider,
) -> None:
    uuid, order = await place_order_of_type(demo, TERMINATE)
    demo.run_sql("update marketplace_resource set state = 6 where uuid = %s", uuid)
    await end_order(demo, "canceled", uuid, order)
    assert demo.load_resource_row(uuid)["state"] == TERMINATED
    demo.run_sql(RESET_RESOURCE, uuid)


@pytest.mark.parametrize("rules", ["min_renewal_duration = 13", "max_renewal_duration = 11", "renewal_duration_step = 7"])  # fmt: skip
async def test_the_months_of_a_renewal_are_checked_again(
    demo: DemoWithProvider, rules: str
) -> None:
    """Domain.md §5.6: the rules may have changed since the order was placed."""
    uuid = await find_renewable_resource(demo, "Marketplace.Basic")
    order = (await demo.run_mutation("renewResource", uuid=uuid, extensionMonths=12))["order"][
        "uuid"
    ]
    before, since_event_id = demo.load_resource_row(uuid), load_last_event_id(demo)
    no_rules = (
        "min_renewal_duration = null, max_renewal_duration = null, renewal_duration_step = null"
    )
    demo.run_sql(UPDATE_COMPONENT.format(no_rules), uuid)
    demo.run_sql(UPDATE_COMPONENT.format(rules), uuid)
    await end_order(demo, "done", uuid, order)
    demo.run_sql(UPDATE_COMPONENT.format(no_rules), uuid)
    assert demo.load_order_row(order)[0] == 4
    message = demo.load_order_row(order)[1]
    assert "can be renewed by" in message
    assert demo.load_resource_row(uuid) == before
    assert before["state"] == UPDATING
    assert load_event_types(demo, since_event_id, uuid)[1:] == [
        "marketplace_resource_update_limits_failed",
        "marketplace_order_failed",
    ]
    since_event_id = load_last_event_id(demo)
    demo.run_sql(RESET_RESOURCE, uuid)
    second_order = (await demo.run_mutation("renewResource", uuid=uuid, extensionMonths=12))[
        "order"
    ]["uuid"]
    await end_order(demo, "done", uuid, second_order)
    assert demo.load_resource_row(uuid)["state"] == OK
    assert load_event_types(demo, since_event_id, uuid)[-2:] == [
        "marketplace_resource_update_limits_succeeded",
        "marketplace_order_completed",
    ]
