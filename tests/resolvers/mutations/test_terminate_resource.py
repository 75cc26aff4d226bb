"""Terminating and restoring a resource (domain.md §5.12, rules.md §1)."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.conftest import DatabaseFactory
from tests.support.demo_with_provider import DemoWithProvider, serve_demo_with_provider
from tests.support.mutable_demo import FINISH_ORDERS_SQL

CREATING, OK, ERRED, TERMINATING, TERMINATED = 1, 2, 3, 5, 6
BASIC_OFFERING = (
    "r.state = 2 and o.type = 'Marketplace.Basic' and r.plan_id is not null and"
    " o.customer_id not in (select customer_id from structure_project where id = r.project_id)"
)
ORDER_SQL = """
select type, state, plan_id, old_plan_id, limits, cost, attributes from marketplace_order
where uuid = %s
"""
OPEN_ORDERS_SQL = """
select count(*) from marketplace_order where resource_id = %s and state in (1, 2, 7)
"""
OPEN_PERIODS_SQL = """
select plan_id from marketplace_resourceplanperiod where resource_id = %s and "end" is null
"""
UPDATE_OFFERING_SQL = """
update marketplace_offering set {} where id =
    (select offering_id from marketplace_resource where uuid = %s)
"""
UPDATE_CUSTOMER_SQL = """
update structure_customer set {} where id = (select customer_id from structure_project where id =
    (select project_id from marketplace_resource where uuid = %s))
"""
ALLOWED_QUERY = """{ resources(first: 300, filter: {%s}) {
    nodes { uuid state canTerminate allowedOperations offering { state } } } }"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: DatabaseFactory) -> AsyncIterator[DemoWithProvider]:
    """Yield a demo that the tests change, and its provider."""
    async with serve_demo_with_provider(new_database()) as demo_with_provider:
        yield demo_with_provider


@pytest_asyncio.fixture(loop_scope="session")
async def uuid(demo: DemoWithProvider) -> AsyncIterator[str]:
    """Yield a resource of a Basic offering; end its orders then."""
    resource = (await demo.find_operable_resources("TERMINATE_RESOURCE", "admin", BASIC_OFFERING))[
        0
    ]
    yield resource
    demo.run_sql(FINISH_ORDERS_SQL, demo.load_resource_row(resource)["id"])
    set_state(demo, resource, OK)


def set_state(demo: DemoWithProvider, resource: str, state: int) -> None:
    """Set the state of a resource."""
    demo.run_sql("update marketplace_resource set state = %s where uuid = %s", state, resource)


def find_last_order(demo: DemoWithProvider) -> str:
    """Return the UUID of the newest order, which the user who placed it may not list."""
    ((order,),) = demo.run_sql("select uuid from marketplace_order order by id desc limit 1")
    return str(order.hex)


async def terminate(demo: DemoWithProvider, username: str, uuid: str, **arguments: Any) -> Any:
    """Order a termination as a user."""
    return await demo.run_mutation("terminateResource", username, uuid=uuid, **arguments)


async def test_a_termination_has_no_plan_and_no_cost(demo: DemoWithProvider, uuid: str) -> None:
    attributes = {"delete_volumes": True}
    result = await terminate(demo, "admin", uuid, attributes=attributes)
    assert result["resource"]["state"] == "TERMINATING"
    order = find_last_order(demo)
    assert demo.run_sql(ORDER_SQL, order) == [(3, 1, None, None, {}, None, attributes)]


async def test_a_second_termination_approves_the_first(demo: DemoWithProvider, uuid: str) -> None:
    await terminate(demo, "admin", uuid)
    order = find_last_order(demo)
    digest_before = demo.digest_tables()
    for username in ("admin", "provider"):
        refusal = await terminate(demo, username, uuid)
        assert refusal["__typename"] in ("NotPossible", "NotFound")
        assert refusal.get("reason", "ORDER_PENDING") == "ORDER_PENDING"
    for flag in ("blocked", "archived"):
        demo.run_sql(UPDATE_CUSTOMER_SQL.format(f"{flag} = true"), uuid)
        refusal = await terminate(demo, "owner", uuid)
        assert refusal["reason"] == f"CUSTOMER_{flag.upper()}"
        demo.run_sql(UPDATE_CUSTOMER_SQL.format(f"{flag} = false"), uuid)
    assert demo.digest_tables() == digest_before
    result = await terminate(demo, "owner", uuid)
    assert (result["__typename"], result["order"]["uuid"]) == ("ResourceTerminationOrdered", order)
    assert result["order"]["state"] == "PENDING_PROVIDER"
    repeated = await terminate(demo, "owner", uuid)
    assert (repeated["__typename"], repeated["state"]) == ("WrongState", "TERMINATING")


async def test_repeated_requests_return_the_approved_order(
    demo: DemoWithProvider, uuid: str
) -> None:
    await terminate(demo, "admin", uuid)
    results = [await terminate(demo, "owner", uuid, idempotencyKey="approval") for _ in range(2)]
    assert results[0] == results[1]
    assert results[0]["order"]["state"] == "PENDING_PROVIDER"


