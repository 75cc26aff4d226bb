"""Cost policies that are exceeded while a mutation runs, after its preconditions (rules.md §0)."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
import pytest_asyncio

from gateway.db.tables.codes import PolicyAction
from tests.conftest import DatabaseFactory
from tests.support.policy_demo import PolicyDemo, Target, serve_policy_demo
from tests.support.repeated_mutations import MUTATION_CASES
from tests.support.time_limits import wait_until

BLOCK_SAVES_SQL = "lock table marketplace_resource in share mode"
"""Blocks updates of resources until the end of the transaction, but not locks of their rows."""
COUNT_BLOCKED_SQL = """
select count(*) from pg_locks where not granted and relation = 'marketplace_resource'::regclass
"""
TARGET_SQL = """
select r.uuid, r.id, p.id, p.customer_id, r.offering_id from marketplace_resource r
left join marketplace_order o on o.resource_id = r.id and o.uuid = %(uuid)s
join structure_project p on p.uuid = %(project)s or (%(project)s is null and p.id = r.project_id)
where %(uuid)s in (r.uuid, o.uuid)
"""
ALLOWED_CASES = {
    "pullResource",
    "setResourceEndpoints",
    "submitResourceReport",
    "refreshResourceLastSync",
    "unlinkResource",
    "approveOrder",
    "setOrderState, EXECUTING",
    "setOrderState, ERRED",
}
"""Mutations that a policy does not prevent."""
CHANGING_CASES = sorted(
    name
    for name in MUTATION_CASES.keys() - ALLOWED_CASES
    if MUTATION_CASES[name].field != "createOrder"
)
"""Mutations of existing resources that a policy prevents."""
NEW_RESOURCE_SQL = """
select p.id, p.customer_id, o.id from structure_project p, marketplace_offering o
where p.uuid = %s and o.uuid = %s
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: DatabaseFactory) -> AsyncIterator[PolicyDemo]:
    """Yield a demo without invoices and policies."""
    async with serve_policy_demo(new_database(), "2026") as policy_demo:
        yield policy_demo


def find_target(demo: PolicyDemo, uuid: str, project: str | None) -> Target:
    """Return the resource of a resource or order; its project is that after a move."""
    parameters = {"uuid": uuid, "project": project}
    cursor = demo.connection.execute(TARGET_SQL.encode(), parameters)
    ((resource, *keys),) = cursor.fetchall()
    return Target(resource.hex, *keys)


async def wait_for_blocked_save(demo: PolicyDemo, mutation: asyncio.Task[Any]) -> None:
    """Wait until a mutation is about to save its resource."""
    await wait_until(lambda: mutation.done() or demo.run_sql(COUNT_BLOCKED_SQL) == [(1,)])
    assert not mutation.done(), mutation.result()


@pytest.mark.parametrize("name", CHANGING_CASES)
async def test_a_policy_that_is_exceeded_meanwhile_prevents_the_change(
    demo: PolicyDemo, name: str
) -> None:
    demo.clear_policies()
    case = MUTATION_CASES[name]
    inputs = case.iter_inputs(demo)
    input_values = await anext(inputs)
    target = find_target(demo, input_values["uuid"], input_values.get("project"))
    demo.add_item(target, "101")
    with psycopg.connect(demo.url) as blocker:
        blocker.execute(BLOCK_SAVES_SQL)
        mutation = asyncio.create_task(demo.run_mutation(case.field, **input_values))
        await wait_for_blocked_save(demo, mutation)
        demo.add_policy("project", target)
        digest_before = demo.digest_tables()
    result = await mutation
    assert (result["__typename"], result.get("reason")) == ("NotPossible", "COST_POLICY")
    assert demo.digest_tables() == digest_before


async def test_a_policy_that_is_exceeded_meanwhile_prevents_a_new_resource(
    demo: PolicyDemo,
) -> None:
    demo.clear_policies()
    input_values = await anext(MUTATION_CASES["createOrder"].iter_inputs(demo))
    names = input_values["project"], input_values["offering"]
    target = Target("", 0, *demo.run_sql(NEW_RESOURCE_SQL, *names)[0])
    with psycopg.connect(demo.url) as blocker:
        blocker.execute(BLOCK_SAVES_SQL)
        mutation = asyncio.create_task(demo.run_mutation("createOrder", **input_values))
        await wait_for_blocked_save(demo, mutation)
        demo.add_policy("organisation", target, limit_cost=-1, actions=PolicyAction.BLOCK_CREATION)
        digest_before = demo.digest_tables()
    result = await mutation
    assert (result["__typename"], result.get("reason")) == ("NotPossible", "COST_POLICY")
    assert demo.digest_tables() == digest_before


@pytest.mark.parametrize("name", sorted(ALLOWED_CASES))
async def test_what_no_policy_prevents_is_done(demo: PolicyDemo, name: str) -> None:
    demo.clear_policies()
    case = MUTATION_CASES[name]
    input_values = await anext(case.iter_inputs(demo))
    target = find_target(demo, input_values["uuid"], None)
    demo.add_policy("project", target)
    demo.add_item(target, "101")
    result = await demo.run_mutation(case.field, **input_values)
    assert "message" not in result, result
