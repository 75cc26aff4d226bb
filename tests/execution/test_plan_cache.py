"""Test that plans are compiled once, and that fallbacks are counted and logged."""

import logging
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from graphql import get_introspection_query
from strawberry import Schema

from gateway.api import schema
from gateway.db.access.viewer import Viewer
from gateway.db.driver.database import PendingRequest
from gateway.execution.executor import Executor
from gateway.execution.graphql_request import GraphQLRequest
from gateway.execution.plan.nodes import StepKind
from gateway.execution.plan.plan import MAX_PLAN_FAILURES, ExecutionPlan
from gateway.execution.plan_cache import NOT_BUILT
from gateway.execution.planner import selections
from gateway.marketplace.requester import Requester
from gateway.schema.framework.context import RequestContext, RowBudget
from tests.support.marketplaces import Marketplace, RecordingDatabase
from tests.support.operation_limits import LARGE_POLICY
from tests.support.schema_documents import select_mapped_fields

PAGE_QUERY = """query($n: Int!, $long: Boolean = true) {
  resources(first: $n) {
    totalCount nodes { name @include(if: $long) project { created } endpoints { url } }
  }
}"""


@pytest.fixture
def executor() -> Executor:
    """Return an executor with an empty plan cache, for operations of any size."""
    return Executor(schema, policy=LARGE_POLICY)


async def execute_as(
    demo: Marketplace, executor: Executor, query: str, as_: str = "staff", **variables: Any
) -> Any:
    """Return the response as the client decodes it."""
    context = RequestContext(
        demo.database, demo.statement_compiler, Requester(await demo.load_viewer(as_))
    )
    demo.database.recorded_sql = []
    result = await executor.execute(GraphQLRequest(query, variables, request_id="the-id"), context)
    return msgspec.json.decode(result.encode())


async def get_plan_of(
    demo: Marketplace, executor: Executor, query: str, **variables: Any
) -> ExecutionPlan:
    """Return the plan of a query."""
    document = executor._admission.document_cache.get_document(query)
    plan_cache, graphql_request = executor._plan_cache, GraphQLRequest(query, variables)
    assert plan_cache is not None
    plan = plan_cache.find_plan(document, graphql_request, demo.installation)
    if plan is NOT_BUILT:
        context = RequestContext(demo.database, demo.statement_compiler, Requester(Viewer()))
        plan = await plan_cache.build_plan(document, graphql_request, context)
    assert plan is not None
    return plan


async def test_operations_are_compiled_once_for_all_variables(
    demo: Marketplace, executor: Executor
) -> None:
    plan = await get_plan_of(demo, executor, PAGE_QUERY, n=1)
    assert await get_plan_of(demo, executor, PAGE_QUERY, n=2) is plan
    assert await get_plan_of(demo, executor, PAGE_QUERY, n=1, long=False) is not plan


async def test_each_level_is_one_batch(demo: Marketplace, executor: Executor) -> None:
    plan = await get_plan_of(demo, executor, PAGE_QUERY, n=1)
    levels = [[step.kind for step in level] for level in plan.levels]
    assert levels == [[StepKind.PAGE, StepKind.COUNT], [StepKind.MANY]]
    batch_sizes = []

    class CountingDatabase(RecordingDatabase):
        def send(self, pending_requests: Sequence[PendingRequest]) -> None:
            batch_sizes.append(len(pending_requests))
            super().send(pending_requests)

    database = await CountingDatabase.connect(demo.url)
    database.recorded_sql = []
    viewer = await demo.load_viewer("staff")
    context = RequestContext(database, demo.statement_compiler, Requester(viewer))
    await executor.execute(GraphQLRequest(PAGE_QUERY, {"n": 3}), context)
    await database.close()
    assert batch_sizes == [2, 1]


async def test_page_of_all_paths_needs_few_statements(
    demo: Marketplace, executor: Executor
) -> None:
    selection = select_mapped_fields(("resource",))
    document = f"query($n: Int!) {{ resources(first: $n) {{ nodes {{ {selection} }} }} }}"
    for viewer in ("staff", "member"):
        for rows in (5, 300):
            await execute_as(demo, executor, document, viewer, n=rows)
            assert len(demo.database.recorded_sql) <= 15
    assert executor.execution_counts == {"compiled": 4}


DETAIL_QUERY = """query($uuid: UUID!) { resource(uuid: $uuid) {
  name endpoints { url } parent { endpoints { url } children { totalCount } }
  offering { name components { name limitAmount } plans { name components { price } } }
} }"""


