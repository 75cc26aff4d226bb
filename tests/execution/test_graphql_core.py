"""Test that the reference execution leaves nothing behind, whatever ends it."""

import asyncio
import gc
import sys
from typing import Any

import pytest

from gateway.api import schema
from gateway.execution.executor import Executor
from gateway.execution.graphql_core import ExecutionCoroutines
from gateway.execution.graphql_request import GraphQLRequest
from gateway.marketplace.requester import Requester
from gateway.schema.framework.context import RequestContext, RowBudget
from tests.support.marketplaces import Marketplace

PROJECTS = "projects(first: 5) { nodes { name resources(first: 2) { nodes { name } } } }"
WRONG_CURSOR = 'offerings(first: 1, after: "x") { totalCount }'
QUERIES = {
    "no error": f"{{ {PROJECTS} }}",
    "a root field fails": f"{{ resources(first: 5000) {{ totalCount }} {PROJECTS} }}",
    "the last root field fails": f"{{ {PROJECTS} resources(first: 5000) {{ totalCount }} }}",
    "a nested list fails": f"{{ categories {{ a: offerings(first: 1) {{ nodes {{ name resources"
    f" (first: 1) {{ nodes {{ name }} }} }} }} {WRONG_CURSOR} }} }}",
}


async def execute_by_reference(demo: Marketplace, query: str, max_rows: int) -> Any:
    """Return the response of the reference execution to a staff user."""
    viewer, budget = await demo.load_viewer("staff"), RowBudget(max_rows)
    context = RequestContext(
        demo.database, demo.statement_compiler, Requester(viewer), row_budget=budget
    )
    executor = Executor(schema, execution="reference")
    return (await executor.execute(GraphQLRequest(query), context)).response


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
@pytest.mark.parametrize("max_rows", [3, 10, 20_000])
async def test_no_task_and_no_coroutine_is_left(
    demo: Marketplace, monkeypatch: pytest.MonkeyPatch, query: str, max_rows: int
) -> None:
    unraisable: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", unraisable.append)
    tasks_before = asyncio.all_tasks()
    response = await execute_by_reference(demo, query, max_rows)
    assert ("errors" in response) == (query != QUERIES["no error"] or max_rows <= 10)
    for _ in range(3):
        await asyncio.sleep(0)  # the cancelled dispatcher ends
    tasks_left = {str(each.get_coro()) for each in asyncio.all_tasks() - tasks_before}
    assert not [each for each in tasks_left if "ConnectionPool." not in each]
    gc.collect()
    assert not unraisable


async def test_tasks_that_never_ran_leave_no_coroutine(monkeypatch: pytest.MonkeyPatch) -> None:
    unraisable: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", unraisable.append)

    async def resolve_field() -> None:
        """Do nothing, like a resolver."""

    async def complete_value(pending: Any) -> None:
        await pending

    coroutines = ExecutionCoroutines()
    resolved = resolve_field()
    completed = complete_value(resolved)
    assert coroutines.is_awaitable(resolved)
    assert coroutines.is_awaitable(completed)
    assert not coroutines.is_awaitable("value")
    task = asyncio.ensure_future(completed)
    await coroutines.close()
    assert task.cancelled()
    del resolved, completed, task
    gc.collect()
    assert not unraisable
