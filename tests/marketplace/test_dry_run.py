"""A dry run meets the problems of the operation, with a role that may only read."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any

import psycopg
import pytest
import pytest_asyncio

from gateway.db.driver.transactions import TransactionPool
from gateway.demo.marketplace.fill import create_marketplace
from gateway.marketplace.problems import InvalidInput, Reason
from tests.conftest import DatabaseFactory
from tests.support.dry_runs import DryRunMarketplace, open_dry_runs
from tests.support.mutable_demo import NEWEST_VERSION_SQL
from tests.support.mutation_inputs import list_order_inputs, list_resource_inputs
from tests.support.time_limits import scale_seconds

LATE_PROBLEMS_SQL = """
update marketplace_offering set backend_id_rules = '{"uniqueness": {"scope": "offering"}}';
update marketplace_resource set backend_id = 'new-id' where id % 3 = 0;
update invoices_invoice set state = 'paid' where customer_id = (
    select customer_id from structure_project where not is_removed order by id limit 1);
insert into policy_customerestimatedcostpolicy
    (uuid, created, modified, has_fired, options, scope_id, limit_cost, period, actions)
select gen_random_uuid(), now(), now(), true, '{}', id, 0, 1,
    'block_modification_of_existing_resources' from structure_customer where id % 2 = 0;
"""
"""Gives operations problems that they find in other rows than those of the resource."""
RESOURCES_SQL = """
select distinct on (r.state, p.customer_id % 2) r.uuid from marketplace_resource r
join structure_project p on p.id = r.project_id order by r.state, p.customer_id % 2, r.id
"""
ORDERS_SQL = """
select distinct on (state, type) uuid from marketplace_order order by state, type, id desc
"""
WRITING_WORDS = ("insert ", "update ", "delete ", "for update", "advisory")
MISSING_IN_2024 = {
    "pullResource",
    "pullResources",
    "renewResource",
    "reallocateResourceLimits",
    "restoreResource",
    "setResourceFlags",
    "setResourceLimits",
    "setResourceEndpoints",
    "refreshResourceLastSync",
    "adjustResourceDates",
}
"""Mutations without a route in the REST API of October 2024."""


def create_demo(url: str, setup_sql: str) -> None:
    """Create a small demo and change it."""
    with psycopg.connect(url) as connection:
        create_marketplace(connection, resource_count=60, seed=1)
        connection.execute("delete from marketplace_offeringtermsofservice")
        connection.execute(setup_sql.encode())


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def demo(new_database: DatabaseFactory) -> AsyncIterator[DryRunMarketplace]:
    """Yield a demo of the spring of 2026 in which operations meet late problems."""
    url = new_database()
    create_demo(url, LATE_PROBLEMS_SQL)
    async with open_dry_runs(url) as dry_runs:
        yield dry_runs


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def newest_demo(new_database: DatabaseFactory) -> AsyncIterator[DryRunMarketplace]:
    """Yield a demo with the tables of the newest Waldur."""
    url = new_database()
    create_demo(url, NEWEST_VERSION_SQL)
    async with open_dry_runs(url) as dry_runs:
        yield dry_runs


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def old_waldur(waldur2024_url: str) -> AsyncIterator[DryRunMarketplace]:
    """Yield the Waldur of October 2024."""
    async with open_dry_runs(waldur2024_url) as dry_runs:
        yield dry_runs


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def transaction_pool(demo: DryRunMarketplace) -> AsyncIterator[TransactionPool]:
    """Yield a pool of transactions of the demo's owner."""
    pool = TransactionPool(demo.owner_url, statement_seconds=scale_seconds(60))
    await pool.open()
    yield pool
    await pool.close()


def list_inputs(marketplace: DryRunMarketplace) -> Iterator[tuple[str, Any]]:
    """Yield inputs of all mutations, for resources and orders in all states."""
    for (uuid,) in marketplace.run_sql(RESOURCES_SQL):
        yield from list_resource_inputs(marketplace, uuid.hex)
    for (uuid,) in marketplace.run_sql(ORDERS_SQL):
        yield from list_order_inputs(uuid.hex)


def check_statements(marketplace: DryRunMarketplace) -> None:
    """Check that the statements since the last check have neither written nor locked."""
    recorded_sql = marketplace.marketplace.database.recorded_sql
    assert [
        each for each in recorded_sql if any(word in each.lower() for word in WRITING_WORDS)
    ] == []
    recorded_sql.clear()


@pytest.mark.parametrize("username", ["staff", "provider"])
async def test_dry_runs_meet_the_problems_of_transactions(
    demo: DryRunMarketplace, transaction_pool: TransactionPool, username: str
) -> None:
    reasons = Counter[Any]()
    for field, values in list_inputs(demo):
        if "uuids" in values:
            continue
        demo.service.problems.clear()
        await demo.run_mutation(field, values, username)
        check_statements(demo)
        ((call, problem),) = demo.service.problems
        assert problem == await demo.find_local_problem(transaction_pool, call, username)
        reasons[getattr(problem, "reason", type(problem))] += 1
    if username == "staff":
        assert {Reason.INVOICE_CLOSED, Reason.COST_POLICY, InvalidInput} <= reasons.keys()


@pytest.mark.parametrize("username", ["staff", "owner_c", "project_member_c0", "provider_a_owner"])
async def test_dry_runs_over_an_old_waldur(old_waldur: DryRunMarketplace, username: str) -> None:
    for field, values in list_inputs(old_waldur):
        results = await old_waldur.run_mutation(field, values, username)
        check_statements(old_waldur)
        if field in MISSING_IN_2024:
            assert {name for name, _ in results} <= {"Unavailable", "NotFound"}


@pytest.mark.parametrize("username", ["staff", "member"])
async def test_dry_runs_over_the_newest_waldur(
    newest_demo: DryRunMarketplace, username: str
) -> None:
    for field, values in list_inputs(newest_demo):
        await newest_demo.run_mutation(field, values, username)
        check_statements(newest_demo)
