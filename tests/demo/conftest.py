"""Marketplaces for the tests of the demo: an empty one, and one as it is made."""

from collections.abc import Iterator

import psycopg
import pytest


@pytest.fixture
def empty_connection(empty_database: str) -> Iterator[psycopg.Connection]:
    """Give a connection to an empty database."""
    with psycopg.connect(empty_database, autocommit=True) as connection:
        yield connection


@pytest.fixture
def demo_connection(demo_url: str) -> Iterator[psycopg.Connection]:
    """Give a connection to the demo marketplace, whose changes are undone."""
    with psycopg.connect(demo_url) as connection:
        yield connection
        connection.rollback()
