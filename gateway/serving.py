"""The application of one serving process, made from the environment; each worker makes its own."""

import logging

import psycopg
from starlette.applications import Starlette

from gateway.app import application
from gateway.db.installation import Installation, found
from gateway.db.tokens import tokens
from gateway.settings import Settings, settings

STAFF = "staff"


def connected(url: str) -> psycopg.Connection[tuple[object, ...]]:
    """Connect to the marketplace's database; psycopg.OperationalError within 5 s if that can't be."""
    return psycopg.connect(url, connect_timeout=5, application_name="marketplace-gateway")


def installation_of(effective: Settings) -> Installation:
    """Read what the marketplace has; NoMarketplaceError if the database holds none."""
    assert effective.database_url is not None
    year = None if effective.rules == "auto" else int(effective.rules)
    with connected(effective.database_url) as connection:
        return found(connection, year)


def served() -> Starlette:
    """Make the application. GraphiQL starts with the staff's token where the marketplace is a demo."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s:     %(name)s: %(message)s")
    effective = settings()
    assert effective.database_url is not None
    installation = installation_of(effective)
    token = None
    if installation.own:
        with connected(effective.database_url) as connection:
            token = tokens(connection).get(STAFF)
    return application(effective, installation, token)
