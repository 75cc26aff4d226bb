"""Metrics of a process, for Prometheus."""

from collections.abc import Callable, Iterator

from prometheus_client import GC_COLLECTOR, PROCESS_COLLECTOR, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from gateway.db.events.source import SOURCE_DESCRIPTIONS
from gateway.execution.executor import Executor
from gateway.transports.services import TransportServices


class MetricsCollector(Collector):
    """Collector of the gateway's metrics, which reads the counters only on a scrape."""

    def __init__(
        self,
        executor: Executor,
        services: TransportServices,
        event_lag_seconds: Callable[[], float],
    ) -> None:
        """Read the counters of `executor` and `services`.

        `event_lag_seconds` returns the age of the oldest blocked event (`db/events/feed.py`).
        """
        self._executor, self._services = executor, services
        self._event_lag_seconds = event_lag_seconds

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics."""
        operations = CounterMetricFamily(
            "gateway_operations", "Operations, by the execution that answered.", labels=["by"]
        )
        for execution_path, operation_count in sorted(self._executor.execution_counts.items()):
            operations.add_metric([execution_path], operation_count)
        yield operations
        yield from self._collect_persisted_documents()
        yield from self._collect_rate_limits()
        yield from self._collect_subscriptions()
        yield from self._collect_events()

    def _collect_persisted_documents(self) -> Iterator[Metric]:
        persisted_documents = self._executor.persisted_documents
        requests = CounterMetricFamily(
            "gateway_persisted_documents",
            "Requests that named a document, by what came of it.",
            labels=["outcome"],
        )
        for outcome, request_count in sorted(persisted_documents.outcome_counts.items()):
            requests.add_metric([outcome], request_count)
        yield requests
        yield GaugeMetricFamily(
            "gateway_persisted_query_bytes",
            "Memory of the stored automatic persisted queries.",
            persisted_documents.store.stored_bytes,
        )

    def _collect_rate_limits(self) -> Iterator[Metric]:
        charged = CounterMetricFamily(
            "gateway_rate_charged", "Charges to rate budgets, by the kind of client.", labels=["by"]
        )
        refused = CounterMetricFamily(
            "gateway_rate_refused", "Operations refused by rate budgets.", labels=["by"]
        )
        failures = CounterMetricFamily(
            "gateway_rate_storage_failures", "Failures of the rate limits' Redis.", labels=["by"]
        )
        for budget in self._services.viewer_budgets.budgets:
            charged.add_metric([budget.name], budget.charged_count)
            refused.add_metric([budget.name], budget.refused_count)
            failures.add_metric([budget.name], budget.window.failure_count)
        yield from (charged, refused, failures)
        failed_tokens = self._services.session_monitor.viewer_cache.failed_tokens
        yield CounterMetricFamily(
            "gateway_failed_tokens",
            "Invalid tokens that were looked up.",
            failed_tokens.failed_count,
        )
        yield CounterMetricFamily(
            "gateway_failed_tokens_refused",
            "Tokens that were not looked up, as too many of their address had failed.",
            failed_tokens.refused_count,
        )

    def _collect_subscriptions(self) -> Iterator[Metric]:
        subscriptions = self._services.subscription_registry
        groups = subscriptions.hub.groups.values()
        queue_lengths = [each.message_count for group in groups for each in group.members]
        for name, description, value in (
            (
                "gateway_connections",
                "Open connections, WebSockets and streams included.",
                len(self._services.connection_registry.connections),
            ),
            ("gateway_sockets", "Open WebSockets.", self._services.socket_quota.count),
            ("gateway_subscriptions", "Active subscriptions.", subscriptions.quota.count),
            ("gateway_subscription_groups", "Fan-out groups.", len(groups)),
            ("gateway_queued_messages", "Messages in subscriber queues.", sum(queue_lengths)),
            ("gateway_longest_queue", "Longest subscriber queue.", max(queue_lengths, default=0)),
            (
                "gateway_queued_events",
                "Events in the queues of fan-out groups.",
                sum(each.queued_event_count for each in groups),
            ),
        ):
            yield GaugeMetricFamily(name, description, value)
        yield CounterMetricFamily(
            "gateway_queue_overflows",
            "Overflows of subscriber queues, each of which sent a ResyncRequired.",
            subscriptions.hub.overflow_count,
        )

    def _collect_events(self) -> Iterator[Metric]:
        hub = self._services.subscription_registry.hub
        yield CounterMetricFamily("gateway_events", "Published events.", hub.event_count)
        yield GaugeMetricFamily(
            "gateway_events_attached",
            "1 while committed events are published at once, else 0.",
            hub.source.is_attached,
        )
        sources = GaugeMetricFamily(
            "gateway_events_source",
            "1 for the current source of events; 0 for all if none can be used.",
            labels=["kind"],
        )
        for kind in SOURCE_DESCRIPTIONS:
            sources.add_metric([kind], kind == hub.source.source_kind)
        yield sources
        yield CounterMetricFamily(
            "gateway_events_source_changes",
            "Changes of the source of events, each of which sent a ResyncRequired to all.",
            hub.source.change_count,
        )
        yield GaugeMetricFamily(
            "gateway_events_held_seconds",
            "Age of the oldest event that an open transaction holds back, 0 without one.",
            self._event_lag_seconds(),
        )


def create_registry(collector: MetricsCollector) -> CollectorRegistry:
    """Create the registry of the gateway's, the process's and the garbage collector's metrics."""
    metrics_registry = CollectorRegistry()
    for source_collector in (collector, PROCESS_COLLECTOR, GC_COLLECTOR):
        metrics_registry.register(source_collector)
    return metrics_registry


def render_metrics(metrics_registry: CollectorRegistry) -> bytes:
    """Return all metrics in Prometheus' text format."""
    return generate_latest(metrics_registry)
