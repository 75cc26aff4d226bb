"""One demo for all tests of transports; they rename its resources, and leave all else as it is."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from gateway.subscriptions.session_monitor import Presence
from tests.conftest import NewDatabase
from tests.support.gateway_server import small_demo
from tests.transports.streaming_server import Served, served


@pytest.fixture(scope="package")
def url(new_database: NewDatabase) -> str:
    """Give the address of a demo."""
    return small_demo(new_database())


@pytest_asyncio.fixture(scope="package")
async def gateway(url: str) -> AsyncIterator[Served]:
    """Give a gateway that serves it as set by default."""
    async with served(url) as serving:
        yield serving


@pytest_asyncio.fixture(scope="package")
async def watchful(new_database: NewDatabase) -> AsyncIterator[Served]:
    """Give a gateway over a demo of its own, which looks often at who is there."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Presence.__init__, "__defaults__", (0.2,))
        url = small_demo(new_database())
        async with served(url, viewer_seconds="0", keep_tokens="off") as serving:
            yield serving
