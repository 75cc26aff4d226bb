"""A dry run meets the problems of the operation, with a role that may only read."""

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio

from gateway.db.driver.transactions import TransactionPool
from gateway.marketplace.problems import InvalidInput, Reason
from gateway.marketplace.requester import Requester
from tests.conftest import DatabaseFactory
from tests.support.dry_runs import DryRunMarketplace, create_changed_demo, open_dry_runs
from tests.support.time_limits import scale_seconds

LATE_PROBLEMS_SQL = """
update marketplace_offering set backend_id_rules = '{"uniqueness": {"scope": "offering"}}';
update marketplace_resource set backend_id = 'new-id' where id % 3 = 0;
update invoices_invoice set state = 'paid' where customer_id = (
    select customer_id from structure_project where not is_removed order by id limit 1);
insert into policy_customerestimatedcostpolicy
    (uuid, created, modified, has_fired, options, scope_id, limit_cost, period, actions)
select gen_random_uuid(), now(), now(), true, '{}', id, 0, 1,
    'block_modification_of_existing_resources' from structure_customer where id % 4 = 0;
"""
"""Gives operations problems that they find in other rows than those of the resource."""

OK_RESOURCE_SQL = """
select r.uuid from marketplace_resource r join structure_project p on p.id = r.project_id
where r.state = 2 and p.customer_id % 4 <> 0 order by r.id limit 1
"""
MAX_BATCHES_OF_SETTER = 4
"""The uuid, the columns of the facts, their aggregates together, and the row of the resource."""


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def demo(new_database: DatabaseFactory) -> AsyncIterator[DryRunMarketplace]:
    """Yield a demo of the spring of 2026 in which operations meet late problems."""
    url = new_database()
    create_changed_demo(url, LATE_PROBLEMS_SQL)
    async with open_dry_runs(url) as dry_runs:
        yield dry_runs


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def transaction_pool(demo: DryRunMarketplace) -> AsyncIterator[TransactionPool]:
    """Yield a pool of transactions of the demo's owner."""
    pool = TransactionPool(demo.owner_url, statement_seconds=scale_seconds(60))
    await pool.open()
    yield pool
    await pool.close()


async def test_dry_runs_meet_the_problems_of_transactions(
    demo: DryRunMarketplace, transaction_pool: TransactionPool
) -> None:
    reasons = Counter[Any]()
    for field, values in demo.list_inputs():
        if "uuids" in values:
            continue
        demo.service.problems.clear()
        await demo.run_mutation(field, values, "staff")
        demo.check_statements()
        ((call, problem),) = demo.service.problems
        assert problem == await demo.find_local_problem(transaction_pool, call, "staff")
        reasons[getattr(problem, "reason", type(problem))] += 1
    assert {Reason.INVOICE_CLOSED, Reason.COST_POLICY, InvalidInput} <= reasons.keys()


async def test_a_dry_run_takes_few_round_trips(demo: DryRunMarketplace) -> None:
    ((uuid,),) = demo.run_sql(OK_RESOURCE_SQL)
    demo.service.problems.clear()
    await demo.run_mutation("setResourceSlug", {"uuid": uuid.hex, "slug": "slug"}, "staff")
    ((call, problem),) = demo.service.problems
    assert problem is None
    requester = Requester(await demo.marketplace.load_viewer("staff"))
    count_before = demo.marketplace.database.batch_count
    await demo.service.run_operation(requester, call)
    assert demo.marketplace.database.batch_count - count_before <= MAX_BATCHES_OF_SETTER
