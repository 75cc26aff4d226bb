"""Fixtures of the tests of a database's administration."""

from collections.abc import Iterator

import psycopg
import pytest

from gateway.db.admin import install
from tests.conftest import DatabaseFactory


@pytest.fixture(scope="module")
def installed_url(new_database: DatabaseFactory) -> str:
    """Return the URL of a database with installed tables."""
    database_url = new_database()
    with psycopg.connect(database_url) as connection:
        install.install_tables(connection)
    return database_url


@pytest.fixture
def rollback_connection(installed_url: str) -> Iterator[psycopg.Connection]:
    """Yield a connection to that database; changes are rolled back."""
    with psycopg.connect(installed_url) as connection:
        yield connection
        connection.rollback()