async def test_a_terminating_resource_without_such_an_order_can_not_be_terminated(
    demo: DemoWithProvider, uuid: str
) -> None:
    set_state(demo, uuid, TERMINATING)
    result = await terminate(demo, "owner", uuid)
    assert (result["__typename"], result["allowed"]) == ("WrongState", ["OK", "ERRED"])


async def test_an_erred_resource_stays_erred_until_its_end(
    demo: DemoWithProvider, uuid: str
) -> None:
    set_state(demo, uuid, ERRED)
    result = await terminate(demo, "owner", uuid)
    assert result["resource"]["state"] == "ERRED"
    await demo.run_mutation("approveOrder", uuid=result["order"]["uuid"])
    await demo.process_due_work()
    assert demo.load_resource_row(uuid)["state"] == TERMINATED


async def test_one_of_a_termination_and_a_renewal_is_ordered(demo: DemoWithProvider) -> None:
    """The other one finds the resource in the state that the first one has set."""
    renewable = (await demo.find_operable_resources("RENEW_RESOURCE", condition="r.state = 2"))[0]
    results = await asyncio.gather(
        *[terminate(demo, "staff", renewable) for _ in range(3)],
        *[demo.run_mutation("renewResource", uuid=renewable, extensionMonths=12) for _ in range(3)],
    )
    names = [each["__typename"] for each in results]
    assert names.count("WrongState") == len(names) - 1
    resource_id = demo.load_resource_row(renewable)["id"]
    assert demo.run_sql(OPEN_ORDERS_SQL, resource_id) == [(1,)]
    demo.run_sql(FINISH_ORDERS_SQL, resource_id)
    set_state(demo, renewable, OK)


@pytest.mark.parametrize("offering_state", [1, 3, 4])
async def test_closed_offerings_and_ended_projects_do_not_prevent_it(
    demo: DemoWithProvider, uuid: str, offering_state: int
) -> None:
    update_project = """update structure_project set end_date = {} where id =
        (select project_id from marketplace_resource where uuid = %s)"""
    demo.run_sql(UPDATE_OFFERING_SQL.format(f"state = {offering_state}"), uuid)
    demo.run_sql(update_project.format("current_date - 1"), uuid)
    result = await terminate(demo, "owner", uuid)
    demo.run_sql(UPDATE_OFFERING_SQL.format("state = 2"), uuid)
    demo.run_sql(update_project.format("null"), uuid)
    assert result["__typename"] == "ResourceTerminationOrdered"


async def test_a_restoration_carries_what_the_resource_had(
    demo: DemoWithProvider, uuid: str
) -> None:
    demo.run_sql(
        UPDATE_OFFERING_SQL.format(
            "plugin_options = plugin_options || '{\"can_restore_resource\": true}'"
        ),
        uuid,
    )
    set_state(demo, uuid, TERMINATED)
    before = demo.load_resource_row(uuid)
    result = await demo.run_mutation("restoreResource", uuid=uuid, idempotencyKey="back")
    assert result["resource"]["state"] == "CREATING"
    assert await demo.run_mutation("restoreResource", uuid=uuid, idempotencyKey="back") == result
    ((*columns,),) = demo.run_sql(ORDER_SQL, result["order"]["uuid"])
    assert columns[:5] == [4, 7, before["plan_id"], None, before["limits"]]
    assert columns[5] is not None
    assert columns[6] == before["attributes"]
    await demo.run_mutation("approveOrder", uuid=result["order"]["uuid"])
    await demo.process_due_work()
    assert demo.load_resource_row(uuid) == {**before, "state": OK}
    assert demo.run_sql(OPEN_PERIODS_SQL, before["id"]) == [(before["plan_id"],)]


@pytest.mark.parametrize("username", ["staff", "owner", "admin", "member", "provider"])
async def test_can_terminate_agrees_with_the_operation(
    demo: DemoWithProvider, username: str
) -> None:
    """They differ for unavailable offerings, and where the viewer can approve a termination.

    Cost policies, too, forbid the operation: there are none here.
    """
    demo.run_sql(
        "update marketplace_resource set state = 2 where id in"
        " (select id from marketplace_resource where state = 5 order by id limit 2)"
    )
    for scope in ("project", "customer", "offering"):
        demo.run_sql(f"update policy_{scope}estimatedcostpolicy set actions = ''")
    query = ALLOWED_QUERY % ""
    nodes = (await demo.client.execute_query(query, username))["data"]["resources"]["nodes"]
    differences = {
        (each["state"], each["canTerminate"], each["offering"]["state"])
        for each in nodes
        if each["canTerminate"] is not ("TERMINATE_RESOURCE" in each["allowedOperations"])
    }
    assert nodes
    assert differences <= {
        ("OK", True, "UNAVAILABLE"),
        ("ERRED", True, "UNAVAILABLE"),
        ("TERMINATING", False, "ACTIVE"),
        ("TERMINATING", False, "PAUSED"),
    }
