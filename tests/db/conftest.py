"""Fixtures of the database of a real Waldur that tests may change."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.conftest import DatabaseFactory
from tests.support import waldur_2024


@pytest.fixture(scope="module")
def waldur_url(new_database: DatabaseFactory) -> str:
    """Return the URL of a Waldur installation of October 2024, which lacks some of our columns."""
    url = new_database()
    with psycopg.connect(url) as connection:
        waldur_2024.create_waldur_database(connection)
    return url


@pytest.fixture
def waldur_connection(waldur_url: str) -> Iterator[psycopg.Connection[Any]]:
    """Yield a connection whose changes are rolled back."""
    with psycopg.connect(waldur_url) as rolled_back_connection:
        rolled_back_connection.execute("select 1")  # begins the transaction of the whole test
        yield rolled_back_connection
        rolled_back_connection.rollback()
