"""Writes of a process: the pool for them, the change service, the refresh of used tokens."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

from gateway.auth.token_refresh import TokenRefresher, WaldurTokenClient
from gateway.config.settings import Settings
from gateway.db.access.credentials import Credentials
from gateway.db.driver.database import Database
from gateway.db.driver.transactions import TransactionPool
from gateway.db.installation.installation import Installation
from gateway.db.queries.tokens import record_token_use
from gateway.db.sql.compiler import StatementCompiler
from gateway.marketplace.change_service import (
    ChangeService,
    DisabledChangeService,
    LocalChangeService,
)
from gateway.marketplace.unit_of_work import TransactionRunner
from gateway.rest_api.change_service import RestChangeService
from gateway.rest_api.rest_client import RestClient
from gateway.rest_api.tls_context import create_tls_context

BackgroundWorker = Callable[
    [TransactionPool, Callable[[], StatementCompiler]], Coroutine[Any, Any, None]
]
"""Creates a coroutine that runs in the background until it is cancelled."""


@asynccontextmanager
async def open_transaction_pool(settings: Settings) -> AsyncIterator[TransactionPool]:
    """Open the process's pool for writes, which connects when it is first used."""
    assert settings.database_url is not None
    transaction_pool = TransactionPool(
        settings.database_url,
        statement_seconds=settings.statement_seconds,
        pooler=settings.pooler,
    )
    await transaction_pool.open()
    try:
        yield transaction_pool
    finally:
        await transaction_pool.close()


def open_change_service(
    settings: Settings,
    pools: tuple[Database, TransactionPool],
    get_compiler: Callable[[], StatementCompiler],
    background_worker: BackgroundWorker | None,
    exit_stack: AsyncExitStack,
) -> ChangeService:
    """Open the change service: our own marketplace's, Waldur's REST API's, or one that refuses.

    `pools` are those for reads and for writes. `get_compiler` returns the compiler for the present
    tables. `exit_stack` cancels the background worker and closes the connections to the REST API.
    """
    statement_compiler = get_compiler()
    if uses_rest_api(settings, statement_compiler.installation):
        rest_client = RestClient(settings)
        exit_stack.push_async_callback(rest_client.close)
        change_service = RestChangeService(pools, statement_compiler, rest_client)
        exit_stack.push_async_callback(change_service.close)
        return change_service
    unavailable_reason = explain_read_only(settings, statement_compiler.installation)
    if unavailable_reason is not None:
        return DisabledChangeService(unavailable_reason)
    _, transaction_pool = pools
    if background_worker is not None:
        run_in_background(background_worker(transaction_pool, get_compiler), exit_stack)
    return LocalChangeService(TransactionRunner(transaction_pool, statement_compiler))


def open_token_refresh(
    settings: Settings,
    transaction_pool: TransactionPool,
    installation: Installation,
    exit_stack: AsyncExitStack,
) -> Callable[[Credentials], None]:
    """Return the callback that is called with the credentials of each token that was used.

    It records the use in our own tables, or by Waldur's REST API; without
    GATEWAY_KEEP_TOKENS, or without either of them, it does nothing.
    """
    if not settings.keep_tokens:
        return lambda _credentials: None
    if installation.is_writable:
        refresher = TokenRefresher(partial(record_token_use, transaction_pool), interval_seconds=60)
    elif settings.waldur_url:
        token_client = WaldurTokenClient(
            settings.waldur_url, create_tls_context(settings.waldur_ca_file)
        )
        exit_stack.push_async_callback(token_client.close)
        refresher = TokenRefresher(token_client.touch, interval_seconds=600)
    else:
        return lambda _credentials: None
    exit_stack.push_async_callback(refresher.close)
    return refresher.note_token_use


def run_in_background(coroutine: Coroutine[Any, Any, None], exit_stack: AsyncExitStack) -> None:
    """Run a coroutine in a task that `exit_stack` cancels."""
    exit_stack.push_async_callback(_cancel_worker, asyncio.create_task(coroutine))


async def _cancel_worker(worker_task: asyncio.Task[None]) -> None:
    """Cancel the background worker and wait until it has ended."""
    worker_task.cancel()
    await asyncio.gather(worker_task, return_exceptions=True)


def uses_rest_api(settings: Settings, installation: Installation) -> bool:
    """Return whether changes are sent to Waldur's REST API."""
    is_chosen = settings.changes == "waldur" or (
        settings.changes == "auto" and not installation.is_own
    )
    return is_chosen and settings.waldur_url is not None


def explain_read_only(settings: Settings, installation: Installation) -> str | None:
    """Return why the marketplace is read-only, as a message for clients; None if it is writable."""
    if settings.changes == "off":
        return "Changes are switched off (GATEWAY_CHANGES)."
    if installation.is_writable and settings.changes in ("auto", "local"):
        return None
    if installation.is_own and settings.changes in ("auto", "local"):
        return "The gateway's database role may only read this marketplace."
    return (
        "This marketplace was not made by the gateway, so the gateway never writes to its "
        "database. Set the address of Waldur's REST API (GATEWAY_WALDUR_URL)."
    )
