"""Fixtures of all tests: a PostgreSQL server, two marketplaces, and empty databases."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
import pytest_asyncio

from gateway.demo.marketplace.fill import create_marketplace
from gateway.demo.postgres import EmbeddedPostgres
from tests.support import waldur_2024
from tests.support.coverage_sampling import CoverageSampling
from tests.support.duration_limit import DurationLimit
from tests.support.granted_role import create_granted_role
from tests.support.marketplaces import Marketplace, open_marketplace

DatabaseFactory = Callable[[], str]


def pytest_configure(config: pytest.Config) -> None:
    """Limit the duration of each test; measure coverage of the first cases of each."""
    config.pluginmanager.register(DurationLimit())
    config.pluginmanager.register(CoverageSampling())


@pytest.fixture(scope="session")
def server_folder() -> Iterator[Path]:
    """Yield the data folder of the PostgreSQL server, which all users may enter."""
    folder = Path(tempfile.mkdtemp(prefix="gateway-tests-"))
    folder.chmod(0o711)
    try:
        yield folder / "data"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def server(server_folder: Path) -> Iterator[EmbeddedPostgres]:
    """Yield a PostgreSQL server; its folder is outside of pytest's, which others can't enter."""
    with EmbeddedPostgres.start(server_folder) as postgres:
        yield postgres


@pytest.fixture(scope="session")
def new_database(server: EmbeddedPostgres) -> DatabaseFactory:
    """Return a function that creates an empty database and returns its URL.

    The databases end with their server.
    """

    def create_database() -> str:
        name = f"t{uuid4().hex}"
        with psycopg.connect(server.url, autocommit=True) as root:
            root.execute(f"create database {name}".encode())
        return server.url.replace("/postgres?", f"/{name}?")

    return create_database


@pytest.fixture
def empty_database(new_database: DatabaseFactory) -> str:
    """Return the URL of an empty database."""
    return new_database()


@pytest.fixture(scope="session")
def demo_url(new_database: DatabaseFactory) -> str:
    """Return the URL of a demo marketplace, which tests must not change."""
    url = new_database()
    with psycopg.connect(url) as connection:
        create_marketplace(connection, resource_count=600, seed=1)
    return url


@pytest.fixture(scope="session")
def waldur2024_url(new_database: DatabaseFactory) -> str:
    """Return the URL of a Waldur installation of October 2024, which tests must not change."""
    url = new_database()
    with psycopg.connect(url) as connection:
        waldur_2024.create_waldur_database(connection)
    return url


@pytest.fixture
def connection(waldur2024_url: str) -> Iterator[psycopg.Connection]:
    """Yield a connection to that Waldur; its changes are rolled back."""
    with psycopg.connect(waldur2024_url) as waldur_connection:
        yield waldur_connection
        waldur_connection.rollback()


@pytest_asyncio.fixture(scope="session")
async def demo(demo_url: str) -> AsyncIterator[Marketplace]:
    """Yield the demo marketplace, read with no more than the printed privileges."""
    with create_granted_role(demo_url) as read_url:
        async with open_marketplace(demo_url, read_url=read_url) as marketplace:
            yield marketplace


@pytest_asyncio.fixture(scope="session")
async def waldur(waldur2024_url: str) -> AsyncIterator[Marketplace]:
    """Yield the Waldur of October 2024, read with no more than the printed privileges."""
    with create_granted_role(waldur2024_url) as read_url:
        async with open_marketplace(waldur2024_url, read_url=read_url) as marketplace:
            yield marketplace
