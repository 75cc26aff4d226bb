"""One demo for all tests of transports, which may rename its resources and change nothing else."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from gateway.subscriptions.session_monitor import SessionMonitor
from tests.conftest import DatabaseFactory
from tests.support.gateway_server import create_small_demo
from tests.transports.streaming_server import ServedGateway, serve_gateway


@pytest.fixture(scope="package")
def url(new_database: DatabaseFactory) -> str:
    """Return the URL of a demo."""
    return create_small_demo(new_database())


@pytest_asyncio.fixture(scope="package")
async def gateway(url: str) -> AsyncIterator[ServedGateway]:
    """Yield a gateway that serves the demo with default settings."""
    async with serve_gateway(url) as served_gateway:
        yield served_gateway


@pytest_asyncio.fixture(scope="package")
async def fast_monitor_gateway(new_database: DatabaseFactory) -> AsyncIterator[ServedGateway]:
    """Yield a gateway over a demo of its own, whose sessions are checked every 0.2 s."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(SessionMonitor.__init__, "__defaults__", (0.2,))
        url = create_small_demo(new_database())
        async with serve_gateway(url, viewer_seconds="0", keep_tokens="off") as served_gateway:
            yield served_gateway
