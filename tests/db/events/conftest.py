"""Fixtures of a Waldur installation on which triggers are installed."""

from typing import Any

import psycopg
import pytest

from gateway.db.events.triggers import install_triggers


@pytest.fixture
def watched_connection(waldur_connection: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    """Return a connection to a Waldur installation with the triggers installed."""
    install_triggers(waldur_connection)
    return waldur_connection
