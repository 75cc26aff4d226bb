"""Test the listener: it delivers all events in order, each once, through any outage."""

import asyncio
import time
from random import Random
from uuid import uuid4

import psycopg
import pytest

from gateway.db.driver.connection_options import ConnectionOptions
from gateway.db.events import feed
from gateway.db.events.feed import FeedEvent
from gateway.db.events.listener import EventListener
from gateway.db.events.source import create_listener, prune_old_events
from gateway.demo.marketplace.fill import create_marketplace
from gateway.demo.postgres import EmbeddedPostgres
from tests.conftest import DatabaseFactory
from tests.db.events.test_feed import AGE_EVENTS_SQL, RETENTION, build_update_sql
from tests.support.database_proxy import open_proxy
from tests.support.database_queries import open_write_pool
from tests.support.embedded_postgres import create_public_folder
from tests.support.event_listener import (
    EventRecorder,
    commit_sql,
    get_object_id,
    list_event_positions,
    open_connection,
    record_events,
)
from tests.support.time_limits import wait_until

WRITER_COUNT, TRANSACTIONS_PER_WRITER = 8, 40
TERMINATE_LISTENERS_SQL = """
select pg_terminate_backend(pid) from pg_stat_activity
where datname = current_database() and application_name = 'marketplace-gateway'
"""


@pytest.fixture(scope="module")
def small_demo_url(new_database: DatabaseFactory) -> str:
    """Return the URL of a small demo marketplace."""
    url = new_database()
    with psycopg.connect(url) as connection:
        create_marketplace(connection, resource_count=30, seed=1)
    return url


@pytest.fixture
def url(small_demo_url: str) -> str:
    """Return the URL of a small demo marketplace without events."""
    commit_sql(small_demo_url, "truncate gateway.marketplace_event")
    return small_demo_url


async def test_listener_passes_undelivered_events(url: str) -> None:
    commit_sql(url, "alter table marketplace_resource add fresh text")
    async with record_events(url) as recorder:
        commit_sql(url, "update marketplace_resource set fresh = 'x'")
        await wait_until(lambda: recorder.listener.position == list_event_positions(url)[-1])
        assert recorder.events == []
        commit_sql(url, build_update_sql(1))
        await wait_until(lambda: len(recorder.events) == 1)
    commit_sql(url, "alter table marketplace_resource drop fresh")
    assert (recorder.positions, recorder.gap_count) == (list_event_positions(url)[-1:], 0)


async def write_randomly(url: str, seed: int) -> int:
    """Run random transactions, some rolled back; return the number of committed events."""
    random, event_count = Random(seed), 0
    async with open_connection(url, autocommit=False) as connection:
        for _ in range(TRANSACTIONS_PER_WRITER):
            ids = sorted(random.sample(range(seed, 31, WRITER_COUNT), random.randint(1, 3)))
            for resource_id in ids:
                await connection.execute(
                    build_update_sql(resource_id, random.randint(1, 6)).encode()
                )
                await asyncio.sleep(random.choice([0, 0, 0.002, 0.02]))
            if random.random() < 0.2:
                await connection.rollback()
            else:
                await connection.commit()
                event_count += len(ids)
    return event_count


async def assert_all_recorded(recorder: EventRecorder, url: str) -> None:
    """Assert that all events of the table were recorded in order, without a gap."""
    await wait_until(lambda: len(recorder.events) >= len(list_event_positions(url)))
    assert recorder.positions == list_event_positions(url)
    assert recorder.gap_count == 0


@pytest.mark.parametrize("seed", [1, 2])
async def test_concurrent_writers_deliver_each_event_once(url: str, seed: int) -> None:
    async with record_events(url) as recorder, record_events(url) as other_recorder:
        writers = [write_randomly(url, seed + n) for n in range(WRITER_COUNT)]
        event_count = sum(await asyncio.gather(*writers))
        await assert_all_recorded(recorder, url)
        await assert_all_recorded(other_recorder, url)
        assert len(recorder.events) == event_count
        event_ids = [each.id for each in recorder.events]
        assert event_ids != sorted(event_ids), "the transactions did not overlap"


