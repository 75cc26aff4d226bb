"""Fixtures of the demo's tests: folders, and connections to databases."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.support.embedded_postgres import create_public_folder


@pytest.fixture(scope="module")
def base_directory() -> Iterator[Path]:
    """Yield a folder that all users may enter."""
    with create_public_folder() as directory:
        yield directory


@pytest.fixture
def empty_connection(empty_database: str) -> Iterator[psycopg.Connection]:
    """Yield a connection to an empty database."""
    with psycopg.connect(empty_database, autocommit=True) as connection:
        yield connection


@pytest.fixture
def demo_connection(demo_url: str) -> Iterator[psycopg.Connection]:
    """Yield a connection to the demo marketplace; its changes are rolled back."""
    with psycopg.connect(demo_url) as connection:
        yield connection
        connection.rollback()
