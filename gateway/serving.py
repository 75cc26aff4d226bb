"""The application of one serving process, made from the environment; each worker makes its own."""

import logging
import socket

import psycopg
from starlette.applications import Starlette

from gateway.app import application
from gateway.db.installation import Installation, found
from gateway.db.tokens import tokens
from gateway.settings import Settings, WrongSettingError, settings

STAFF = "staff"


def connected(url: str) -> psycopg.Connection[tuple[object, ...]]:
    """Connect to the marketplace's database; psycopg.OperationalError if that takes over 5 s."""
    return psycopg.connect(url, connect_timeout=5, application_name="marketplace-gateway")


def installation_of(effective: Settings) -> Installation:
    """Read what the marketplace has; NoMarketplaceError if the database holds none."""
    assert effective.database_url is not None
    year = None if effective.rules == "auto" else int(effective.rules)
    with connected(effective.database_url) as connection:
        return found(connection, year)


def free_port(effective: Settings) -> int:
    """Give the port to listen on, seen to be free; WrongSettingError if it is not."""
    family = socket.AF_INET6 if ":" in effective.host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((effective.host, effective.port))
            port: int = probe.getsockname()[1]
    except (OSError, UnicodeError) as problem:
        where = f"{effective.host} at port {effective.port}"
        why = getattr(problem, "strerror", None) or "no such host"
        raise WrongSettingError(
            f"The gateway can't listen on {where} ({why}): choose another --host or --port."
        ) from None
    return port


def served() -> Starlette:
    """Make the application; over a demo GraphiQL starts with the staff's token."""
    logging.basicConfig(format="%(levelname)s:     %(name)s: %(message)s")
    effective = settings()
    assert effective.database_url is not None
    installation = installation_of(effective)
    token = None
    if installation.own:
        with connected(effective.database_url) as connection:
            token = tokens(connection).get(STAFF)
    return application(effective, installation, token)
