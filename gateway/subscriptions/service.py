"""Subscription service: the components of subscriptions and their background tasks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.auth.authenticator import ViewerCache
from gateway.config.settings import Settings
from gateway.db.driver.database import Database
from gateway.db.driver.transactions import TransactionPool
from gateway.db.events.change_feed import ChangeFeed
from gateway.db.events.scope_uuids import ScopeUuidCache
from gateway.db.events.source import SourceOptions
from gateway.execution.executor import Executor
from gateway.subscriptions.hub import EventHub
from gateway.subscriptions.message_builder import ContextFactory, MessageBuilder
from gateway.subscriptions.quota import Quota
from gateway.subscriptions.registry import SubscriptionRegistry
from gateway.subscriptions.session_monitor import SessionMonitor
from gateway.subscriptions.subscriber import BufferLimits


def create_change_feed(settings: Settings, url: str, database: Database) -> ChangeFeed:
    """Create the change feed that the settings choose."""
    source_options = SourceOptions(
        settings.events,
        settings.events_seconds,
        settings.events_watch_seconds,
        settings.events_polled_rows,
    )
    return ChangeFeed(database, url, source_options, pooler=settings.pooler)


class SubscriptionService:
    """Components of a process's subscriptions.

    How they work together is described at `gateway.subscriptions.subscriber.Subscriber`.
    """

    def __init__(
        self,
        settings: Settings,
        change_feed: ChangeFeed,
        executor: Executor,
        viewer_cache: ViewerCache,
        create_context: ContextFactory,
        database: Database,
    ) -> None:
        """Publish the events of `change_feed` in responses of `executor`."""
        self._change_feed, self._retention_days = change_feed, settings.events_days
        message_builder = MessageBuilder(executor, create_context, lambda: change_feed.source_name)
        buffer_limits = BufferLimits(settings.subscriber_queue, settings.subscriber_bytes)
        scope_uuid_cache = ScopeUuidCache(database, change_feed)
        self.hub = EventHub(change_feed, message_builder, scope_uuid_cache, buffer_limits)
        self.session_monitor = SessionMonitor(viewer_cache)
        self.quota = Quota("subscription", settings.subscriptions, settings.user_subscriptions)
        self.subscription_registry = SubscriptionRegistry(self.hub, self.quota)

    @asynccontextmanager
    async def run_service(self, transaction_pool: TransactionPool) -> AsyncIterator[None]:
        """Run the background tasks until the context is left.

        They read the change feed, remove old events by `transaction_pool`, and
        re-authenticate sessions.
        """
        tasks = [
            asyncio.create_task(
                self._change_feed.run(
                    self.hub.publish_events, self.hub.interrupt_all, self.hub.change_source
                )
            ),
            asyncio.create_task(
                self._change_feed.prune_periodically(transaction_pool, self._retention_days)
            ),
            asyncio.create_task(self.session_monitor.run_checks()),
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.hub.close()
