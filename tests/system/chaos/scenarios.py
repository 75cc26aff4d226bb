"""Chaos scenarios: many subscribers, and the comparison of received with expected events."""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from tests.support.time_limits import TooSlowError, wait_until
from tests.system.chaos.chaos_environment import SUBSCRIBERS_PER_SCENARIO, ChaosEnvironment
from tests.system.chaos.expected_events import (
    EventNotice,
    EventRow,
    SubscriptionRequirement,
    compare_notices,
    load_event_rows,
    select_expected_notices,
)
from tests.system.chaos.resilient_subscribers import (
    ResilientSubscriber,
    SSESubscriber,
    WebSocketSubscriber,
    run_subscribers,
)

DELIVERY_TIMEOUT_SECONDS = 30
"""Seconds within which all events must be delivered after the last change."""
BULKY_SELECTION = "".join(f" a{n}: cursor" for n in range(500))
"""A selection that makes events large enough to fill the socket buffers soon."""


class ChaosScenario:
    """Subscribers of one environment."""

    def __init__(
        self, environment: ChaosEnvironment, subscribers: Sequence[ResilientSubscriber]
    ) -> None:
        self.environment, self.subscribers = environment, subscribers
        self.skipped_count = self.event_count = 0
        """Number of events covered by resyncs; number of received events."""

    async def wait_until_delivered(self) -> None:
        """Wait until the last expected event is received, and 0.4 s for unexpected ones."""
        expected_by_subscriber = self._expected_by_subscriber()
        last_positions = [
            (subscriber, notices[-1].position)
            for subscriber, notices in expected_by_subscriber
            if notices
        ]
        with suppress(TooSlowError):  # assert_expected reports the missing events
            await wait_until(
                lambda: all(each.position >= position for each, position in last_positions),
                DELIVERY_TIMEOUT_SECONDS,
            )
        await asyncio.sleep(0.4)

    def _expected_by_subscriber(self) -> list[tuple[ResilientSubscriber, list[EventNotice]]]:
        event_rows, visibility_by_user = (
            load_event_rows(self.environment.url),
            self.environment.visibility_by_user,
        )
        return [
            (
                subscriber,
                select_expected_notices(
                    event_rows,
                    visibility_by_user[subscriber.requirement.username],
                    subscriber.requirement,
                    subscriber.received_notices[0].position,
                ),
            )
            for subscriber in self.subscribers
        ]

    def assert_expected(self) -> None:
        """Assert that each subscriber received its expected events, or resyncs covering them."""
        problems = []
        for subscriber, expected_notices in self._expected_by_subscriber():
            mismatches, skipped_count = compare_notices(
                subscriber.received_notices, expected_notices
            )
            self.skipped_count += skipped_count
            self.event_count += sum(
                isinstance(item, EventNotice) for item in subscriber.received_notices
            )
            requirement = subscriber.requirement
            problems += [
                f"{requirement.username} {requirement.filter_argument}: {item}"
                for item in mismatches
            ]
            assert set(subscriber.error_counts) <= {"UNAVAILABLE", "TIMEOUT"}, (
                subscriber.error_counts
            )
        assert not problems, f"{len(problems)} of {len(self.subscribers)}: {problems[:5]}"

    def sum_counters(self, attribute: str) -> Counter[str]:
        """Return the sum of a counter attribute over all subscribers."""
        return sum((getattr(each, attribute) for each in self.subscribers), Counter[str]())

    @property
    def resync_reasons(self) -> Counter[str]:
        """Number of resyncs by reason, without the first message of each subscriber."""
        return Counter(
            notice.reason for subscriber in self.subscribers for notice in subscriber.resync_notices
        )


