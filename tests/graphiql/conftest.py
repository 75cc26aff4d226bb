"""A browser for the tests of the GraphiQL page."""

from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Browser

from tests.graphiql.browser_session import launch_chromium


@pytest_asyncio.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Start a Chromium for all tests."""
    async with launch_chromium() as chromium_browser:
        yield chromium_browser
