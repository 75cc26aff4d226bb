"""Carrying orders out for the provider: permissions, states, failures (domain.md §4.11, §6.4)."""

from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest
import pytest_asyncio

from tests.conftest import DatabaseFactory
from tests.resolvers.mutations.test_review_order import ORDER_STATES
from tests.support.mutable_demo import MutableDemo, serve_mutable_demo

CREATE, UPDATE, TERMINATE, RESTORE = 1, 2, 3, 4
CREATING, OK, ERRED, UPDATING, TERMINATING, TERMINATED = 1, 2, 3, 4, 5, 6
ORDER_DONE, ORDER_ERRED, ORDER_EXECUTING, ORDER_PENDING = 3, 4, 2, 1
USERNAMES = ("staff", "support", "provider", "service_manager", "owner", "admin", "nobody", None)
PERMITTED_USERNAMES = ("staff", "provider")
OPEN_STATES = (
    "PENDING_CONSUMER",
    "PENDING_PROVIDER",
    "PENDING_PROJECT",
    "PENDING_START_DATE",
    "EXECUTING",
)
REPORTS: dict[str, tuple[str, dict[str, str], tuple[str, ...]]] = {
    "executing": ("setOrderState", {"state": "EXECUTING"}, ("PENDING_PROVIDER", "ERRED")),
    "done": ("setOrderState", {"state": "DONE"}, ("EXECUTING",)),
    "erred": ("setOrderState", {"state": "ERRED"}, OPEN_STATES),
    "retry": ("retryOrder", {}, ("ERRED",)),
}
"""Field, arguments and allowed states of each report."""
PAYLOAD_TYPES = {"setOrderState": "OrderStateSet", "retryOrder": "OrderRetried"}
FIND_ORDER_SQL = """
select o.uuid, o.id, r.id, r.uuid from marketplace_order o
join marketplace_resource r on r.id = o.resource_id
join marketplace_offering f on f.id = o.offering_id and f.state = 2 and r.backend_id <> ''
where o.type = 2 and f.customer_id in (
    select object_id from permissions_userrole u join core_user c on c.id = u.user_id
    where c.username = 'provider' and u.is_active) order by o.id limit 1
"""


class ProvidedOrder(NamedTuple):
    """An order for which the user `provider` acts as the provider."""

    uuid: str
    id: int
    resource_id: int
    resource: str


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: DatabaseFactory) -> AsyncIterator[MutableDemo]:
    """Yield a demo that the tests change."""
    async with serve_mutable_demo(new_database(), 600) as mutable_demo:
        yield mutable_demo


@pytest.fixture
def order(demo: MutableDemo) -> ProvidedOrder:
    """Return an update order of a resource without other orders."""
    ((uuid, order_id, resource_id, resource),) = demo.run_sql(FIND_ORDER_SQL)
    demo.run_sql(
        "delete from marketplace_order where resource_id = %s and id <> %s", resource_id, order_id
    )
    return ProvidedOrder(uuid.hex, order_id, resource_id, resource.hex)


def set_states(
    demo: MutableDemo, order: ProvidedOrder, order_state: int, resource_state: int, type_: int = 2
) -> None:
    """Set the states of an order and of its resource, and the order's type."""
    demo.run_sql(
        "update marketplace_order set state = %s, type = %s, attributes = '{}' where id = %s",
        order_state,
        type_,
        order.id,
    )
    demo.run_sql(
        "update marketplace_resource set state = %s where id = %s",
        resource_state,
        order.resource_id,
    )


def add_order(demo: MutableDemo, order: ProvidedOrder, type_: int, state: int) -> None:
    """Add a later order of the same resource."""
    demo.run_sql(
        "insert into marketplace_order select (n).* from (select jsonb_populate_record(o,"
        " jsonb_build_object('id', nextval(pg_get_serial_sequence('marketplace_order', 'id')),"
        " 'uuid', gen_random_uuid(), 'type', %s::int, 'state', %s::int)) n"
        " from marketplace_order o where o.id = %s)",
        type_,
        state,
        order.id,
    )


