"""Test that the number of statements depends on the document, never on the rows."""

import pytest

from tests.support.marketplaces import EXECUTION_MODE, Marketplace
from tests.support.schema_documents import select_mapped_fields

MAX_STATEMENTS = {"compiled": 15, "reference": 25}
"""Statements for a page of resources with all fields of REST's list."""
PAGE_TEMPLATE = "query($n: Int!) { resources(first: $n) { nodes { %s } } }"


@pytest.mark.parametrize("viewer", ["staff", "owner", "provider"])
async def test_statement_count_is_independent_of_row_count(demo: Marketplace, viewer: str) -> None:
    document = PAGE_TEMPLATE % select_mapped_fields()
    counts = {}
    for rows in (5, 50, 300):
        await demo.fetch_data(document, viewer, n=rows)
        counts[rows] = len(demo.database.recorded_sql)
    assert counts[5] == counts[50] == counts[300]


@pytest.mark.parametrize("viewer", ["staff", "owner", "provider"])
async def test_page_of_rest_list_fields_needs_few_statements(
    demo: Marketplace, viewer: str
) -> None:
    await demo.fetch_data(PAGE_TEMPLATE % select_mapped_fields(("resource",)), viewer, n=50)
    assert len(demo.database.recorded_sql) <= MAX_STATEMENTS[EXECUTION_MODE]


COUNTS_SELECTION = "resourceCounts { state count }"
LIST_TEMPLATE = "query($n: Int!) {{ {}(first: $n) {{ nodes {{ {} }} }} }}"
STATEMENT_COUNTS = {
    LIST_TEMPLATE.format("projects", COUNTS_SELECTION): 2,
    LIST_TEMPLATE.format("customers", COUNTS_SELECTION): 2,
    LIST_TEMPLATE.format("offerings", f"{COUNTS_SELECTION} plans {{ {COUNTS_SELECTION} }}"): 4,
    PAGE_TEMPLATE
    % " ".join(f"{name} {{ {COUNTS_SELECTION} }}" for name in ("offering", "plan", "project")): 4,
}
"""Documents that count the resources of many rows, with their numbers of statements."""


@pytest.mark.parametrize("viewer", ["staff", "owner"])
@pytest.mark.parametrize(
    ("document", "expected_count"), STATEMENT_COUNTS.items(), ids=range(len(STATEMENT_COUNTS))
)
async def test_resource_counts_are_batched(
    demo: Marketplace, viewer: str, document: str, expected_count: int
) -> None:
    reference_count = 3 if EXECUTION_MODE == "reference" and "offering {" in document else 0
    for rows in (5, 50, 300):
        await demo.fetch_data(document, viewer, n=rows)
        assert len(demo.database.recorded_sql) == expected_count + reference_count
    assert sum(
        "count(*)" in statement for statement in demo.database.recorded_sql
    ) == document.count(COUNTS_SELECTION)
