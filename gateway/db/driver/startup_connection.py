"""Synchronous connection for work before serving: inspection, installation, commands."""

import psycopg


def connect_database(url: str) -> psycopg.Connection[tuple[object, ...]]:
    """Connect to the marketplace's database.

    Raises psycopg.OperationalError if the connection is not open within 5 seconds.
    """
    return psycopg.connect(url, connect_timeout=5, application_name="marketplace-gateway")
