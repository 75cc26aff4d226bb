"""A short document can ask for very much; the answer is bounded all the same."""

import asyncio

import pytest

from gateway.context import Budget, TooMuchError
from tests.marketplaces import Marketplace
from tests.schema.documents import contract

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
