"""Mutations of many objects through Waldur's REST API have the same results, one request each."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.conftest import DatabaseFactory
from tests.support.twin_demos import TwinDemos, send_mutation, serve_twin_demos

SETUP_SQL = """
delete from policy_customerestimatedcostpolicy;
delete from policy_projectestimatedcostpolicy
"""
MANY_SQL = "select uuid from marketplace_resource order by id limit 12"
SET_STATE_SQL = "update marketplace_order set state = %s where uuid = any(%s::uuid[])"
ORDERS_SQL = """
select (array_agg(d.uuid order by d.id))[1] from marketplace_order d
join marketplace_resource r on r.id = d.resource_id and r.state in (2, 4)
join structure_project p on p.id = r.project_id and not p.is_removed
    and coalesce(p.end_date, 'infinity') > now()
join structure_customer c on c.id = p.customer_id and not c.blocked and not c.archived
where d.type = 2 group by r.id order by r.id limit 5
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def twins(new_database: DatabaseFactory) -> AsyncIterator[TwinDemos]:
    """Yield two equal demos."""
    async with serve_twin_demos(new_database, 60, SETUP_SQL) as twin_demos:
        yield twin_demos


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("pullResources", {}),
        ("setResourcesEndDate", {"endDate": "2097-01-01"}),
        ("terminateResources", {}),
        ("moveResources", {}),
    ],
)
@pytest.mark.parametrize("username", ["staff", "owner", "provider", "nobody"])
async def test_mutations_of_many_resources(
    twins: TwinDemos, field: str, values: dict[str, Any], username: str
) -> None:
    uuids = [each.hex for (each,) in twins.run_sql(MANY_SQL)[0]]
    if field == "moveResources":
        ((project,),), _ = twins.run_sql("select uuid from structure_project order by id limit 1")
        values = {"project": project.hex}
    twins.stand_in.take_requests()
    responses = [
        await send_mutation(each, field, {"uuids": uuids, **values}, username)
        for each in twins.demos
    ]
    local, remote = map(twins.hide_new_uuids, responses)
    assert remote == local
    accepted = [each["uuid"] for each in local["data"][field] if "message" not in each["result"]]
    sent = [each.path.split("/")[3] for each in twins.stand_in.take_requests()]
    assert sorted(sent) == sorted(accepted)
    assert twins.stand_in.violations == []


@pytest.mark.parametrize(("field", "state"), [("approveOrders", 1), ("rejectOrders", 7)])
async def test_mutations_of_many_orders(twins: TwinDemos, field: str, state: int) -> None:
    uuids = [each.hex for (each,) in twins.run_sql(ORDERS_SQL)[0]]
    twins.run_sql(
        "update marketplace_order set state = %s where uuid = any(%s::uuid[])", state, uuids
    )
    await twins.compare_mutation(field, {"uuids": [*uuids, "0" * 32]}, "nobody", 0)
    await twins.compare_mutation(field, {"uuids": [*uuids, "0" * 32]}, "staff", len(uuids))
