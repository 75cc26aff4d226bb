"""Application factory: each worker process creates its application from the environment."""

import logging
from collections.abc import Callable, Coroutine
from typing import Any

from starlette.applications import Starlette

from gateway.config.settings import Settings, load_settings
from gateway.db.admin import own_tables
from gateway.db.admin.grants import list_missing_grants
from gateway.db.driver.startup_connection import connect_database
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
from gateway.server.background import BackgroundWorker, open_transaction_pool

STAFF_USERNAME = "staff"


def detect_installation(effective_settings: Settings) -> Installation:
    """Inspect the installation in the database: its tables, columns and version rules.

    Raises NoMarketplaceError if the database has no marketplace, with the GRANT statements if its
    role lacks privileges.
    """
    assert effective_settings.database_url is not None
    with connect_database(
        effective_settings.database_url, pooler=effective_settings.pooler
    ) as connection:
        try:
            return inspect_installation(connection, effective_settings.rules_year)
        except NoMarketplaceError as error:
            missing_grants = list_missing_grants(connection)
            if not missing_grants:
                raise
            raise NoMarketplaceError(
                f"{error} Run as the owner of the tables: {' '.join(missing_grants)}"
            ) from error


def create_app() -> Starlette:
    """Create the application; GraphiQL of a demo starts with the staff's token."""
    logging.basicConfig(format="%(levelname)s:     %(name)s: %(message)s")
    effective_settings = load_settings()
    assert effective_settings.database_url is not None
    installation = detect_installation(effective_settings)
    if not installation.is_own:
        return build_application(effective_settings, installation)
    with connect_database(
        effective_settings.database_url, pooler=effective_settings.pooler
    ) as connection:
        if installation.is_writable:
            own_tables.ensure_own_tables(connection)
        token = load_tokens_by_username(connection).get(STAFF_USERNAME)
    return build_application(
        effective_settings, installation, token, create_provider_worker(effective_settings)
    )


async def run_provider(effective_settings: Settings) -> None:
    """Run the demo's provider until the process ends.

    Raises NoMarketplaceError if the marketplace was not made by the gateway.
    """
    assert effective_settings.database_url is not None
    installation = detect_installation(effective_settings)
    if not installation.is_writable:
        raise NoMarketplaceError(
            "The demo provider runs only on a marketplace that was made by `gateway init`."
        )
    with connect_database(
        effective_settings.database_url, pooler=effective_settings.pooler
    ) as connection:
        own_tables.ensure_own_tables(connection)
    seconds = effective_settings.provider_seconds or 0
    async with open_transaction_pool(effective_settings) as transaction_pool:
        statement_compiler = StatementCompiler(installation)
        await DemoProvider(transaction_pool, lambda: statement_compiler, seconds).run_forever()


def create_provider_worker(effective_settings: Settings) -> BackgroundWorker | None:
    """Return the demo's provider as a background worker; None if it is switched off."""
    provider_seconds = effective_settings.provider_seconds
    if provider_seconds is None:
        return None

    def run_worker(
        transaction_pool: TransactionPool, get_compiler: Callable[[], StatementCompiler]
    ) -> Coroutine[Any, Any, None]:
        return DemoProvider(transaction_pool, get_compiler, provider_seconds).run_forever()

    return run_worker
