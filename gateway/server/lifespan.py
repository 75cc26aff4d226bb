"""Lifespan of a serving process: open the components that requests need, close them at shutdown."""

import gc
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from gateway.auth.authenticator import ViewerCache
from gateway.auth.failed_tokens import FailedTokens
from gateway.auth.oidc_provider import IntrospectionClient, make_own_provider
from gateway.auth.oidc_tokens import OIDCTokenReader
from gateway.auth.token_holders import TOKEN_READERS, TokenReader
from gateway.config.settings import Settings
from gateway.db.access.credentials import Credentials, TokenKind
from gateway.db.driver.database import Database
from gateway.db.events.change_feed import ChangeFeed
from gateway.db.installation.installation import Installation
from gateway.execution.executor import Executor
from gateway.http.deadline import RequestDeadlines
from gateway.marketplace.change_service import ChangeService
from gateway.marketplace.requester import Requester
from gateway.rate_limits.viewer_budgets import ViewerBudgets
from gateway.schema.framework.context import RequestContext, RowBudget
from gateway.server.background import (
    BackgroundWorker,
    explain_read_only,
    open_change_service,
    open_token_refresh,
    open_transaction_pool,
    run_in_background,
)
from gateway.server.installation_monitor import InstallationMonitor, InstallationParts
from gateway.subscriptions.message_builder import ContextFactory
from gateway.subscriptions.quota import Quota
from gateway.subscriptions.service import SubscriptionService, create_change_feed
from gateway.transports.connection_registry import ConnectionRegistry, load_connection_limits
from gateway.transports.services import TransportServices

CHANGE_TIME_SHARE = 0.8
"""The part of a request's time in which changes of a batch are begun."""


@dataclass(frozen=True)
class ServerComponents:
    """The open components of one process; all of them need the running event loop."""

    installation_monitor: InstallationMonitor
    viewer_cache: ViewerCache
    change_service: ChangeService
    change_feed: ChangeFeed
    transport_services: TransportServices
    deadlines: RequestDeadlines
    create_context: ContextFactory
    """Creates the context of one operation."""


@asynccontextmanager
async def open_components(
    settings: Settings,
    installation: Installation,
    executor: Executor,
    background_worker: BackgroundWorker | None,
) -> AsyncIterator[ServerComponents]:
    """Open all components, in the order of their dependencies; close them in reverse order."""
    assert settings.database_url is not None
    async with AsyncExitStack() as exit_stack:
        database = await _open_database(settings, settings.database_url, exit_stack)
        transaction_pool = await exit_stack.enter_async_context(open_transaction_pool(settings))
        monitor = _create_monitor(settings, installation, database, executor)
        open_changes = partial(open_change_service, settings, (database, transaction_pool))
        change_service = open_changes(monitor.get_compiler, background_worker, exit_stack)
        limits = viewer_budgets, _ = _open_limits(settings, exit_stack)
        on_use = open_token_refresh(settings, transaction_pool, installation, exit_stack)
        readers = _open_token_readers(settings, exit_stack)
        viewer_cache = _create_viewer_cache(settings, monitor, database, limits, on_use, readers)
        change_feed = create_change_feed(settings, settings.database_url, database)
        create_context = _make_context_factory(
            settings, database, monitor, change_service, change_feed
        )
        subscription_service = SubscriptionService(
            settings, change_feed, executor, viewer_cache, create_context, database
        )
        await exit_stack.enter_async_context(subscription_service.run_service(transaction_pool))
        on_exchange = partial(_exchange_parts, settings, viewer_cache, change_service, executor)
        _run_monitor(monitor, on_exchange, exit_stack)
        _tune_garbage_collector()
        yield ServerComponents(
            monitor,
            viewer_cache,
            change_service,
            change_feed,
            _create_transport_services(
                settings, executor, subscription_service, viewer_budgets, create_context
            ),
            RequestDeadlines(settings.request_seconds, settings.body_seconds),
            create_context,
        )


def _create_monitor(
    settings: Settings, installation: Installation, database: Database, executor: Executor
) -> InstallationMonitor:
    return InstallationMonitor(
        database,
        installation,
        executor.build_worker,
        rules_year=settings.rules_year,
        interval_seconds=settings.inspection_seconds,
    )


