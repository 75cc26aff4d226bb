"""One demo for all tests of transports; they rename its resources, and leave all else as it is."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.conftest import NewDatabase
from tests.serving import small_demo
from tests.transports.serving import Served, served


@pytest.fixture(scope="package")
def url(new_database: NewDatabase) -> str:
    """Give the address of a demo."""
    return small_demo(new_database())


@pytest_asyncio.fixture(scope="package")
async def gateway(url: str) -> AsyncIterator[Served]:
    """Give a gateway that serves it as set by default."""
    async with served(url) as serving:
        yield serving
