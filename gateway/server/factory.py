"""The application of one serving process, made from the environment; each worker makes its own."""

import logging
import socket
from collections.abc import Coroutine
from typing import Any

import psycopg
from starlette.applications import Starlette

from gateway.config.settings import InvalidSettingError, Settings, load_settings
from gateway.db.admin import own_tables
from gateway.db.driver.transactions import TransactionPool
from gateway.db.installation.installation import (
    Installation,
    NoMarketplaceError,
    inspect_installation,
)
from gateway.db.queries.tokens import load_tokens_by_username
from gateway.db.sql.compiler import StatementCompiler
from gateway.demo.provider import DemoProvider
from gateway.server.app import build_application
from gateway.server.background import BackgroundWorker

STAFF_USERNAME = "staff"


def connect_database(url: str) -> psycopg.Connection[tuple[object, ...]]:
    """Connect to the marketplace's database; psycopg.OperationalError if that takes over 5 s."""
    return psycopg.connect(url, connect_timeout=5, application_name="marketplace-gateway")


def detect_installation(effective_settings: Settings) -> Installation:
    """Read what the marketplace has; NoMarketplaceError if the database holds none."""
    assert effective_settings.database_url is not None
    rules_year = None if effective_settings.rules == "auto" else int(effective_settings.rules)
    with connect_database(effective_settings.database_url) as connection:
        return inspect_installation(connection, rules_year)


def find_free_port(effective_settings: Settings) -> int:
    """Give the port to listen on, seen to be free; WrongSettingError if it is not."""
    family = socket.AF_INET6 if ":" in effective_settings.host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((effective_settings.host, effective_settings.port))
            port: int = probe.getsockname()[1]
    except (OSError, UnicodeError) as error:
        listen_address = f"{effective_settings.host} at port {effective_settings.port}"
        reason = getattr(error, "strerror", None) or "no such host"
        raise InvalidSettingError(
            f"The gateway can't listen on {listen_address} ({reason}): choose another --host or --port."
        ) from None
    return port


def create_app() -> Starlette:
    """Make the application; over a demo GraphiQL starts with the staff's token."""
    logging.basicConfig(format="%(levelname)s:     %(name)s: %(message)s")
    effective_settings = load_settings()
    assert effective_settings.database_url is not None
    installation = detect_installation(effective_settings)
    if not installation.is_own:
        return build_application(effective_settings, installation)
    with connect_database(effective_settings.database_url) as connection:
        if installation.is_writable:
            own_tables.ensure_own_tables(connection)
        token = load_tokens_by_username(connection).get(STAFF_USERNAME)
    return build_application(
        effective_settings, installation, token, create_provider_worker(effective_settings)
    )


async def run_provider(effective_settings: Settings) -> None:
    """Have the demo's provider work until the process ends.

    NoMarketplaceError if the gateway did not make the marketplace.
    """
    assert effective_settings.database_url is not None
    installation = detect_installation(effective_settings)
    if not installation.is_writable:
        raise NoMarketplaceError("Only a marketplace that `gateway init` made has such a provider.")
    with connect_database(effective_settings.database_url) as connection:
        own_tables.ensure_own_tables(connection)
    statement_seconds, pooler = effective_settings.statement_seconds, effective_settings.pooler
    transaction_pool = TransactionPool(
        effective_settings.database_url, statement_seconds=statement_seconds, pooler=pooler
    )
    await transaction_pool.open()
    provider = DemoProvider(
        transaction_pool, StatementCompiler(installation), effective_settings.provider_seconds or 0
    )
    try:
        await provider.run_forever()
    finally:
        await transaction_pool.close()


def create_provider_worker(effective_settings: Settings) -> BackgroundWorker | None:
    """Give what works beside the service where changes are made by us: the demo's provider."""
    provider_seconds = effective_settings.provider_seconds
    if provider_seconds is None:
        return None

    def run_worker(
        transaction_pool: TransactionPool, statement_compiler: StatementCompiler
    ) -> Coroutine[Any, Any, None]:
        return DemoProvider(transaction_pool, statement_compiler, provider_seconds).run_forever()

    return run_worker
