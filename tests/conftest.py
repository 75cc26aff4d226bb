"""What all tests share: one PostgreSQL, the two marketplaces in it, and empty databases."""

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
from tests.support.marketplaces import Marketplace, open_marketplace

DatabaseFactory = Callable[[], str]


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedPostgres]:
    """Give a PostgreSQL; its folder can be entered by everybody, unlike pytest's."""
    folder = Path(tempfile.mkdtemp(prefix="gateway-tests-"))
    folder.chmod(0o711)
    try:
        with EmbeddedPostgres.start(folder / "data") as postgres:
            yield postgres
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def new_database(server: EmbeddedPostgres) -> Iterator[DatabaseFactory]:
    """Give a function that makes an empty database and gives its address."""
    names: list[str] = []

    def create_database() -> str:
        names.append(f"t{uuid4().hex}")
        with psycopg.connect(server.url, autocommit=True) as root:
            root.execute(f"create database {names[-1]}".encode())
        return server.url.replace("/postgres?", f"/{names[-1]}?")

    yield create_database
    with psycopg.connect(server.url, autocommit=True) as root:
        for name in names:
            root.execute(f"drop database {name} with (force)".encode())


@pytest.fixture
def empty_database(new_database: DatabaseFactory) -> str:
    """Give the address of an empty database."""
    return new_database()


@pytest.fixture(scope="session")
def demo_url(new_database: DatabaseFactory) -> str:
    """Give the address of a demo marketplace, which tests leave as it is."""
    url = new_database()
    with psycopg.connect(url) as connection:
        create_marketplace(connection, resource_count=600, seed=1)
    return url


@pytest.fixture(scope="session")
def waldur2024_url(new_database: DatabaseFactory) -> str:
    """Give the address of a Waldur of October 2024, which tests leave as it is."""
    url = new_database()
    with psycopg.connect(url) as connection:
        waldur_2024.create_waldur_database(connection)
    return url


@pytest.fixture
def connection(waldur2024_url: str) -> Iterator[psycopg.Connection]:
    """Give a connection to that Waldur, whose changes are rolled back."""
    with psycopg.connect(waldur2024_url) as waldur_connection:
        yield waldur_connection
        waldur_connection.rollback()


@pytest_asyncio.fixture(scope="session")
async def demo(demo_url: str) -> AsyncIterator[Marketplace]:
    """Give the demo marketplace."""
    async with open_marketplace(demo_url) as marketplace:
        yield marketplace


@pytest_asyncio.fixture(scope="session")
async def waldur(waldur2024_url: str) -> AsyncIterator[Marketplace]:
    """Give the Waldur of October 2024."""
    async with open_marketplace(waldur2024_url) as marketplace:
        yield marketplace