@pytest.mark.parametrize("viewer", ["staff", "member"])
async def test_short_lists_of_one_row_are_inlined(
    demo: Marketplace, executor: Executor, viewer: str
) -> None:
    data = await demo.fetch_data("{ resources(first: 40) { nodes { uuid } } }", viewer)
    reference_executor = Executor(schema, execution="reference")
    for resource in data["resources"]["nodes"]:
        body = await execute_as(demo, executor, DETAIL_QUERY, viewer, uuid=resource["uuid"])
        assert len(demo.database.recorded_sql) <= 3 + (
            "count(*)" in str(demo.database.recorded_sql)
        )
        assert body == await execute_as(
            demo, reference_executor, DETAIL_QUERY, viewer, uuid=resource["uuid"]
        )
    assert executor.execution_counts == {"compiled": len(data["resources"]["nodes"])}
    steps = (await get_plan_of(demo, executor, DETAIL_QUERY, uuid=resource["uuid"])).steps
    assert sum(step.inlined for step in steps) >= 3


async def test_lists_of_an_invisible_row_are_not_read(
    demo: Marketplace, executor: Executor
) -> None:
    data = await demo.fetch_data("{ resources(last: 1) { nodes { uuid } } }")
    (resource,) = data["resources"]["nodes"]
    body = await execute_as(demo, executor, DETAIL_QUERY, "nobody", uuid=resource["uuid"])
    assert body == {"data": {"resource": None}}
    assert executor.execution_counts == {"compiled": 1}


async def test_empty_text_is_not_a_missing_row(demo: Marketplace, executor: Executor) -> None:
    query = "{ resources(first: 50) { nodes { offering { pausedReason components { type } } } } }"
    body = await execute_as(demo, executor, query)
    offerings = [resource["offering"] for resource in body["data"]["resources"]["nodes"]]
    assert any(resource["pausedReason"] == "" and resource["components"] for resource in offerings)
    assert executor.execution_counts == {"compiled": 1}


async def test_only_selected_columns_are_read(demo: Marketplace, executor: Executor) -> None:
    await execute_as(demo, executor, "{ resources(first: 1) { nodes { name } } }", "member")
    (sql,) = demo.database.recorded_sql
    assert "marketplace_resource.name" in sql
    assert "attributes" not in sql
    assert "JOIN" not in sql


async def test_children_of_an_invisible_row_are_not_read(
    demo: Marketplace, executor: Executor
) -> None:
    """Test that the keys of parents which the viewer can't see are not collected."""
    query = "{ resources(first: 300) { nodes { parent { name endpoints { url } } } } }"
    body = await execute_as(demo, executor, query, "resource_user")
    parents = [
        resource["parent"] for resource in body["data"]["resources"]["nodes"] if resource["parent"]
    ]
    hidden_parents = [resource for resource in parents if resource["endpoints"] is None]
    plan = await get_plan_of(demo, executor, query)
    (list_step,) = plan.levels[1]
    page_step = list_step.parent_step
    assert page_step is not None
    (visible_position,) = page_step.outputs[-1].visible_positions
    key_position = page_step.outputs[-1].non_null_positions[-1]
    rows = [(None, *([True] * len(page_step.columns))) for _ in range(3)]
    hidden_rows = [(*row[:visible_position], False, *row[visible_position + 1 :]) for row in rows]
    assert list_step.collect_keys(hidden_rows) == set()
    visible_rows = [(*row[:key_position], 7, *row[key_position + 1 :]) for row in rows]
    assert list_step.collect_keys(visible_rows) == {7}
    assert executor.execution_counts == {"compiled": 1}
    assert len(hidden_parents) <= len(parents)


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("{ __typename __schema { queryType { name } } }", "__schema"),
        ('{ __typename __type(name: "Query") { name } }', "__type"),
        ("query($a: Boolean!) { a: __typename @skip(if: $a) }", ""),
    ],
)
async def test_documents_without_a_plan_are_counted_and_logged(
    demo: Marketplace,
    executor: Executor,
    caplog: pytest.LogCaptureFixture,
    query: str,
    reason: str,
) -> None:
    caplog.set_level(logging.DEBUG, "gateway.execution")
    for _ in range(2):
        await execute_as(demo, executor, query, a="no boolean")
    assert executor.execution_counts == {"reference": 2}
    messages = [record.getMessage() for record in caplog.records]
    assert all("Not compiled" in message and reason in message for message in messages)
    assert bool(messages) == bool(reason)