async def report_state(
    demo: MutableDemo, order: ProvidedOrder, report: str, username: str | None = "provider"
) -> Any:
    """Run the mutation of a report."""
    field, arguments, _ = REPORTS[report]
    return await demo.run_mutation(field, username, uuid=order.uuid, **arguments)


@pytest.mark.parametrize("report", REPORTS)
async def test_reports_match_the_permission_table(
    demo: MutableDemo, order: ProvidedOrder, report: str
) -> None:
    field, _, allowed_states = REPORTS[report]
    query = "query ($uuid: UUID!) { order(uuid: $uuid) { uuid } }"
    expected: dict[tuple[str, str | None], str] = {}
    results: dict[tuple[str, str | None], str] = {}
    for state, number in ORDER_STATES.items():
        for username in USERNAMES:
            set_states(demo, order, number, UPDATING)
            response = await demo.client.execute_query(query, username, uuid=order.uuid)
            result = await report_state(demo, order, report, username)
            results[state, username] = result["__typename"]
            if username is None:
                expected[state, username] = "NotPermitted"
            elif response["data"]["order"] is None:
                expected[state, username] = "NotFound"
            elif username not in PERMITTED_USERNAMES:
                expected[state, username] = "NotPermitted"
            else:
                is_allowed = state in allowed_states
                expected[state, username] = PAYLOAD_TYPES[field] if is_allowed else "WrongState"
    assert results == expected
    assert {PAYLOAD_TYPES[field], "WrongState", "NotPermitted", "NotFound"} <= {*results.values()}


@pytest.mark.parametrize(
    ("type_", "resource_state", "state_after"),
    [
        (CREATE, CREATING, ERRED),
        (UPDATE, UPDATING, ERRED),
        (UPDATE, TERMINATED, TERMINATED),
        (TERMINATE, TERMINATING, OK),
        (TERMINATE, TERMINATED, TERMINATED),
        (RESTORE, CREATING, ERRED),
    ],
)
async def test_a_failure_has_the_texts_of_the_agent(
    demo: MutableDemo,
    order: ProvidedOrder,
    type_: int,
    resource_state: int,
    state_after: int,
) -> None:
    set_states(demo, order, ORDER_EXECUTING, resource_state, type_)
    demo.run_sql("update marketplace_resource set error_message = '', error_traceback = ''")
    texts = {"errorMessage": "The disk is full. " * 1000, "errorTraceback": "line 1\nline 2"}
    result = await demo.run_mutation(
        "setOrderState", "provider", uuid=order.uuid, state="ERRED", **texts
    )
    assert result["order"]["state"] == "ERRED"
    errors_sql = "select error_message, error_traceback from {} where id = %s"
    stored_texts = demo.run_sql(errors_sql.format("marketplace_order"), order.id)
    assert stored_texts == [(*texts.values(),)]
    resource_texts = demo.run_sql(errors_sql.format("marketplace_resource"), order.resource_id)
    assert resource_texts == (stored_texts if state_after == ERRED else [("", "")])
    state_sql = "select state from marketplace_resource where id = %s"
    assert demo.run_sql(state_sql, order.resource_id) == [(state_after,)]


@pytest.mark.parametrize("state", ["EXECUTING", "DONE"])
async def test_texts_about_errors_belong_to_failures(
    demo: MutableDemo, order: ProvidedOrder, state: str
) -> None:
    set_states(demo, order, ORDER_EXECUTING if state == "DONE" else ORDER_ERRED, UPDATING)
    digest_before = demo.digest_tables()
    arguments = {"uuid": order.uuid, "state": state, "errorMessage": "", "errorTraceback": "x"}
    result = await demo.run_mutation("setOrderState", "provider", **arguments)
    assert [each["path"] for each in result["fields"]] == [["errorMessage"], ["errorTraceback"]]
    assert demo.digest_tables() == digest_before


