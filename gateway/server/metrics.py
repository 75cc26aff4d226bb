"""What a process counts, for Prometheus."""

from collections.abc import Callable, Iterator

from prometheus_client import GC_COLLECTOR, PROCESS_COLLECTOR, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from gateway.execution.executor import Answering
from gateway.transports.services import Desk


class Counted(Collector):
    """Reads what is counted when somebody asks, so that counting costs nothing on the way."""

    def __init__(self, answering: Answering, desk: Desk, held: Callable[[], float]) -> None:
        """Read what these count; `held` gives for how long a transaction holds events back."""
        self._answering, self._desk, self._held = answering, desk, held

    def collect(self) -> Iterator[Metric]:
        """Give all figures."""
        answered = CounterMetricFamily(
            "gateway_operations", "Operations, by how they were answered.", labels=["by"]
        )
        for by, number in sorted(self._answering.counts.items()):
            answered.add_metric([by], number)
        yield answered
        yield from self._subscriptions()
        yield from self._events()

    def _subscriptions(self) -> Iterator[Metric]:
        subscriptions = self._desk.subscriptions
        groups = subscriptions.hub.groups.values()
        waiting = [len(each) for group in groups for each in group.members]
        for name, said, value in (
            ("gateway_sockets", "WebSockets.", self._desk.sockets.count),
            ("gateway_subscriptions", "Subscriptions.", subscriptions.admission.count),
            ("gateway_subscription_groups", "Groups that are told the same.", len(groups)),
            ("gateway_queued_messages", "Messages that wait to be sent.", sum(waiting)),
            ("gateway_longest_queue", "Messages of the slowest.", max(waiting, default=0)),
            ("gateway_queued_events", "Events to be told.", sum(each.waiting for each in groups)),
        ):
            yield GaugeMetricFamily(name, said, value)
        yield CounterMetricFamily(
            "gateway_queue_overflows",
            "How often somebody was told to read anew, having read too slowly.",
            subscriptions.overflows,
        )

    def _events(self) -> Iterator[Metric]:
        hub = self._desk.subscriptions.hub
        yield CounterMetricFamily("gateway_events", "Events that were handed on.", hub.taken)
        yield GaugeMetricFamily(
            "gateway_events_attached", "Whether events are handed on now.", hub.source.attached
        )
        yield GaugeMetricFamily(
            "gateway_events_held_seconds",
            "For how long a transaction that is under way holds events back.",
            self._held(),
        )


def registry(counted: Counted) -> CollectorRegistry:
    """Give what is asked for figures: those of the gateway, and those of its process."""
    found = CollectorRegistry()
    for each in (counted, PROCESS_COLLECTOR, GC_COLLECTOR):
        found.register(each)
    return found


def written(asked: CollectorRegistry) -> bytes:
    """Write all figures as Prometheus reads them."""
    return generate_latest(asked)