async def test_long_documents_have_a_plan(demo: Marketplace, executor: Executor) -> None:
    query = "{ resources(first: 1) { nodes { name } } } # " + "x" * 90_000
    for _ in range(2):
        assert "errors" not in await execute_as(demo, executor, query)
    assert executor.execution_counts == {"compiled": 2}
    assert executor._plan_cache is not None
    assert 360_000 < executor._plan_cache.cached_plans.total_bytes < 500_000


async def test_documents_with_too_many_nodes_have_no_plan(
    demo: Marketplace,
    executor: Executor,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(selections, "MAX_PLAN_NODES", 3)
    body = await execute_as(demo, executor, "{ resources(first: 1) { nodes { name slug state } } }")
    assert len(body["data"]["resources"]["nodes"]) == 1
    assert executor.execution_counts == {"reference": 1}
    assert "more than 3 fields" in caplog.text


async def test_exponential_fragments_are_executed(demo: Marketplace, executor: Executor) -> None:
    """Test thirty fragments, each spread twice in the one before: 2^30 fields when expanded."""
    fragments = [
        f"fragment F{index} on Offering {{"
        f" a: parent {{ ...F{index + 1} }} b: parent {{ ...F{index + 1} }} }}"
        for index in range(30)
    ]
    last = "fragment F30 on Offering { name }"
    query = "{ offerings(first: 1) { nodes { ...F0 } } } " + " ".join([*fragments, last])
    body = await execute_as(demo, executor, query)
    assert len(body["data"]["offerings"]["nodes"]) == 1
    assert executor.execution_counts == {"reference": 1}


async def test_join_count_is_bounded(demo: Marketplace, executor: Executor) -> None:
    """Test that rows beyond MAX_JOINS references are read by steps of their own."""
    fragments = [
        f"""fragment O{index} on Offering {{
            name category {{ title }} provider {{ name }} project {{ name customer {{ name }} }}
            parent {{ {f"...O{index - 1}" if index else "name"} }}
        }}
        fragment R{index} on Resource {{
            name offering {{ ...O{index} }} plan {{ offering {{ ...O{index} }} }}
            project {{ name created }} parent {{ {f"...R{index - 1}" if index else "name"} }}
        }}"""
        for index in range(4)
    ]
    query = "{ resources(first: 50) { nodes { ...R3 } } } " + " ".join(fragments)
    reference_executor = Executor(schema, execution="reference")
    for viewer in ("staff", "member", "resource_user"):
        body = await execute_as(demo, executor, query, viewer)
        assert max(sql.count("JOIN") for sql in demo.database.recorded_sql) <= selections.MAX_JOINS
        assert body == await execute_as(demo, reference_executor, query, viewer)
    assert executor.execution_counts == {"compiled": 3}


async def test_documents_with_very_many_lists_have_no_plan(
    demo: Marketplace, executor: Executor
) -> None:
    lists = " ".join(f"a{index}: resources(first: 1) {{ totalCount }}" for index in range(101))
    await execute_as(demo, executor, f"{{ {lists} }}")
    assert len(set(demo.database.recorded_sql)) == 1
    assert executor.execution_counts == {"reference": 1}


async def test_deep_documents_are_executed(demo: Marketplace, executor: Executor) -> None:
    nested_parents = "parent { " * 150 + "name" + " }" * 150
    query = f"{{ offerings(first: 1) {{ nodes {{ {nested_parents} }} }} }}"
    body = await execute_as(demo, executor, query)
    assert body["data"]["offerings"]["nodes"]


async def test_plan_is_disabled_after_repeated_failures(
    demo: Marketplace, executor: Executor, caplog: pytest.LogCaptureFixture
) -> None:
    query = "{ resources(first: 2) { nodes { name } } }"
    plan = await get_plan_of(demo, executor, query)
    plan.levels[0][0].build_results = lambda *_: {}
    for _ in range(MAX_PLAN_FAILURES + 2):
        assert len((await execute_as(demo, executor, query))["data"]["resources"]["nodes"]) == 2
    assert executor.execution_counts == {"fallback": MAX_PLAN_FAILURES, "reference": 2}
    fallback_message = "the-id: plan failed, falling back to graphql-core: KeyError"
    assert caplog.text.count(fallback_message) == MAX_PLAN_FAILURES


async def test_plan_is_disabled_only_after_consecutive_failures(
    demo: Marketplace, executor: Executor
) -> None:
    query = "{ resources(first: 2) { nodes { name } } }"
    plan = await get_plan_of(demo, executor, query)
    step = plan.levels[0][0]
    original_build = step.build_results
    for _ in range(MAX_PLAN_FAILURES):
        step.build_results = lambda *_: {}
        await execute_as(demo, executor, query)
        step.build_results = original_build
        await execute_as(demo, executor, query)
    assert executor.execution_counts == {
        "fallback": MAX_PLAN_FAILURES,
        "compiled": MAX_PLAN_FAILURES,
    }


async def test_introspection_logs_no_warning(
    demo: Marketplace, executor: Executor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "gateway.execution")
    assert "errors" not in await execute_as(demo, executor, get_introspection_query())
    assert not caplog.records


async def test_client_errors_do_not_disable_a_plan(demo: Marketplace, executor: Executor) -> None:
    for _ in range(MAX_PLAN_FAILURES + 1):
        body = await execute_as(demo, executor, PAGE_QUERY, n=-1)
        assert body["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert executor.execution_counts == {"reference": MAX_PLAN_FAILURES + 1}
    await execute_as(demo, executor, PAGE_QUERY, n=1)
    assert executor.execution_counts["compiled"] == 1


async def test_client_errors_do_not_prevent_a_plan(
    demo: Marketplace, executor: Executor, caplog: pytest.LogCaptureFixture
) -> None:
    assert "errors" in await execute_as(demo, executor, PAGE_QUERY, n="many")
    assert "errors" not in await execute_as(demo, executor, PAGE_QUERY, n=1)
    assert executor.execution_counts == {"reference": 1, "compiled": 1}
    assert not caplog.records


@pytest.mark.parametrize(
    "query",
    [
        "{ viewer { user { username } } }",
        "{ resources(first: 9) { nodes { project { name } plan { name } endpoints { url } } } }",
        "{ resources(first: 9) { edges { cursor node { offering { components { name } } } } } }",
        "{ resources(first: 9) { edges { cursor } pageInfo { endCursor } totalCount } }",
        "{ a: resources(first: 4) { nodes { name } } categories { offerings { nodes { name } } } }",
        """{ resources(first: 9) { nodes { parent { parent { name } created children { nodes
        { parent { offering { plans { components { component { name } } } } } } } } } } }""",
        """{ viewer { user { username } } projects { nodes { customer { projects { nodes { name
        resources(first: 3) { nodes { isUsageBased } } } } } } } }""",
    ],
)
@pytest.mark.parametrize("viewer", ["staff", "member", "resource_user"])
async def test_both_executors_count_the_same_rows(
    demo: Marketplace, query: str, viewer: str
) -> None:
    budget = RowBudget(10_000)
    compiled_executor = Executor(schema)
    reference_executor = Executor(schema, execution="reference")
    viewer_ = await demo.load_viewer(viewer)
    reference_context = RequestContext(
        demo.database, demo.statement_compiler, Requester(viewer_), row_budget=budget
    )
    await reference_executor.execute(GraphQLRequest(query), reference_context)
    rows = budget.max_rows - budget._remaining_rows
    for max_rows, is_rejected in ((rows, False), (rows - 1, rows > 0)):
        context = RequestContext(
            demo.database,
            demo.statement_compiler,
            Requester(viewer_),
            row_budget=RowBudget(max_rows),
        )
        result = await compiled_executor.execute(GraphQLRequest(query), context)
        assert result.is_rejected == is_rejected
    assert compiled_executor.execution_counts == {"compiled": 2}


async def test_least_recently_used_plans_are_evicted_by_bytes(demo: Marketplace) -> None:
    executor = Executor(schema, plan_bytes=100_000)
    documents = [f"{{ a{index}: __typename }}" for index in range(30)]
    plans = [await get_plan_of(demo, executor, documents[0])]
    for document in documents[1:]:
        assert await get_plan_of(demo, executor, documents[0]) is plans[0]
        plans.append(await get_plan_of(demo, executor, document))
    assert executor._plan_cache is not None
    cached_plans = executor._plan_cache.cached_plans
    assert 5 <= len(cached_plans) <= 25
    assert cached_plans.total_bytes <= 300_000
    assert await get_plan_of(demo, executor, documents[-1]) is plans[-1]
    assert await get_plan_of(demo, executor, documents[1]) is not plans[1]


async def test_reference_executor_makes_no_plans(demo: Marketplace) -> None:
    executor = Executor(schema, execution="reference")
    await execute_as(demo, executor, PAGE_QUERY, n=1)
    assert executor.execution_counts == {"reference": 1}
    assert isinstance(schema, Schema)
