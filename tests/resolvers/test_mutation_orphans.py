"""Mutations of resources and orders that refer to rows which are gone."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.conftest import DatabaseFactory
from tests.support.mutable_demo import MutableDemo, serve_mutable_demo
from tests.support.mutation_inputs import list_order_inputs, list_resource_inputs, send_mutation

MISSING_ID = 1_000_000
ORPHANS = (
    ("marketplace_resource", "plan_id"),
    ("marketplace_resource", "project_id"),
    ("marketplace_resource", "offering_id"),
    ("marketplace_resource", "object_id"),
    ("structure_project", "customer_id"),
    ("marketplace_offering", "customer_id"),
    ("marketplace_order", "plan_id"),
    ("marketplace_order", "project_id"),
    ("marketplace_order", "offering_id"),
    ("marketplace_order", "resource_id"),
    ("marketplace_order", "created_by_id"),
    ("marketplace_plan", "offering_id"),
    ("invoices_invoiceitem", "invoice_id"),
)
RESOURCE_SQL = """
select r.uuid from marketplace_resource r where r.state in (2, 3)
and exists (select from invoices_invoiceitem i where i.resource_id = r.id)
and exists (select from marketplace_order o where o.resource_id = r.id)
order by r.object_id is null, r.state desc, r.id limit 1
"""
OPEN_ORDERS_SQL = """
update marketplace_order o set state = (array[1, 7, 2, 4])[1 + o.id %% 4]
from marketplace_resource r where r.id = o.resource_id and r.uuid = %s
"""
ORDERS_SQL = """
select uuid from marketplace_order order by state not in (1, 7, 2, 4), id desc limit 3
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: DatabaseFactory) -> AsyncIterator[MutableDemo]:
    """Yield a demo without foreign keys and cost policies, which tests change."""
    async with serve_mutable_demo(new_database(), 150) as mutable_demo:
        mutable_demo.run_sql("set session_replication_role = replica")
        mutable_demo.run_sql("delete from policy_customerestimatedcostpolicy")
        mutable_demo.run_sql("delete from policy_projectestimatedcostpolicy")
        yield mutable_demo


@pytest.fixture(params=ORPHANS, ids=".".join)
def orphaned_uuid(demo: MutableDemo, request: pytest.FixtureRequest) -> Iterator[str]:
    """Make a column refer to a missing row; yield a resource with invoices."""
    table, column = request.param
    ((uuid,),) = demo.run_sql(RESOURCE_SQL)
    demo.run_sql(f"create temp table saved as table {table}")
    demo.run_sql(f"update {table} set {column} = {MISSING_ID} + id where {column} is not null")
    yield uuid.hex
    demo.run_sql(f"update {table} t set {column} = s.{column} from saved s where s.id = t.id")
    demo.run_sql("drop table saved")


async def test_orphans_are_never_internal_errors(demo: MutableDemo, orphaned_uuid: str) -> None:
    demo.run_sql(OPEN_ORDERS_SQL, orphaned_uuid)
    inputs = [
        *(each for (order,) in demo.run_sql(ORDERS_SQL) for each in list_order_inputs(order.hex)),
        *list_resource_inputs(demo, orphaned_uuid),
    ]
    for field, input_values in inputs:
        outcome = await send_mutation(demo, field, input_values)
        assert {*outcome.error_codes} <= {"INVALID_DATA"}, (field, outcome.body)
