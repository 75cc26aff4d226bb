"""The application of one serving process, made from the environment; each worker makes its own."""

import logging
import socket
from collections.abc import Coroutine
from typing import Any

import psycopg
from starlette.applications import Starlette

from gateway.config.settings import Settings, WrongSettingError, settings
from gateway.db.admin import own_tables
from gateway.db.driver.transactions import Writing
from gateway.db.installation.installation import Installation, NoMarketplaceError, found
from gateway.db.queries.tokens import tokens
from gateway.db.sql.compiler import Statements
from gateway.demo.provider import Provider
from gateway.server.app import application
from gateway.server.background import Companion

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
    if not installation.own:
        return application(effective, installation)
    with connected(effective.database_url) as connection:
        if installation.writable:
            own_tables.ensure(connection)
        token = tokens(connection).get(STAFF)
    return application(effective, installation, token, companion(effective))


async def provided(effective: Settings) -> None:
    """Have the demo's provider work until the process ends.

    NoMarketplaceError if the gateway did not make the marketplace.
    """
    assert effective.database_url is not None
    installation = installation_of(effective)
    if not installation.writable:
        raise NoMarketplaceError("Only a marketplace that `gateway init` made has such a provider.")
    with connected(effective.database_url) as connection:
        own_tables.ensure(connection)
    seconds, pooler = effective.statement_seconds, effective.pooler
    writing = Writing(effective.database_url, statement_seconds=seconds, pooler=pooler)
    await writing.open()
    work = Provider(writing, Statements(installation), effective.provider_seconds or 0)
    try:
        await work.run()
    finally:
        await writing.close()


def companion(effective: Settings) -> Companion | None:
    """Give what works beside the service where changes are made by us: the demo's provider."""
    seconds = effective.provider_seconds
    if seconds is None:
        return None

    def run(writing: Writing, statements: Statements) -> Coroutine[Any, Any, None]:
        return Provider(writing, statements, seconds).run()

    return run