async def test_events_are_delivered_at_once(url: str) -> None:
    async with record_events(url) as recorder:
        for n in range(1, 6):
            commit_sql(url, build_update_sql(n))
            await wait_until(lambda n=n: len(recorder.events) == n, 0.5)  # type: ignore[misc]


async def test_blocked_events_are_delivered_soon_after_commit(url: str) -> None:
    async with record_events(url) as recorder:
        async with open_connection(url, autocommit=False) as long_connection:
            await long_connection.execute("select pg_current_xact_id()")
            commit_sql(url, build_update_sql(1))
            await asyncio.sleep(1)
            assert recorder.events == []
            await long_connection.commit()  # sends no notification
        await wait_until(lambda: len(recorder.events) == 1, 1)


@pytest.mark.parametrize("delay_seconds", [0.0, 0.3])
async def test_reconnecting_listener_catches_up(url: str, delay_seconds: float) -> None:
    async with record_events(url) as recorder:
        commit_sql(url, build_update_sql(1))
        await wait_until(lambda: len(recorder.events) == 1)
        for _ in range(3):
            commit_sql(url, TERMINATE_LISTENERS_SQL)
            commit_sql(url, build_update_sql(2))
            await asyncio.sleep(delay_seconds)
            commit_sql(url, build_update_sql(3))
        await assert_all_recorded(recorder, url)
        assert len(recorder.events) == 7


async def test_listener_survives_repeated_termination_under_load(url: str) -> None:
    async with record_events(url) as recorder:
        writing = asyncio.gather(*[write_randomly(url, n) for n in range(1, WRITER_COUNT + 1)])
        while not writing.done():
            await asyncio.to_thread(commit_sql, url, TERMINATE_LISTENERS_SQL)
            await asyncio.sleep(0.15)
        await assert_all_recorded(recorder, url)


async def test_no_event_is_lost_by_server_restart() -> None:
    with create_public_folder() as folder, EmbeddedPostgres.start(folder / "data") as server:
        first_url = server.url
        with psycopg.connect(first_url) as connection:
            create_marketplace(connection, resource_count=30, seed=1)
        async with open_proxy(first_url) as proxy, record_events(proxy.url) as recorder:
            commit_sql(first_url, build_update_sql(1))
            await wait_until(lambda: len(recorder.events) == 1)
            server.stop()
            await wait_until(lambda: not recorder.listener.ready.is_set())
            with EmbeddedPostgres.start(folder / "data") as restarted_server:
                commit_sql(restarted_server.url, build_update_sql(2))
                proxy.set_target(restarted_server.url)
                await wait_until(lambda: len(recorder.events) == 2)
                commit_sql(restarted_server.url, build_update_sql(3))
                await assert_all_recorded(recorder, restarted_server.url)


