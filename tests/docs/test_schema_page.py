"""docs/schema.md shows the answers that come."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.conftest import NewDatabase
from tests.support.marketplaces import Marketplace, opened
from tools import tour


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def marketplace(new_database: NewDatabase) -> AsyncIterator[Marketplace]:
    """Give the demo of the tour's day."""
    url = new_database()
    tour.demo(url)
    async with opened(url) as made:
        yield made


async def test_each_answer_of_the_tour_is_the_one_that_comes(marketplace: Marketplace) -> None:
    text = tour.PAGE.read_text(encoding="utf-8")
    assert await tour.page(marketplace) == text
    assert len(tour.SHOWN.findall(text)) > 10
