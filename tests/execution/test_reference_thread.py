"""Test that large reference executions run in their thread, with equal results."""

import asyncio
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.api import schema
from gateway.db.driver.database import Rows, TimedOutError
from gateway.execution import executor as executor_module, reference_thread
from gateway.execution.executor import Executor
from gateway.execution.graphql_core import FailedDatabase
from gateway.execution.graphql_request import GraphQLRequest
from gateway.marketplace.requester import Requester
from gateway.schema.framework.context import RequestContext, RowBudget
from tests.support.database_queries import build_request, open_warm_database
from tests.support.marketplaces import Marketplace

NESTED = "projects(first: 9) { nodes { name resources(first: %d) { totalCount nodes { name } } } }"
SMALL_QUERY, LARGE_QUERY = f"{{ {NESTED % 1} }}", f"{{ {NESTED % 300} }}"
MISTAKE = "resources(first: 5000) { totalCount }"


@pytest.fixture
def frequent_switches() -> Iterator[None]:
    """Switch threads as often as the interpreter can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


class ThreadRecorder(RowBudget):
    """A row budget that records the threads in which it is charged."""

    def __init__(self, rows: int = 20_000) -> None:
        super().__init__(rows)
        self.thread_names: set[str] = set()
        self.is_charged = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def consume_rows(self, rows: int) -> None:
        """Record the thread, and subtract `rows`."""
        self.thread_names.add(threading.current_thread().name.partition("_")[0])
        self._loop.call_soon_threadsafe(self.is_charged.set)
        super().consume_rows(rows)


async def make_context(demo: Marketplace, budget: RowBudget) -> RequestContext:
    """Return the context of a staff user's request."""
    viewer = await demo.load_viewer("staff")
    return RequestContext(
        demo.database, demo.statement_compiler, Requester(viewer), row_budget=budget
    )


async def execute_recorded(
    demo: Marketplace, executor: Executor, query: str, rows: int = 20_000
) -> tuple[Any, set[str]]:
    """Return a response, and the threads in which its rows were counted."""
    recorder = ThreadRecorder(rows)
    result = await executor.execute(GraphQLRequest(query), await make_context(demo, recorder))
    return result.encode(), recorder.thread_names


@pytest.mark.parametrize("query", [LARGE_QUERY, LARGE_QUERY[:-1] + MISTAKE + "}"])
@pytest.mark.parametrize("rows", [50, 20_000])
async def test_large_executions_run_in_the_thread_with_equal_results(
    demo: Marketplace, monkeypatch: pytest.MonkeyPatch, query: str, rows: int
) -> None:
    executor = Executor(schema, execution="reference")
    in_thread, thread_names = await execute_recorded(demo, executor, query, rows)
    assert MISTAKE in query or thread_names == {"reference"}
    monkeypatch.setattr(executor_module, "MAX_LOOP_COST", 10**9)
    in_loop, thread_names = await execute_recorded(demo, executor, query, rows)
    assert MISTAKE in query or thread_names == {"MainThread"}
    assert in_thread == in_loop


async def test_small_executions_run_in_the_loop(demo: Marketplace) -> None:
    executor = Executor(schema, execution="reference")
    assert (await execute_recorded(demo, executor, SMALL_QUERY))[1] == {"MainThread"}
    assert (await execute_recorded(demo, executor, LARGE_QUERY))[1] == {"reference"}


async def test_mistakes_in_large_compiled_operations_are_reported_from_the_thread(
    demo: Marketplace,
) -> None:
    executor = Executor(schema)
    query = '{ a: node(id: "\\u0000") { id } ' + LARGE_QUERY[1:]
    response, thread_names = await execute_recorded(demo, executor, query)
    assert b"BAD_USER_INPUT" in response
    assert thread_names == {"reference"}


async def test_errors_of_the_database_reach_the_thread(demo: Marketplace) -> None:
    context = await make_context(demo, RowBudget(20_000))
    context.database = FailedDatabase(context.database, TimedOutError("too slow"))
    result = await Executor(schema, execution="reference").execute(
        GraphQLRequest(LARGE_QUERY), context
    )
    assert {each["extensions"]["code"] for each in result.response["errors"]} == {"TIMEOUT"}


async def test_cancelled_requests_end_their_execution(demo: Marketplace) -> None:
    executor, recorder = Executor(schema, execution="reference"), ThreadRecorder()
    context, other_context = [await make_context(demo, each) for each in (recorder, recorder)]
    request = GraphQLRequest(LARGE_QUERY)
    executions = [
        asyncio.ensure_future(executor.execute(request, each)) for each in (context, other_context)
    ]
    await recorder.is_charged.wait()
    for execution in executions:
        execution.cancel()
    await asyncio.gather(*executions, return_exceptions=True)
    assert (await execute_recorded(demo, executor, LARGE_QUERY))[1] == {"reference"}
    assert executor._reference_thread._worker.job_count == 2


async def test_rows_of_other_requests_are_not_mixed_in(
    demo_url: str, frequent_switches: None
) -> None:
    """The thread decodes rows of a connection, whose other rows the loop decodes meanwhile."""
    async with open_warm_database(demo_url, size=1) as database:
        bridged_database = reference_thread._BridgedDatabase(
            database, reference_thread._RequestLoop()
        )
        own_request = build_request("select n, 'own' from generate_series(1, 50) n")
        other_request = build_request("select 'other', n from generate_series(1, 20) n")
        expected_rows = await database.fetch_rows([own_request, other_request])

        async def fetch_in_thread() -> list[Rows]:
            return [(await bridged_database.fetch_rows([own_request]))[0] for _ in range(300)]

        in_thread = asyncio.ensure_future(asyncio.to_thread(asyncio.run, fetch_in_thread()))
        (other_result,) = await database.fetch_results([other_request])
        while not in_thread.done():
            for _ in range(100):
                assert other_result.decode_rows() == expected_rows[1]
            await asyncio.sleep(0)
        assert await in_thread == [expected_rows[0]] * 300
