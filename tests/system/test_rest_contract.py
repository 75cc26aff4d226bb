"""Every reading row of the contract of names: it is there, it can be asked for, it is as REST's.

Its value is compared with one that a Waldur of October 2024 answered by REST, unless no stored
answer holds one, or the row is excepted for a reason.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.marketplaces import Marketplace
from tests.support.rest_answers import EXCEPTED
from tests.support.rest_comparison import (
    CATALOGUE,
    MEMBER_OF_TEAM,
    ORDER,
    PAGES,
    PERIOD,
    RESOURCE,
    SINGLE,
    offerings,
    orders,
    page,
    periods,
    same,
    single,
    team,
)
from tests.support.rest_contract import Row, missing, reading
from tests.support.schema_documents import contract

ROWS = list(reading())
OPERATIONS = {
    "GET marketplace-resources/",
    "GET marketplace-provider-resources/",
    "GET marketplace-resources/{uuid}/",
    "GET {uuid}/plan_periods/",
    "GET {uuid}/team/",
}
"""Addresses whose stored answers are compared as a whole (`tests.compared`)."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def compared(waldur: Marketplace) -> AsyncIterator[set[str]]:
    """Compare all that there is to compare, and give the rows that were."""
    found = {
        *same(await offerings(waldur), CATALOGUE),
        *same(await team(waldur), MEMBER_OF_TEAM),
        *same(await periods(waldur), PERIOD),
    }
    for name in PAGES:
        found.update(same(await page(waldur, name), RESOURCE))
    for name in SINGLE:
        found.update(same(await single(waldur, name), RESOURCE))
        found.update(same(await orders(waldur, name), ORDER))
    yield found


def test_there_are_many_rows(compared: set[str]) -> None:
    assert len(ROWS) > 270
    assert len(compared & {*map(str, ROWS)}) > 150


def test_the_schema_has_what_is_in_the_contract() -> None:
    assert [str(row) for row in ROWS if missing(row)] == []


def test_every_row_is_compared_or_excepted_or_without_a_known_value(compared: set[str]) -> None:
    outcomes = {str(row): (_is_compared(row, compared), _is_to_be(row)) for row in ROWS}
    assert {row: each for row, each in outcomes.items() if each[0] != each[1]} == {}


def _is_compared(row: Row, compared: set[str]) -> bool:
    return row.name in OPERATIONS if row.is_operation else str(row) in compared


def _is_to_be(row: Row) -> bool:
    """Say whether a stored answer holds a value that is to be compared with ours."""
    return row.stored() and row.name not in EXCEPTED


def test_nothing_is_excepted_that_is_no_row() -> None:
    assert EXCEPTED.keys() <= {row.name for row in ROWS}


@pytest.mark.parametrize("as_", ["staff", "owner"])
async def test_every_row_can_be_asked_for(demo: Marketplace, as_: str) -> None:
    await demo.data(f"{{ resources(first: 100) {{ nodes {{ {contract()} }} }} }}", as_)
