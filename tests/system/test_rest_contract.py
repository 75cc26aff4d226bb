"""Every row of rest-map.tsv is in the schema; one that reads can be queried, and equals REST.

Its value is compared with stored REST responses of Waldur (October 2024), unless none contains
it or the row is in UNCOMPARED_FIELDS with a reason.
"""

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.marketplaces import Marketplace
from tests.support.rest_answers import REST_ANSWERS_FOLDER, UNCOMPARED_FIELDS
from tests.support.rest_comparison import (
    CATALOGUE_FIELDS,
    DETAIL_ANSWERS,
    LIST_ANSWERS,
    ORDER_FIELDS,
    PLAN_PERIOD_FIELDS,
    RESOURCE_FIELDS,
    TEAM_MEMBER_FIELDS,
    compare_rows,
    load_offering_pairs,
    load_order_pairs,
    load_page_pairs,
    load_plan_period_pairs,
    load_resource_pair,
    load_team_pairs,
)
from tests.support.rest_contract import ContractRow, find_missing_parts, iterate_contract_rows
from tests.support.schema_documents import select_mapped_fields

ALL_ROWS = list(iterate_contract_rows())
CONTRACT_ROWS = [each for each in ALL_ROWS if each.is_readable]
COMPARED_OPERATIONS = {
    "GET marketplace-resources/",
    "GET marketplace-provider-resources/",
    "GET marketplace-resources/{uuid}/",
    "GET {uuid}/plan_periods/",
    "GET {uuid}/team/",
    "POST suggest_name/",
}
"""REST operations whose stored responses are compared, most of them by `rest_comparison`."""
SUGGESTION_QUERY = """query ($project: UUID!, $offering: UUID!) {
    suggestedResourceName(project: $project, offering: $offering)
}"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def compared_rows(waldur: Marketplace) -> AsyncIterator[set[str]]:
    """Compare all stored responses; yield the rows of rest-map.tsv that were compared."""
    map_rows = {
        *compare_rows(await load_offering_pairs(waldur), CATALOGUE_FIELDS),
        *compare_rows(await load_team_pairs(waldur), TEAM_MEMBER_FIELDS),
        *compare_rows(await load_plan_period_pairs(waldur), PLAN_PERIOD_FIELDS),
    }
    for name in LIST_ANSWERS:
        map_rows.update(compare_rows(await load_page_pairs(waldur, name), RESOURCE_FIELDS))
    for name in DETAIL_ANSWERS:
        map_rows.update(compare_rows(await load_resource_pair(waldur, name), RESOURCE_FIELDS))
        map_rows.update(compare_rows(await load_order_pairs(waldur, name), ORDER_FIELDS))
    yield map_rows


def test_there_are_many_rows(compared_rows: set[str]) -> None:
    assert len(CONTRACT_ROWS) > 270
    assert len(compared_rows & {*map(str, CONTRACT_ROWS)}) > 150


def test_the_schema_has_what_is_in_the_contract() -> None:
    assert [str(row) for row in ALL_ROWS if find_missing_parts(row)] == []


def test_every_row_is_compared_or_excluded_or_has_no_stored_value(compared_rows: set[str]) -> None:
    outcomes = {
        str(row): (_is_compared(row, compared_rows), _needs_comparison(row))
        for row in CONTRACT_ROWS
    }
    assert {row: each for row, each in outcomes.items() if each[0] != each[1]} == {}


def _is_compared(row: ContractRow, compared_rows: set[str]) -> bool:
    return row.name in COMPARED_OPERATIONS if row.is_operation else str(row) in compared_rows


def _needs_comparison(row: ContractRow) -> bool:
    """Return whether a stored response has a value to compare with."""
    return row.has_stored_value() and row.name not in UNCOMPARED_FIELDS


async def test_suggested_name_equals_the_stored_response(waldur: Marketplace) -> None:
    """It was recorded after one of the four resources that are counted had been moved away."""
    answer = json.loads((REST_ANSWERS_FOLDER / "post_suggest_name.json").read_text("utf-8"))
    stem, _, number = answer["body"]["name"].rpartition("-")
    data = await waldur.fetch_data(SUGGESTION_QUERY, "staff", **answer["request"]["body"])
    assert data == {"suggestedResourceName": f"{stem}-{int(number) + 1}"}


def test_exclusions_name_rows_of_the_contract() -> None:
    assert UNCOMPARED_FIELDS.keys() <= {row.name for row in CONTRACT_ROWS}


@pytest.mark.parametrize("username", ["staff", "owner"])
async def test_every_row_can_be_queried(demo: Marketplace, username: str) -> None:
    await demo.fetch_data(
        f"{{ resources(first: 100) {{ nodes {{ {select_mapped_fields()} }} }} }}", username
    )
