"""docs/schema.md: the documented results are real."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.conftest import DatabaseFactory
from tests.support.marketplaces import Marketplace, open_marketplace
from tools import tour


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def tour_marketplace(new_database: DatabaseFactory) -> AsyncIterator[Marketplace]:
    """Open the demo that the tour is generated from."""
    url = new_database()
    tour.create_tour_demo(url)
    async with open_marketplace(url) as opened_marketplace:
        yield opened_marketplace


async def test_the_tour_has_real_results(tour_marketplace: Marketplace) -> None:
    text = tour.PAGE_PATH.read_text(encoding="utf-8")
    assert await tour.render_tour_page(tour_marketplace) == text
    assert len(tour.EXAMPLE_PATTERN.findall(text)) > 10
