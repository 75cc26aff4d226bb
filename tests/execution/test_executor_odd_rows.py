"""Test that an odd value in a row makes no internal error, and changes no other rows' responses.

Groups of odd values are stored at once; if something is wrong, each value of the group alone. The
parts are a sample: ODD_ROWS=all stores all odd values (`make odd-rows`), ODD_ROWS_SEED=7 others
than usual.
"""

import os
from collections.abc import AsyncIterator, Iterator
from random import Random

import psycopg
import pytest
import pytest_asyncio

from gateway.demo.marketplace.fill import create_marketplace
from tests.conftest import DatabaseFactory
from tests.execution.odd_rows.odd_cases import OddCase
from tests.execution.odd_rows.odd_marketplace import OddMarketplace, RollbackPool
from tests.execution.odd_rows.related_rows import PERMISSION_TABLES
from tests.support.marketplaces import open_marketplace
from tests.support.visibility.viewer_scenes import Viewpoint

TESTS_ALL = os.environ.get("ODD_ROWS") == "all"
SEED = int(os.environ.get("ODD_ROWS_SEED", "0"))
GROUP_SIZE = 6 if TESTS_ALL else 20
PARTS = range(100 if TESTS_ALL else 8)
VIEWPOINTS = tuple(Viewpoint("demo", each) for each in ("staff", "owner", "provider"))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def odd_marketplace(new_database: DatabaseFactory) -> AsyncIterator[OddMarketplace]:
    """Yield a marketplace of its own, with the responses before any row is odd."""
    url = new_database()
    transaction_pool = RollbackPool(url, statement_seconds=10)
    with psycopg.connect(url, autocommit=True) as connection:
        create_marketplace(connection, resource_count=60, seed=1)
        await transaction_pool.open()
        async with open_marketplace(url) as marketplace:
            prepared = await OddMarketplace.prepare(connection, marketplace, transaction_pool)
            for viewpoint in VIEWPOINTS:
                await prepared.record_baselines(viewpoint)
            yield prepared
        await transaction_pool.close()


def choose_groups(cases: list[OddCase], part: int) -> Iterator[list[OddCase]]:
    """Yield the groups of a part: cases that are stored at the same time.

    What a viewer sees may depend on rows of `PERMISSION_TABLES`, so they are in other groups.
    """
    Random(SEED).shuffle(cases)
    for is_permission in (False, True):
        matching = [
            each for each in cases if (each.column.table in PERMISSION_TABLES) == is_permission
        ]
        if TESTS_ALL:
            matching = matching[part :: len(PARTS)]
            yield from (matching[i : i + GROUP_SIZE] for i in range(0, len(matching), GROUP_SIZE))
        else:
            yield matching[part * GROUP_SIZE :][:GROUP_SIZE]


@pytest.mark.parametrize("part", PARTS)
async def test_odd_rows_change_no_others(odd_marketplace: OddMarketplace, part: int) -> None:
    groups = [*choose_groups(odd_marketplace.list_cases(), part)]
    odd_marketplace.error_codes.clear()
    faults = [
        fault
        for index, group in enumerate(groups)
        for fault in await odd_marketplace.find_faults(
            group, VIEWPOINTS[(part + index) % len(VIEWPOINTS)]
        )
    ]
    print(  # noqa: T201 - `make odd-rows` shows it
        f"{sum(map(len, groups))} odd values, errors: {dict(odd_marketplace.error_codes)}"
    )
    if faults:
        pytest.fail("\n".join(each[:2000] for each in faults), pytrace=False)
