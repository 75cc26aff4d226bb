"""The demo whose changes are followed."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.conftest import NewDatabase
from tests.subscriptions.follower import Following, following
from tests.support.gateway_server import small_demo


@pytest.fixture(scope="module")
def url(new_database: NewDatabase) -> str:
    """Give the address of a small demo, which its tests may change."""
    return small_demo(new_database())


@pytest_asyncio.fixture(loop_scope="session")
async def demo(url: str) -> AsyncIterator[Following]:
    """Give that demo, served."""
    async with following(url) as made:
        yield made
