"""The number of statements depends on the document, never on the rows."""

import pytest

from tests.support.marketplaces import EXECUTION, Marketplace
from tests.support.schema_documents import contract

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


COUNTS = "resourceCounts { state count }"
LIST = "query($n: Int!) {{ {}(first: $n) {{ nodes {{ {} }} }} }}"
COUNTED = {
    LIST.format("projects", COUNTS): 2,
    LIST.format("customers", COUNTS): 2,
    LIST.format("offerings", f"{COUNTS} plans {{ {COUNTS} }}"): 4,
    PAGE % f"offering {{ {COUNTS} }} plan {{ {COUNTS} }} project {{ {COUNTS} }}": 4,
}
"""Documents that count the resources of many, and how many statements that takes."""


@pytest.mark.parametrize("viewer", ["staff", "owner"])
@pytest.mark.parametrize(("document", "taken"), COUNTED.items(), ids=range(len(COUNTED)))
async def test_the_resources_of_many_are_counted_at_once(
    demo: Marketplace, viewer: str, document: str, taken: int
) -> None:
    referred = 3 if EXECUTION == "reference" and "offering {" in document else 0
    for rows in (5, 50, 300):
        await demo.data(document, viewer, n=rows)
        assert len(demo.database.asked) == taken + referred
    assert sum("count(*)" in each for each in demo.database.asked) == document.count(COUNTS)