def create_requirements(environment: ChaosEnvironment) -> list[SubscriptionRequirement]:
    """Return subscriptions to resources and orders, some with filters."""
    offering_id = next(iter(environment.offering_uuids))
    project_id = next(iter(environment.project_uuids))
    resource_selection = "resource { name state project { name } }"

    def scope_requirement(scope_name: str, scope_id: int) -> SubscriptionRequirement:
        uuid = {"projects": environment.project_uuids, "offerings": environment.offering_uuids}[
            scope_name
        ][scope_id]
        is_in_scope = lambda row, _notice: scope_id in getattr(row, scope_name)  # noqa: E731
        return SubscriptionRequirement("staff", {scope_name[:-1]: uuid}, is_in_scope)

    kinds = ["CREATED", "DELETED", "HIDDEN"]
    return [
        SubscriptionRequirement("staff"),
        SubscriptionRequirement("member"),
        SubscriptionRequirement("provider"),
        SubscriptionRequirement(
            "staff", extra_selection="order { state resource { name } }", object_type="order"
        ),
        SubscriptionRequirement("staff", extra_selection=resource_selection),
        SubscriptionRequirement(
            "owner", {"kinds": kinds}, lambda _row, notice: notice.kind in kinds
        ),
        scope_requirement("projects", project_id),
        SubscriptionRequirement(
            "staff", {"states": ["DONE", "ERRED"]}, _is_done_or_erred, object_type="order"
        ),
        SubscriptionRequirement("manager", extra_selection=resource_selection),
        scope_requirement("offerings", offering_id),
        SubscriptionRequirement("provider", {"states": ["OK", "ERRED"]}, _is_ok_or_erred),
        SubscriptionRequirement(
            "member",
            {"kinds": ["STATE_CHANGED"]},
            lambda _row, notice: notice.kind == "STATE_CHANGED",
        ),
    ]


def _is_done_or_erred(row: EventRow, _notice: EventNotice) -> bool:
    return row.states[1] in (3, 4)


def _is_ok_or_erred(row: EventRow, notice: EventNotice) -> bool:
    is_gone = notice.kind in ("HIDDEN", "DELETED")
    return (row.states[0] if is_gone else row.states[1]) in (2, 3)


def create_crowd(
    environment: ChaosEnvironment, *urls: str, count: int = SUBSCRIBERS_PER_SCENARIO
) -> list[ResilientSubscriber]:
    """Create subscribers of all requirements, distributed over `urls`; one in ten uses SSE."""
    requirements = create_requirements(environment)
    subscribers: list[ResilientSubscriber] = []
    for number in range(count):
        subscriber_class = SSESubscriber if number % 10 == 3 else WebSocketSubscriber
        requirement = requirements[(number + number // 10) % len(requirements)]
        subscribers.append(
            subscriber_class(
                urls[number % len(urls)], environment.tokens[requirement.username], requirement
            )
        )
    return subscribers


def create_pausable_subscribers(
    environment: ChaosEnvironment, url: str, count: int
) -> list[ResilientSubscriber]:
    """Create subscribers to bulky events that can stop reading; one in four uses SSE."""
    subscribers: list[ResilientSubscriber] = []
    for number in range(count):
        subscriber_class = SSESubscriber if number % 4 == 3 else WebSocketSubscriber
        subscribers.append(
            subscriber_class(
                url,
                environment.tokens["staff"],
                SubscriptionRequirement("staff", extra_selection=BULKY_SELECTION),
            )
        )
        subscribers[-1].reading_enabled = asyncio.Event()
        subscribers[-1].resume_reading()
    return subscribers


def print_figure(line: str) -> None:
    """Print a measured figure, which pytest shows with `-rP`."""
    sys.stdout.write(f"{line}\n")


@asynccontextmanager
async def run_scenario(
    name: str, environment: ChaosEnvironment, subscribers: Sequence[ResilientSubscriber]
) -> AsyncIterator[ChaosScenario]:
    """Run subscribers during the context, then compare their events and print the figures."""
    started_at, scenario = time.monotonic(), ChaosScenario(environment, subscribers)
    async with run_subscribers(subscribers):
        yield scenario
        await scenario.wait_until_delivered()
    scenario.assert_expected()
    print_figure(
        f"{name}: {len(subscribers)} subscribers, {scenario.event_count} events,"
        f" losses {dict(scenario.sum_counters('loss_counts'))},"
        f" reconnects {sum(subscriber.reconnect_count for subscriber in subscribers)},"
        f" resyncs {dict(scenario.resync_reasons)} for {scenario.skipped_count} events,"
        f" errors {dict(scenario.sum_counters('error_counts'))},"
        f" {time.monotonic() - started_at:.1f} s"
    )
    assert scenario.event_count > len(subscribers)
