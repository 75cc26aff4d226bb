"""The number of statements depends on the document, never on the rows."""

import pytest

from tests.marketplaces import EXECUTION, Marketplace
from tests.schema.documents import contract

MOST = {"compiled": 15, "reference": 25}
"""Statements for a page of resources with all that REST's list prints of them."""
PAGE = "query($n: Int!) { resources(first: $n) { nodes { %s } } }"


@pytest.mark.parametrize("viewer", ["staff", "owner", "provider"])
async def test_a_page_with_all_paths_takes_the_same_statements_for_any_number_of_rows(
    demo: Marketplace, viewer: str
) -> None:
    document = PAGE % contract()
    counts = {}
    for rows in (5, 50, 300):
        await demo.data(document, viewer, n=rows)
        counts[rows] = len(demo.database.asked)
    assert counts[5] == counts[50] == counts[300]


@pytest.mark.parametrize("viewer", ["staff", "owner", "provider"])
async def test_a_page_of_what_rest_lists_takes_few(demo: Marketplace, viewer: str) -> None:
    await demo.data(PAGE % contract(("resource",)), viewer, n=50)
    assert len(demo.database.asked) <= MOST[EXECUTION]
