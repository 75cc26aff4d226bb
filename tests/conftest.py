"""What all tests share: one PostgreSQL, the two marketplaces in it, and empty databases."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
import pytest_asyncio

from gateway.demo.marketplace.fill import make
from gateway.demo.postgres import Postgres
from tests.support import waldur_2024
from tests.support.marketplaces import Marketplace, opened

NewDatabase = Callable[[], str]


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    """Give a PostgreSQL; its folder can be entered by everybody, unlike pytest's."""
    folder = Path(tempfile.mkdtemp(prefix="gateway-tests-"))
    folder.chmod(0o711)
    try:
        with Postgres.at(folder / "data") as running:
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def new_database(server: Postgres) -> Iterator[NewDatabase]:
    """Give a function that makes an empty database and gives its address."""
    made: list[str] = []

    def new() -> str:
        made.append(f"t{uuid4().hex}")
        with psycopg.connect(server.url, autocommit=True) as root:
            root.execute(f"create database {made[-1]}".encode())
        return server.url.replace("/postgres?", f"/{made[-1]}?")

    yield new
    with psycopg.connect(server.url, autocommit=True) as root:
        for name in made:
            root.execute(f"drop database {name} with (force)".encode())


@pytest.fixture
def empty_database(new_database: NewDatabase) -> str:
    """Give the address of an empty database."""
    return new_database()


@pytest.fixture(scope="session")
def demo_url(new_database: NewDatabase) -> str:
    """Give the address of a demo marketplace, which tests leave as it is."""
    url = new_database()
    with psycopg.connect(url) as connection:
        make(connection, resources=600, seed=1)
    return url


@pytest.fixture(scope="session")
def waldur2024_url(new_database: NewDatabase) -> str:
    """Give the address of a Waldur of October 2024, which tests leave as it is."""
    url = new_database()
    with psycopg.connect(url) as connection:
        waldur_2024.build(connection)
    return url


@pytest.fixture
def connection(waldur2024_url: str) -> Iterator[psycopg.Connection]:
    """Give a connection to that Waldur, whose changes are rolled back."""
    with psycopg.connect(waldur2024_url) as rolled_back:
        yield rolled_back
        rolled_back.rollback()


@pytest_asyncio.fixture(scope="session")
async def demo(demo_url: str) -> AsyncIterator[Marketplace]:
    """Give the demo marketplace."""
    async with opened(demo_url) as marketplace:
        yield marketplace


@pytest_asyncio.fixture(scope="session")
async def waldur(waldur2024_url: str) -> AsyncIterator[Marketplace]:
    """Give the Waldur of October 2024."""
    async with opened(waldur2024_url) as marketplace:
        yield marketplace
