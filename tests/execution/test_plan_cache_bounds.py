"""Test that clients can't fill the caches whose keys they choose."""

import asyncio
from typing import Any

import pytest

from gateway.api import schema
from gateway.db import tables
from gateway.db.query_spec import ColumnRef, QuerySpec
from gateway.db.sql import compiler
from gateway.db.sql.compiler import StatementCompiler
from gateway.execution.executor import Executor
from gateway.execution.graphql_request import GraphQLRequest
from gateway.execution.plan import plan as plan_module
from gateway.execution.plan.serializers import make_struct_class
from gateway.marketplace.requester import Requester
from gateway.schema.framework.context import RequestContext
from tests.support.marketplaces import Marketplace

FILTER_QUERY = """query($n: Int!, $filter: ResourceFilter) {
  resources(first: $n, filter: $filter) { nodes { name } }
}"""


async def execute_query(
    demo: Marketplace, executor: Executor, query: str, variables: dict[str, Any]
) -> None:
    """Execute a query that must have no errors."""
    context = RequestContext(
        demo.database, demo.statement_compiler, Requester(await demo.load_viewer("member"))
    )
    result = await executor.execute(GraphQLRequest(query, variables), context)
    assert "errors" not in result.response


async def test_statements_of_a_plan_are_bounded(
    demo: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan_module, "MAX_STATEMENT_BYTES", 50_000)
    executor = Executor(schema)
    for number in range(40):
        await execute_query(demo, executor, FILTER_QUERY, {"n": number})
    assert executor._plan_cache is not None
    cached_plans = executor._plan_cache.cached_plans
    (plan,) = cached_plans._values.values()
    assert plan is not None
    assert 0 < plan.statement_bytes <= 50_000
    assert 0 < sum(len(step.statements) for step in plan.steps) < 40
    assert cached_plans.total_bytes < 80_000


async def test_forgotten_statements_leave_no_list_empty(
    demo: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run compiles one statement, for which the plan forgets those that the run has found."""
    query = "{ offerings(first: 9) { nodes { components { name } plans { name } } } }"
    monkeypatch.setattr(demo, "executor", Executor(schema))
    expected_data = await demo.fetch_data(query)
    assert demo.executor._plan_cache is not None
    (plan,) = demo.executor._plan_cache.cached_plans._values.values()
    assert plan is not None
    monkeypatch.setattr(plan_module, "MAX_STATEMENT_BYTES", plan.statement_bytes)
    for step in plan.levels[-1]:
        step.statements.clear()
        assert await demo.fetch_data(query) == expected_data


async def test_statements_count_for_the_size_of_the_plan_cache(demo: Marketplace) -> None:
    executor = Executor(schema, plan_bytes=60_000)
    for number in range(40):
        await execute_query(demo, executor, FILTER_QUERY, {"n": number})
        assert executor._plan_cache is not None
        assert executor._plan_cache.cached_plans.total_bytes <= 60_000


async def test_statements_of_the_reference_are_bounded(
    demo: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiler, "MAX_CACHE_BYTES", 30_000)
    statement_compiler = StatementCompiler(demo.installation)
    access_shape = (await demo.load_viewer("member")).access_shape
    for number in range(1, 12):
        columns = tuple(ColumnRef(each) for each in list(tables.resource.c)[:number])
        await statement_compiler.load_statement(
            QuerySpec(tables.resource, columns), access_shape, None
        )
    cached_statements = statement_compiler._cached_statements
    assert 0 < len(cached_statements) < 11
    assert cached_statements.total_bytes <= 30_000


def test_classes_of_response_objects_are_bounded() -> None:
    for number in range(100):
        make_struct_class(tuple(f"k{number}_{key}" + "x" * 100 for key in range(400)))
    cache = make_struct_class.cache  # type: ignore[attr-defined]
    assert cache.total_bytes <= cache.max_bytes
    assert len(cache) < 100


async def test_concurrent_requests_share_one_build(demo: Marketplace) -> None:
    executor = Executor(schema)
    variables: dict[str, Any] = {"n": 7, "filter": {"name": "shared"}}
    await asyncio.gather(
        *[execute_query(demo, executor, FILTER_QUERY, variables) for _ in range(10)]
    )
    assert executor.build_worker.job_count == 1
    assert executor.execution_counts == {"compiled": 10}