async def test_texts_that_can_not_be_stored_are_refused(
    demo: MutableDemo, order: ProvidedOrder
) -> None:
    set_states(demo, order, ORDER_EXECUTING, UPDATING)
    result = await demo.run_mutation(
        "setOrderState", "provider", uuid=order.uuid, state="ERRED", errorMessage="\0"
    )
    assert [each["path"] for each in result["fields"]] == [["errorMessage"]]


@pytest.mark.parametrize(
    ("report", "type_", "resource_state"),
    [
        ("retry", UPDATE, TERMINATED),
        ("retry", TERMINATE, TERMINATED),
        ("retry", CREATE, OK),
        ("retry", CREATE, UPDATING),
        ("retry", RESTORE, OK),
        ("executing", UPDATE, TERMINATED),
        ("done", UPDATE, TERMINATED),
        ("done", CREATE, TERMINATED),
    ],
)
async def test_orders_that_are_out_of_date_are_not_carried_out(
    demo: MutableDemo, order: ProvidedOrder, report: str, type_: int, resource_state: int
) -> None:
    order_state = ORDER_EXECUTING if report == "done" else ORDER_ERRED
    set_states(demo, order, order_state, resource_state, type_)
    digest_before = demo.digest_tables()
    result = await report_state(demo, order, report)
    assert (result["__typename"], result["reason"]) == ("NotPossible", "ORDER_OUTDATED")
    assert demo.digest_tables() == digest_before


async def test_the_creation_of_a_terminated_resource_is_not_retried(
    demo: MutableDemo, order: ProvidedOrder
) -> None:
    set_states(demo, order, ORDER_ERRED, TERMINATED, CREATE)
    add_order(demo, order, TERMINATE, ORDER_DONE)
    assert (await report_state(demo, order, "retry"))["reason"] == "ORDER_OUTDATED"


@pytest.mark.parametrize("report", ["retry", "executing"])
async def test_a_failed_order_is_not_retried_while_another_is_open(
    demo: MutableDemo, order: ProvidedOrder, report: str
) -> None:
    set_states(demo, order, ORDER_ERRED, ERRED)
    add_order(demo, order, UPDATE, ORDER_PENDING)
    digest_before = demo.digest_tables()
    result = await report_state(demo, order, report)
    assert (result["__typename"], result["reason"]) == ("NotPossible", "ORDER_PENDING")
    assert demo.digest_tables() == digest_before


@pytest.mark.parametrize(
    ("type_", "resource_state", "state_after"),
    [
        (CREATE, TERMINATED, CREATING),
        (CREATE, ERRED, CREATING),
        (UPDATE, ERRED, UPDATING),
        (UPDATE, OK, UPDATING),
        (TERMINATE, OK, TERMINATING),
        (RESTORE, ERRED, CREATING),
    ],
)
async def test_a_retry_clears_the_failure(
    demo: MutableDemo, order: ProvidedOrder, type_: int, resource_state: int, state_after: int
) -> None:
    set_states(demo, order, ORDER_ERRED, resource_state, type_)
    demo.run_sql(
        "update marketplace_order set error_message = 'x', error_traceback = 'x',"
        " completed_at = now() where id = %s",
        order.id,
    )
    demo.run_sql(
        "update marketplace_resource set error_message = 'x', error_traceback = 'x' where id = %s",
        order.resource_id,
    )
    result = await report_state(demo, order, "retry")
    assert (result["__typename"], result["order"]["state"]) == ("OrderRetried", "EXECUTING")
    assert demo.run_sql(
        "select o.error_message, o.error_traceback, o.completed_at, r.state, r.error_message,"
        " r.error_traceback from marketplace_order o join marketplace_resource r"
        " on r.id = o.resource_id where o.id = %s",
        order.id,
    ) == [("", "", None, state_after, "", "")]


async def test_a_stale_if_modified_is_a_conflict(demo: MutableDemo, order: ProvidedOrder) -> None:
    set_states(demo, order, ORDER_EXECUTING, UPDATING)
    arguments = {"uuid": order.uuid, "state": "DONE", "ifModified": "2001-01-01T00:00:00Z"}
    result = await demo.run_mutation("setOrderState", "provider", **arguments)
    assert result["__typename"] == "Conflict"
