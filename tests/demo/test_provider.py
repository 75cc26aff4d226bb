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
    erred = {"state": "ERRED", "errorMessage": message}
    assert failed_order == {
        **erred,
        "completedAt": None,
        "resource": {**erred, "endDate": end_date},
    }
