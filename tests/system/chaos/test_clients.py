"""Chaos of clients: slow readers, reconnects, unusable cursors; other clients are not affected."""

import asyncio
import json
import random
import re
from datetime import timedelta

import psutil  # type: ignore[import-untyped]

from gateway.db.events.feed import prune_events
from gateway.schema.framework.event_cursors import encode_event_cursor
from tests.support.database_queries import open_write_pool
from tests.support.gateway_server import GatewayProcess
from tests.system.chaos.chaos_environment import IS_LARGE_RUN, ChaosEnvironment, fetch_metrics
from tests.system.chaos.expected_events import (
    ResyncNotice,
    SubscriptionRequirement,
    load_event_rows,
)
from tests.system.chaos.load_writers import LoadWriter, run_writer
from tests.system.chaos.resilient_subscribers import WebSocketSubscriber, run_subscribers
from tests.system.chaos.scenarios import (
    create_crowd,
    create_pausable_subscribers,
    print_figure,
    run_scenario,
)

QUEUE_SIZE = 100
MAX_MEMORY_GROWTH_BYTES = 100_000_000
"""Maximum growth of a server's memory while some clients do not read."""


async def test_slow_reader_is_resynced_without_affecting_others(
    environment: ChaosEnvironment,
) -> None:
    with environment.serve_gateway_process(subscriber_queue=str(QUEUE_SIZE)) as gateway_process:
        paused_subscribers = create_pausable_subscribers(
            environment, gateway_process.url, 20 if IS_LARGE_RUN else 4
        )
        other_subscribers = create_crowd(environment, gateway_process.url)
        async with run_scenario(
            "slow readers", environment, [*paused_subscribers, *other_subscribers]
        ) as scenario:
            for subscriber in paused_subscribers:
                subscriber.pause_reading()
            server = psutil.Process(gateway_process.popen.pid)
            memory_before = server.memory_info().rss
            writer = LoadWriter(environment.url, [*environment.project_uuids], 11)
            while await fetch_overflow_count(gateway_process) < len(paused_subscribers):
                await writer.run_load(0.5, 200)
            memory_growth = server.memory_info().rss - memory_before
            async with run_writer(writer, 0.5, 200):
                for subscriber in paused_subscribers:
                    subscriber.resume_reading()
            await scenario.wait_until_delivered()
            print_figure(f"the server grew by {memory_growth / 1e6:.1f} MB")
            for subscriber in paused_subscribers:
                assert [notice.reason for notice in subscriber.resync_notices] == ["TOO_SLOW"], (
                    subscriber.resync_notices
                )
            assert [
                subscriber.resync_notices
                for subscriber in other_subscribers
                if subscriber.resync_notices
            ] == []
            assert memory_growth < MAX_MEMORY_GROWTH_BYTES * (4 if IS_LARGE_RUN else 1)


async def fetch_overflow_count(gateway_process: GatewayProcess) -> int:
    """Return how often the buffer of a subscriber of a process was full."""
    metrics = await fetch_metrics(gateway_process)
    (count,) = re.findall(r"^gateway_queue_overflows_total (\S+)$", metrics, re.MULTILINE)
    return int(float(count))


async def test_reconnecting_subscribers_miss_nothing(
    environment: ChaosEnvironment, gateway_process: GatewayProcess
) -> None:
    subscribers = create_crowd(environment, gateway_process.url)
    for subscriber in subscribers:
        subscriber.choose_stay_seconds = lambda: (
            random.uniform(0.05, 0.5) * (4 if IS_LARGE_RUN else 1)
        )
    async with run_scenario("reconnects", environment, subscribers) as scenario:
        async with run_writer(LoadWriter(environment.url, [*environment.project_uuids], 12), 3.5):
            await asyncio.sleep(3.5)
        for subscriber in subscribers:
            subscriber.choose_stay_seconds = None
        await asyncio.sleep(0.5)
        assert scenario.resync_reasons == {}
        assert sum(subscriber.reconnect_count for subscriber in subscribers) > 3 * len(subscribers)


