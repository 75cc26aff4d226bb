"""Services that transports need."""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.config.settings import Settings
from gateway.execution.executor import Executor
from gateway.marketplace.requester import Requester
from gateway.rate_limits.viewer_budgets import ViewerBudgets
from gateway.schema.framework.context import RequestContext
from gateway.subscriptions.quota import Quota
from gateway.subscriptions.registry import SubscriptionRegistry
from gateway.subscriptions.session_monitor import SessionMonitor
from gateway.transports.connection_registry import ConnectionRegistry


@dataclass(frozen=True)
class TransportServices:
    """Services of a process that its WebSockets and HTTP streams need."""

    settings: Settings
    executor: Executor
    subscription_registry: SubscriptionRegistry
    session_monitor: SessionMonitor
    socket_quota: Quota
    """Limit of open WebSockets."""
    viewer_budgets: ViewerBudgets
    connection_registry: ConnectionRegistry
    """All open connections."""
    create_context: Callable[[Requester], RequestContext]
    """Creates the context of one operation."""

    def begin_drain(self) -> None:
        """Refuse new subscriptions, and end all streams and WebSockets."""
        self.subscription_registry.is_draining = True
        self.session_monitor.drain_sessions()
