"""Fixtures of tests of orders."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.support.marketplaces import Marketplace
from tests.support.order_scene import OrderScene, open_order_scene


@pytest_asyncio.fixture
async def scene(demo: Marketplace, demo_url: str) -> AsyncIterator[OrderScene]:
    """Yield a transaction in which orders of a resource are placed; it is rolled back."""
    async with open_order_scene(demo_url, demo.installation) as order_scene:
        yield order_scene
