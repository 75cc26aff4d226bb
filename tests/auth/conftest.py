"""Fixtures of a demo whose users may use all kinds of tokens."""

from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest
import pytest_asyncio

from gateway.config.settings import load_settings
from gateway.db.access.viewer_loader import ViewerLoader
from gateway.db.driver.database import Database
from gateway.server.factory import detect_installation
from tests.conftest import DatabaseFactory
from tests.support.gateway_server import create_small_demo
from tests.support.personal_tokens import ENABLE_SQL


@pytest.fixture(scope="module")
def url(new_database: DatabaseFactory) -> str:
    """Return the URL of a demo that tests may change."""
    demo_url = create_small_demo(new_database())
    with psycopg.connect(demo_url) as connection:
        connection.execute(ENABLE_SQL)
    return demo_url


@pytest.fixture
def connection(url: str) -> Iterator[psycopg.Connection]:
    """Yield a connection in autocommit mode."""
    with psycopg.connect(url, autocommit=True) as autocommit_connection:
        yield autocommit_connection


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def viewer_loader(url: str) -> AsyncIterator[ViewerLoader]:
    """Yield a loader of the demo's viewers."""
    database = await Database.connect(url)
    yield ViewerLoader(detect_installation(load_settings({"GATEWAY_DATABASE_URL": url})), database)
    await database.close()
