"""What a process counts, for Prometheus."""

from collections.abc import Callable, Iterator

from prometheus_client import GC_COLLECTOR, PROCESS_COLLECTOR, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from gateway.execution.executor import Executor
from gateway.transports.services import TransportServices


class MetricsCollector(Collector):
    """Reads what is counted when somebody asks, so that counting costs nothing on the way."""

    def __init__(
        self,
        executor: Executor,
        services: TransportServices,
        event_lag_seconds: Callable[[], float],
    ) -> None:
        """Read what these count; `held` gives for how long a transaction holds events back."""
        self._executor, self._services, self._event_lag_seconds = (
            executor,
            services,
            event_lag_seconds,
        )

    def collect(self) -> Iterator[Metric]:
        """Give all figures."""
        operations = CounterMetricFamily(
            "gateway_operations", "Operations, by how they were answered.", labels=["by"]
        )
        for execution_path, operation_count in sorted(self._executor.execution_counts.items()):
            operations.add_metric([execution_path], operation_count)
        yield operations
        yield from self._collect_subscriptions()
        yield from self._collect_events()

    def _collect_subscriptions(self) -> Iterator[Metric]:
        subscriptions = self._services.subscription_registry
        groups = subscriptions.hub.groups.values()
        queue_lengths = [len(each) for group in groups for each in group.member_queues]
        for name, description, value in (
            ("gateway_sockets", "WebSockets.", self._services.socket_quota.count),
            ("gateway_subscriptions", "Subscriptions.", subscriptions.quota.count),
            ("gateway_subscription_groups", "Groups that are told the same.", len(groups)),
            ("gateway_queued_messages", "Messages that wait to be sent.", sum(queue_lengths)),
            ("gateway_longest_queue", "Messages of the slowest.", max(queue_lengths, default=0)),
            (
                "gateway_queued_events",
                "Events to be told.",
                sum(each.queued_event_count for each in groups),
            ),
        ):
            yield GaugeMetricFamily(name, description, value)
        yield CounterMetricFamily(
            "gateway_queue_overflows",
            "How often somebody was told to read anew, having read too slowly.",
            subscriptions.overflow_count,
        )

    def _collect_events(self) -> Iterator[Metric]:
        hub = self._services.subscription_registry.hub
        yield CounterMetricFamily("gateway_events", "Events that were handed on.", hub.event_count)
        yield GaugeMetricFamily(
            "gateway_events_attached", "Whether events are handed on now.", hub.source.is_attached
        )
        yield GaugeMetricFamily(
            "gateway_events_held_seconds",
            "For how long a transaction that is under way holds events back.",
            self._event_lag_seconds(),
        )


def create_registry(collector: MetricsCollector) -> CollectorRegistry:
    """Give what is asked for figures: those of the gateway, and those of its process."""
    metrics_registry = CollectorRegistry()
    for source_collector in (collector, PROCESS_COLLECTOR, GC_COLLECTOR):
        metrics_registry.register(source_collector)
    return metrics_registry


def render_metrics(metrics_registry: CollectorRegistry) -> bytes:
    """Write all figures as Prometheus reads them."""
    return generate_latest(metrics_registry)