def _run_monitor(
    monitor: InstallationMonitor,
    on_exchange: Callable[[InstallationParts], None],
    exit_stack: AsyncExitStack,
) -> None:
    monitor.exchange_listeners.append(on_exchange)
    run_in_background(monitor.run_checks(), exit_stack)


def _exchange_parts(
    settings: Settings,
    viewer_cache: ViewerCache,
    change_service: ChangeService,
    executor: Executor,
    parts: InstallationParts,
) -> None:
    """Exchange what the components have built for the earlier installation."""
    viewer_cache.exchange_loader(parts.viewer_loader)
    read_only_reason = explain_read_only(settings, parts.installation)
    change_service.exchange_compiler(parts.statement_compiler, read_only_reason or "")
    executor.forget_plans()


def _open_limits(
    settings: Settings, exit_stack: AsyncExitStack
) -> tuple[ViewerBudgets, FailedTokens]:
    viewer_budgets = ViewerBudgets(
        settings.rate_cost, settings.rate_anonymous_cost, settings.rate_storage
    )
    exit_stack.push_async_callback(viewer_budgets.close)
    failed_tokens = FailedTokens(settings.failed_tokens)
    exit_stack.callback(failed_tokens.close)
    return viewer_budgets, failed_tokens


def _open_token_readers(
    settings: Settings, exit_stack: AsyncExitStack
) -> Mapping[TokenKind, TokenReader]:
    """Return the readers of the kinds of tokens that are accepted."""
    if settings.oidc == "off":
        return TOKEN_READERS
    client = IntrospectionClient()
    exit_stack.push_async_callback(client.close)
    own_provider = make_own_provider(settings) if settings.oidc == "own" else None
    oidc_reader = OIDCTokenReader(client, own_provider)
    return {**TOKEN_READERS, TokenKind.OIDC: oidc_reader.read_token}


def _create_viewer_cache(
    settings: Settings,
    monitor: InstallationMonitor,
    database: Database,
    limits: tuple[ViewerBudgets, FailedTokens],
    on_use: Callable[[Credentials], Any],
    token_readers: Mapping[TokenKind, TokenReader],
) -> ViewerCache:
    viewer_budgets, failed_tokens = limits
    return ViewerCache(
        monitor.parts.viewer_loader,
        seconds=settings.viewer_seconds,
        failed_tokens=failed_tokens,
        check_anonymous=viewer_budgets.check_anonymous,
        on_use=on_use,
        token_readers=token_readers,
        wait=database.wait_for_result,
    )


def _make_context_factory(
    settings: Settings,
    database: Database,
    monitor: InstallationMonitor,
    change_service: ChangeService,
    change_feed: ChangeFeed,
) -> ContextFactory:
    def create_context(requester: Requester) -> RequestContext:
        budget = RowBudget(settings.answer_rows)
        return RequestContext(
            database,
            monitor.parts.statement_compiler,
            requester,
            settings.media_base_url,
            budget,
            change_service,
            settings.root_path,
            change_feed.current_point,
            time.monotonic() + CHANGE_TIME_SHARE * settings.request_seconds,
        )

    return create_context


async def _open_database(settings: Settings, url: str, exit_stack: AsyncExitStack) -> Database:
    database = await Database.connect(
        url,
        size=settings.pool_size,
        statement_seconds=settings.statement_seconds,
        pooler=settings.pooler,
        prepared_bytes=settings.prepared_bytes,
    )
    exit_stack.push_async_callback(database.close)
    return database


def _create_transport_services(
    settings: Settings,
    executor: Executor,
    subscription_service: SubscriptionService,
    viewer_budgets: ViewerBudgets,
    create_context: ContextFactory,
) -> TransportServices:
    return TransportServices(
        settings,
        executor,
        subscription_service.subscription_registry,
        subscription_service.session_monitor,
        Quota("connection", settings.sockets),
        viewer_budgets,
        ConnectionRegistry(load_connection_limits(settings)),
        create_context,
    )


def _tune_garbage_collector() -> None:
    """Exclude the long-lived objects of startup from garbage collection; collect less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)
