"""Fixtures of visibility tests: oracle expectations, viewer scenes and an altered marketplace."""

from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest
import pytest_asyncio

from gateway.demo.marketplace.fill import create_marketplace
from tests.conftest import DatabaseFactory
from tests.support.marketplaces import Marketplace, open_marketplace
from tests.support.visibility.altered_marketplace import (
    AlteredMarketplace,
    restore_tables,
    save_tables,
)
from tests.support.visibility.oracle_expectation import OracleExpectation
from tests.support.visibility.viewer_scenes import VIEWPOINTS, ViewerScene, Viewpoint


@pytest.fixture(scope="session")
def demo_expectation(demo_url: str) -> Iterator[OracleExpectation]:
    """Yield the oracle's expectation about the demo."""
    with psycopg.connect(demo_url) as connection:
        yield OracleExpectation(connection, 2026)


@pytest.fixture(scope="session")
def waldur_expectation(waldur2024_url: str) -> Iterator[OracleExpectation]:
    """Yield the oracle's expectation about the Waldur of October 2024."""
    with psycopg.connect(waldur2024_url) as connection:
        yield OracleExpectation(connection, 2024)


@pytest.fixture(params=VIEWPOINTS, ids=str)
def scene(
    request: pytest.FixtureRequest,
    demo: Marketplace,
    waldur: Marketplace,
    demo_expectation: OracleExpectation,
    waldur_expectation: OracleExpectation,
) -> ViewerScene:
    """Return the scene of each viewpoint."""
    viewpoint: Viewpoint = request.param
    marketplace, expectation = {
        "demo": (demo, demo_expectation),
        "waldur": (waldur, waldur_expectation),
    }[viewpoint.marketplace]
    return ViewerScene(
        viewpoint, marketplace, expectation.visible_rows_for(viewpoint.username, viewpoint.address)
    )


@pytest.fixture(scope="session")
def small_url(new_database: DatabaseFactory) -> str:
    """Return the URL of a small demo marketplace with copies of the tables that tests change."""
    url = new_database()
    with psycopg.connect(url) as connection:
        create_marketplace(connection, resource_count=60, seed=1)
        save_tables(connection)
    return url


@pytest_asyncio.fixture(scope="session")
async def small_marketplace(small_url: str, demo: Marketplace) -> AsyncIterator[Marketplace]:
    """Yield the small marketplace; it shares the statement cache of the large one."""
    async with open_marketplace(small_url) as marketplace:
        marketplace.statement_compiler = demo.statement_compiler
        yield marketplace


@pytest.fixture
def altered_marketplace(small_marketplace: Marketplace) -> Iterator[AlteredMarketplace]:
    """Yield the small marketplace for changes, which are undone afterwards."""
    with psycopg.connect(small_marketplace.url, autocommit=True) as connection:
        try:
            yield AlteredMarketplace(small_marketplace, connection)
        finally:
            restore_tables(connection)
