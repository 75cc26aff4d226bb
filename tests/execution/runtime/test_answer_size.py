"""A short document can ask for very much; the answer is bounded all the same."""

import asyncio
from typing import Any

import pytest

from gateway.schema.framework.context import Budget, TooMuchError
from tests.support.marketplaces import Marketplace
from tests.support.schema_documents import contract

PAGE = "{ resources(first: 300) { nodes { %s } } }"


def nested(times: int) -> str:
    """Write a document whose answer grows with each level."""
    return (
        "{ offerings(first: 100) { nodes { "
        + "components { offering { " * times
        + "name"
        + " } }" * times
        + " } } }"
    )


async def test_an_answer_that_grows_without_bounds_is_refused(demo: Marketplace) -> None:
    error = await demo.refused(nested(12), None)
    assert error["extensions"]["code"] == "QUERY_TOO_COMPLEX"
    assert "20000" in error["message"]
    assert (await demo.data("{ resources(first: 1) { totalCount } }"))["resources"]["totalCount"]


async def test_nothing_of_a_refused_answer_goes_on(demo: Marketplace) -> None:
    before = len(asyncio.all_tasks())
    await demo.refused(nested(12))
    await asyncio.sleep(0.1)
    assert len(asyncio.all_tasks()) <= before + 1


async def test_the_longest_page_with_all_promised_paths_is_within_the_bounds(
    demo: Marketplace,
) -> None:
    answer = await demo.data(PAGE % contract())
    assert len(answer["resources"]["nodes"]) == 300


def test_what_is_left_is_counted() -> None:
    budget = Budget(2)
    budget.spend(2)
    with pytest.raises(TooMuchError):
        budget.spend(1)


@pytest.mark.parametrize(
    "wanted",
    [
        {"or": [{"paused": True}] * 101},
        {"and": [{"or": [{}] * 20}] * 20},
        {"uuid": ["0" * 32] * 1001},
        {"not": {"offeringSlug": ["x"] * 1001}},
    ],
    ids=["wide", "wide and deep", "many values", "many values below"],
)
async def test_a_filter_has_bounds(demo: Marketplace, wanted: dict[str, Any]) -> None:
    document = "query($f: ResourceFilter) { resources(filter: $f) { totalCount } }"
    error = await demo.refused(document, f=wanted)
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["extensions"]["argument"][0] == "filter"


async def test_the_order_of_conditions_makes_no_other_statement(demo: Marketplace) -> None:
    document = "query($f: ResourceFilter) { resources(filter: $f) { totalCount } }"
    asked = []
    for wanted in ({"paused": True, "name": "a"}, {"name": "b", "paused": False}):
        await demo.data(document, f=wanted)
        asked += demo.database.asked
    assert asked[0] == asked[1]


LONG = {
    "alias": f"{{ {'x' * 129}: __typename }}",
    "operation": f"query {'q' * 129} {{ __typename }}",
    "document": "#" * 100_001,
    "introspection": "{ " + " ".join(f"a{i}: __schema {{ __typename }}" for i in range(6)) + " }",
}


@pytest.mark.parametrize("document", LONG.values(), ids=LONG)
async def test_names_and_documents_have_bounds(demo: Marketplace, document: str) -> None:
    error = await demo.refused(document)
    assert error["extensions"]["code"] == "GRAPHQL_PARSE_FAILED"
    assert "more than" in error["message"]


async def test_a_long_word_in_a_text_is_no_long_name(demo: Marketplace) -> None:
    answer = await demo.data('{ resources(query: "%s") { totalCount } }' % ("x" * 200))
    assert answer == {"resources": {"totalCount": 0}}