async def test_silent_server_is_disconnected(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.db.events.listener.RESPONSE_GRACE_SECONDS", 0.5)
    async with open_proxy(url) as proxy:
        options = ConnectionOptions(proxy.url, 0.5)
        events: list[FeedEvent] = []
        listener = EventListener(options, feed, None, poll_seconds=0.1)
        running = asyncio.create_task(listener.run(events.extend, lambda: None))
        await wait_until(listener.ready.is_set)
        proxy.freeze_traffic()
        commit_sql(url, build_update_sql(1))
        await wait_until(lambda: not listener.ready.is_set(), 15)
        await proxy.restore_traffic()
        await wait_until(lambda: len(events) == 1)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_pruned_events_are_reported_as_gap(url: str) -> None:
    async with record_events(url) as recorder:
        recorder.listener.position = (3, 0)
        commit_sql(url, build_update_sql(1))
        commit_sql(url, AGE_EVENTS_SQL)
        async with open_write_pool(url) as transaction_pool:
            await feed.prune_events(transaction_pool, RETENTION)
        commit_sql(url, TERMINATE_LISTENERS_SQL)
        await wait_until(lambda: recorder.gap_count == 1)
        commit_sql(url, build_update_sql(2))
        await wait_until(lambda: bool(recorder.events))
        assert [get_object_id(each) for each in recorder.events][-1] == 2


async def test_failing_handler_causes_gap_and_delivery_continues(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    events, gaps = [], []

    def handle_events(batch: list[FeedEvent]) -> None:
        events.extend(batch)
        if len(events) == 1:
            raise ValueError(events)

    listener = create_listener(ConnectionOptions(url, 5), "triggers", 3600)
    running = asyncio.create_task(listener.run(handle_events, lambda: gaps.append(1)))
    await listener.ready.wait()
    commit_sql(url, build_update_sql(1))
    await wait_until(lambda: gaps == [1])
    commit_sql(url, build_update_sql(2))
    await wait_until(lambda: len(events) == 2)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert "event handler failed" in caplog.text


async def test_polls_behind_a_pooler(url: str) -> None:
    listener = create_listener(ConnectionOptions(url, 5, pooler=True), "triggers", 0.1)
    events: list[FeedEvent] = []
    running = asyncio.create_task(listener.run(events.extend, lambda: None))
    await listener.ready.wait()
    commit_sql(url, build_update_sql(1))
    await wait_until(lambda: len(events) == 1)
    with psycopg.connect(url) as connection:
        count_listeners_sql = "select count(*) from pg_stat_activity where query ilike 'listen%'"
        assert connection.execute(count_listeners_sql.encode()).fetchone() == (0,)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_waits_for_missing_event_table(url: str) -> None:
    commit_sql(url, "alter table gateway.marketplace_event rename to away")
    listener = create_listener(ConnectionOptions(url, 5), "triggers", 3600)
    events: list[FeedEvent] = []
    running = asyncio.create_task(listener.run(events.extend, lambda: None))
    await asyncio.sleep(0.3)
    assert not listener.ready.is_set()
    commit_sql(url, "alter table gateway.away rename to marketplace_event")
    await wait_until(listener.ready.is_set)
    commit_sql(url, build_update_sql(1))
    await wait_until(lambda: len(events) == 1)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def prune_with_role(url: str) -> None:
    """Prune events once."""
    async with open_write_pool(url) as transaction_pool:
        await prune_old_events(transaction_pool, RETENTION)


async def test_missing_privilege_to_prune_is_logged(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    role = f"r{uuid4().hex}"
    commit_sql(url, f"create role {role} login; grant usage on schema gateway to {role}")
    commit_sql(url, f"grant select on all tables in schema gateway to {role}")
    commit_sql(url, build_update_sql(1))
    commit_sql(url, AGE_EVENTS_SQL)
    await prune_with_role(url.replace("postgres@", f"{role}@"))
    commit_sql(url, f"drop owned by {role} cascade; drop role {role}")
    assert "Old events can't be deleted. The database role may not" in caplog.text
    assert len(list_event_positions(url)) == 1


async def test_old_events_are_pruned(url: str, caplog: pytest.LogCaptureFixture) -> None:
    commit_sql(url, build_update_sql(1))
    commit_sql(url, AGE_EVENTS_SQL)
    commit_sql(url, build_update_sql(2))
    read_only_url = f"{url}&options=-c%20default_transaction_read_only%3Don"
    for pool_url, remaining_count in ((read_only_url, 2), (url, 1)):
        await prune_with_role(pool_url)
        assert len(list_event_positions(url)) == remaining_count
    assert "Old events could not be deleted" in caplog.text


async def test_listener_outlives_a_stall(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.db.events.listener.RESPONSE_GRACE_SECONDS", 1)
    async with open_proxy(url) as proxy:
        events: list[FeedEvent] = []
        listener = EventListener(ConnectionOptions(proxy.url, 1), feed, None, poll_seconds=0.05)
        running = asyncio.create_task(listener.run(events.extend, lambda: None))
        await wait_until(listener.ready.is_set)
        proxy.freeze_traffic()
        await asyncio.sleep(0.3)
        time.sleep(3)  # noqa: ASYNC251 - a stall of the event loop, longer than the limit
        await asyncio.sleep(0.2)
        await proxy.restore_traffic()
        commit_sql(url, build_update_sql(1))
        await wait_until(lambda: len(events) == 1)
        assert listener.ready.is_set()
        assert proxy.connection_count == 1
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