async def test_small_queue_suffices_for_catching_up(environment: ChaosEnvironment) -> None:
    with environment.serve_gateway_process(subscriber_queue="10") as gateway_process:
        subscribers = create_crowd(environment, gateway_process.url)
        async with run_subscribers(subscribers):
            pass
        writer = LoadWriter(environment.url, [*environment.project_uuids], 13)
        await writer.run_load(1, 150)
        async with run_scenario("small queue, catching up", environment, subscribers) as scenario:
            await scenario.wait_until_delivered()
            assert scenario.resync_reasons == {}


def create_unusable_cursors(source_name: str) -> list[tuple[str, str]]:
    """Return cursors that can't be continued, and the reason of the resync.

    They are of removed events, of the future, of another source, and of an earlier version of
    the gateway.
    """
    return [
        (encode_event_cursor(source_name, (3, 0)), "CURSOR_EXPIRED"),
        (encode_event_cursor(source_name, (1 << 40, 5)), "CURSOR_UNKNOWN"),
        (encode_event_cursor("poll-0123456789abcdef", (3, 0)), "CURSOR_UNKNOWN"),
        (encode_event_cursor("triggers", (3, 0)), "CURSOR_UNKNOWN"),
    ]


async def test_unusable_cursor_is_resynced(
    environment: ChaosEnvironment, gateway_process: GatewayProcess
) -> None:
    subscribers = create_crowd(environment, gateway_process.url)
    unusable_cursors = create_unusable_cursors(await environment.load_source_name())
    for number, subscriber in enumerate(subscribers):
        subscriber.cursor = unusable_cursors[number % len(unusable_cursors)][0]
    async with run_scenario("unusable cursors", environment, subscribers):
        async with run_writer(LoadWriter(environment.url, [*environment.project_uuids], 14), 1.5):
            pass
        for number, subscriber in enumerate(subscribers):
            assert (
                subscriber.received_notices[0][1]
                == unusable_cursors[number % len(unusable_cursors)][1]
            )


async def test_removed_events_expire_cursor(
    environment: ChaosEnvironment, gateway_process: GatewayProcess
) -> None:
    subscribers = create_crowd(environment, gateway_process.url)
    async with run_subscribers(subscribers):
        pass
    other_subscribers = [
        WebSocketSubscriber(
            gateway_process.url, environment.tokens["staff"], SubscriptionRequirement("staff")
        )
    ]
    async with run_scenario("delivery before removal", environment, other_subscribers):
        await LoadWriter(environment.url, [*environment.project_uuids], 15).run_load(1)
    environment.execute_sql("update gateway.marketplace_event set at = at - interval '30 days'")
    async with open_write_pool(environment.url) as transaction_pool:
        await prune_events(transaction_pool, timedelta(days=7))
    assert load_event_rows(environment.url) == []
    async with run_scenario("retention", environment, subscribers) as scenario:
        async with run_writer(LoadWriter(environment.url, [*environment.project_uuids], 16), 1.5):
            pass
        assert scenario.resync_reasons == {"CURSOR_EXPIRED": len(subscribers)}
        assert all(
            isinstance(subscriber.received_notices[1], ResyncNotice) for subscriber in subscribers
        )


async def test_invalid_cursor_is_an_error(
    environment: ChaosEnvironment, gateway_process: GatewayProcess
) -> None:
    subscriber = WebSocketSubscriber(
        gateway_process.url, environment.tokens["staff"], SubscriptionRequirement("staff")
    )
    subscriber.cursor = json.dumps("nonsense")
    task = asyncio.create_task(subscriber.run_forever())
    await asyncio.sleep(1)
    task.cancel()
    assert set(subscriber.loss_counts) == {"BAD_USER_INPUT"}
    assert subscriber.received_notices == []
