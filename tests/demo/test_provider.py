"""Tests of the demo's provider: broken pulls, database errors and failing orders."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from gateway.db.driver.errors import UnreadableTableError
from tests.conftest import DatabaseFactory
from tests.support.demo_with_provider import (
    DemoWithProvider,
    find_renewable_resource,
    serve_demo_with_provider,
)

SYNCED_SQL = "select last_sync > '2021-01-01' from marketplace_resource where uuid = %s"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: DatabaseFactory) -> AsyncIterator[DemoWithProvider]:
    """Yield a demo that tests may change, with its provider."""
    async with serve_demo_with_provider(new_database()) as living_demo:
        yield living_demo


async def test_a_broken_pull_does_not_block_others(demo: DemoWithProvider) -> None:
    broken_uuid, valid_uuid, *_ = await demo.find_operable_resources("PULL_RESOURCE")
    usages_sql = (
        "update marketplace_resource set last_sync = '2020-01-01', current_usages = %s"
        " where uuid = %s"
    )
    demo.run_sql(usages_sql, '{"cpu": null}', broken_uuid)
    demo.run_sql(usages_sql, '{"cpu": 1}', valid_uuid)
    for uuid in (broken_uuid, valid_uuid):
        assert (await demo.run_mutation("pullResource", uuid=uuid))[
            "__typename"
        ] == "ResourcePulled"
    await demo.process_due_work()
    assert demo.run_sql("select count(*) from gateway.pull") == [(0,)]
    assert demo.run_sql(SYNCED_SQL, broken_uuid) + demo.run_sql(SYNCED_SQL, valid_uuid) == [
        (False,),
        (True,),
    ]


async def test_a_database_error_fails_no_order(demo: DemoWithProvider) -> None:
    uuid = await find_renewable_resource(demo, "Marketplace.Basic")
    renewal = await demo.run_mutation("renewResource", uuid=uuid, extensionMonths=12)
    order = renewal["order"]["uuid"]
    await demo.run_mutation("approveOrder", uuid=order)
    assert await demo.provider.process_due_work()
    demo.run_sql("alter table gateway.marketplace rename to elsewhere")
    with pytest.raises(UnreadableTableError):
        await demo.provider.process_due_work()
    demo.run_sql("alter table gateway.elsewhere rename to marketplace")
    states_sql = "select o.state, r.state from marketplace_order o join marketplace_resource r"
    assert demo.run_sql(f"{states_sql} on r.id = o.resource_id where o.uuid = %s", order) == [
        (3, 2)
    ]


TRIAL_QUERY = (
    """{ resources(first: 300) { nodes { uuid state offering { name } allowedOperations } } }"""
)
ORDER_QUERY = """query ($uuid: UUID!) { order(uuid: $uuid) {
    state errorMessage completedAt resource { state errorMessage endDate }
} }"""


async def test_an_owner_sees_an_order_fail(demo: DemoWithProvider) -> None:
    nodes = (await demo.client.execute_query(TRIAL_QUERY, "owner"))["data"]["resources"]["nodes"]
    (trial,) = [each for each in nodes if each["offering"]["name"] == "Licences on trial"]
    assert trial["state"] == "OK"
    assert "RENEW_RESOURCE" in trial["allowedOperations"]
    renewal = await demo.run_mutation(
        "renewResource", "owner", uuid=trial["uuid"], extensionMonths=12
    )
    assert renewal["order"]["state"] == "EXECUTING"
    end_date = renewal["resource"]["endDate"]
    assert await demo.provider.process_due_work()
    failed_order = (
        await demo.client.execute_query(ORDER_QUERY, "owner", uuid=renewal["order"]["uuid"])
    )["data"]["order"]
    message = "The demo's provider fails all orders of this offering."
    completed_at = failed_order.pop("completedAt")
    assert completed_at is not None
    assert failed_order == {
        "state": "ERRED",
        "errorMessage": message,
        "resource": {"state": "UPDATING", "errorMessage": "", "endDate": end_date},
    }


STUCK_SQL = (
    "update marketplace_resource set state = 4, modified = now() - interval '{}' where uuid = %s"
)


async def test_stuck_resources_are_released_after_an_hour(demo: DemoWithProvider) -> None:
    """Domain.md §6.7: a failed change of limits leaves the resource updating until then."""
    demo.run_sql("update gateway.marketplace set made_at = now() - interval '1 day'")
    stuck, recent, ordered, *_ = await demo.find_operable_resources(
        "RENEW_RESOURCE", condition="r.state = 2 and o.type = 'Marketplace.Basic'"
    )
    renewal = await demo.run_mutation("renewResource", uuid=ordered, extensionMonths=12)
    assert renewal["order"]["state"] == "PENDING_PROVIDER"
    for uuid, age in ((stuck, "61 minutes"), (recent, "59 minutes"), (ordered, "61 minutes")):
        demo.run_sql(STUCK_SQL.format(age), uuid)
    await demo.create_provider().process_due_work()
    states = [demo.load_resource_row(each)["state"] for each in (stuck, recent, ordered)]
    assert states == [2, 4, 4]


@pytest.mark.parametrize(
    ("state", "setup_sql", "expected_state"),
    [
        (8, "update structure_project set start_date = current_date", 7),
        (8, "update structure_project set start_date = null", 7),
        (8, "update structure_project set start_date = current_date + 2", 8),
        (9, "update marketplace_order set start_date = current_date - 1", 2),
        (9, "update marketplace_order set start_date = current_date + 2", 9),
    ],
)
async def test_orders_start_at_their_date(
    demo: DemoWithProvider, state: int, setup_sql: str, expected_state: int
) -> None:
    """After the start of the project, the provider still has to review the order."""
    uuid = await find_renewable_resource(demo, "Marketplace.Basic")
    renewal = await demo.run_mutation("renewResource", uuid=uuid, extensionMonths=12)
    order = renewal["order"]["uuid"]
    setup_sql += (
        " where uuid = %s"
        if "marketplace_order" in setup_sql
        else " where id = (select project_id from marketplace_order where uuid = %s)"
    )
    demo.run_sql(setup_sql, order)
    demo.run_sql("update marketplace_order set state = %s where uuid = %s", state, order)
    await demo.process_due_work()
    after = demo.load_order_row(order)[0]
    demo.run_sql("update structure_project set start_date = null")
    assert after == (3 if expected_state == 2 else expected_state)
