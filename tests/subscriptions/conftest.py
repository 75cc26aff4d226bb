"""Fixtures of a demo that is served in this process, with subscribers."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.conftest import DatabaseFactory
from tests.subscriptions.follower import FollowedDemo, follow_demo
from tests.support.gateway_server import create_small_demo


@pytest.fixture(scope="module")
def url(new_database: DatabaseFactory) -> str:
    """Return the URL of a small demo that tests may change."""
    return create_small_demo(new_database())


@pytest_asyncio.fixture(loop_scope="session")
async def demo(url: str) -> AsyncIterator[FollowedDemo]:
    """Yield the demo, served in this process."""
    async with follow_demo(url) as followed_demo:
        yield followed_demo
