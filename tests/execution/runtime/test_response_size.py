"""Test the limits of documents and responses: rows, filters, names, introspection."""

import asyncio
from typing import Any

import pytest

from gateway.api import schema
from gateway.execution.executor import Executor
from gateway.schema.framework.context import ResponseTooLargeError, RowBudget
from tests.support.marketplaces import EXECUTION_MODE, Marketplace
from tests.support.operation_limits import LARGE_POLICY
from tests.support.schema_documents import select_mapped_fields

PAGE_TEMPLATE = "{ resources(first: 300) { nodes { %s } } }"


def nest_selections(depth: int) -> str:
    """Return a document whose response grows with each level."""
    return (
        "{ offerings(first: 100) { nodes { "
        + "components { offering { " * depth
        + "name"
        + " } }" * depth
        + " } } }"
    )


@pytest.fixture
def unlimited_demo(demo: Marketplace, monkeypatch: pytest.MonkeyPatch) -> Marketplace:
    """Return the demo with an executor that limits no operations before their execution."""
    executor = Executor(schema, policy=LARGE_POLICY, execution=EXECUTION_MODE)
    monkeypatch.setattr(demo, "executor", executor)
    return demo


async def test_exponentially_growing_response_is_rejected(unlimited_demo: Marketplace) -> None:
    demo = unlimited_demo
    error = await demo.fetch_error(nest_selections(12), None)
    assert error["extensions"]["code"] == "QUERY_TOO_COMPLEX"
    assert "20000" in error["message"]
    assert (await demo.fetch_data("{ resources(first: 1) { totalCount } }"))["resources"][
        "totalCount"
    ]


async def test_rejected_execution_leaves_no_tasks(unlimited_demo: Marketplace) -> None:
    demo = unlimited_demo
    task_count = len(asyncio.all_tasks())
    await demo.fetch_error(nest_selections(12))
    await asyncio.sleep(0.1)
    assert len(asyncio.all_tasks()) <= task_count + 1


async def test_full_page_of_all_contract_paths_is_within_the_limit(
    demo: Marketplace,
) -> None:
    data = await demo.fetch_data(PAGE_TEMPLATE % select_mapped_fields())
    assert len(data["resources"]["nodes"]) == 300


def test_budget_counts_remaining_rows() -> None:
    budget = RowBudget(2)
    budget.consume_rows(2)
    with pytest.raises(ResponseTooLargeError):
        budget.consume_rows(1)


@pytest.mark.parametrize(
    "filter_",
    [
        {"or": [{}] * 101},
        {"and": [{"or": [{}] * 10}] * 10},
    ],
    ids=["wide", "wide and deep"],
)
async def test_filters_are_bounded(demo: Marketplace, filter_: dict[str, Any]) -> None:
    document = "query($f: ResourceFilter) { resources(filter: $f) { totalCount } }"
    error = await demo.fetch_error(document, f=filter_)
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["extensions"]["argument"][0] == "filter"


UUIDS = '"00000000000000000000000000000000" ' * 1001


@pytest.mark.parametrize(
    "filter_",
    [f"uuid: [{UUIDS}]", f"not: {{offeringSlug: [{UUIDS}]}}"],
    ids=["many values", "many values below"],
)
async def test_lists_in_filters_are_bounded(demo: Marketplace, filter_: str) -> None:
    document = f"{{ resources(filter: {{{filter_}}}) {{ totalCount }} }}"
    error = await demo.fetch_error(document)
    assert error["extensions"]["argument"][0] == "filter"
    assert "must have at most 1000 items, got 1001." in error["message"]


async def test_statement_is_independent_of_condition_order(demo: Marketplace) -> None:
    document = "query($f: ResourceFilter) { resources(filter: $f) { totalCount } }"
    statements = []
    for filter_ in ({"paused": True, "name": "a"}, {"name": "b", "paused": False}):
        await demo.fetch_data(document, f=filter_)
        statements += demo.database.recorded_sql
    assert statements[0] == statements[1]


OVERSIZED_DOCUMENTS = {
    "alias": f"{{ {'x' * 129}: __typename }}",
    "operation": f"query {'q' * 129} {{ __typename }}",
    "document": "#" * 100_001,
}


@pytest.mark.parametrize("document", OVERSIZED_DOCUMENTS.values(), ids=OVERSIZED_DOCUMENTS)
async def test_names_and_documents_are_bounded(demo: Marketplace, document: str) -> None:
    error = await demo.fetch_error(document)
    assert error["extensions"]["code"] == "GRAPHQL_PARSE_FAILED"
    assert "at most" in error["message"]


async def test_long_words_in_strings_are_accepted(demo: Marketplace) -> None:
    data = await demo.fetch_data('{ resources(query: "%s") { totalCount } }' % ("x" * 200))
    assert data == {"resources": {"totalCount": 0}}
