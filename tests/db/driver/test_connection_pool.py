"""Test the connection pool: choice of connections, hedging, retries, closing."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from gateway.db.driver.connection_pool import MAX_SHARED_CONNECTIONS, PIPELINE_DEPTH
from gateway.db.driver.database import (
    Database,
    PendingResult,
    StatementRequest,
    TimedOutError,
    UnavailableError,
)
from gateway.fairness.current_client import set_current_client
from tests.conftest import DatabaseFactory
from tests.support.database_proxy import open_proxy
from tests.support.database_queries import (
    BackendAdmin,
    build_request,
    connect_admin,
    fetch_value,
    open_database,
    open_warm_database,
    send_batch,
)
from tests.support.time_limits import scale_seconds, time_limit, wait_until_async


@pytest.fixture(scope="module")
def url(new_database: DatabaseFactory) -> str:
    """Return the URL of an empty database."""
    return new_database()


@pytest_asyncio.fixture(loop_scope="session")
async def admin(url: str) -> AsyncIterator[BackendAdmin]:
    """Yield a superuser's connection."""
    async with connect_admin(url) as backend_admin:
        yield backend_admin


async def test_further_connections_are_opened_under_load(url: str, admin: BackendAdmin) -> None:
    await wait_until_async(lambda: has_connection_count(admin, 0))
    async with open_database(url, size=3) as database:
        for _ in range(5):
            await fetch_value(database, "select 1")
        assert await has_connection_count(admin, 1)
        await asyncio.gather(
            *[fetch_value(database, "select pg_sleep(0.1)::text") for _ in range(20)]
        )
        assert await has_connection_count(admin, 3)
    await wait_until_async(lambda: has_connection_count(admin, 0))


async def has_connection_count(admin: BackendAdmin, count: int) -> bool:
    """Return whether the gateway has `count` connections."""
    return len(await admin.list_pids()) == count


async def test_slow_statement_does_not_delay_others(url: str) -> None:
    async with open_warm_database(url, size=2) as database:
        (slow,) = send_batch(database, build_request(f"select pg_sleep({scale_seconds(2)})"))
        for each in range(50):
            assert await fetch_value(database, "select $1::int", str(each)) == each
        assert not slow.done()
        slow.cancel()


async def test_batches_queued_after_slow_statement_are_hedged(url: str) -> None:
    async with open_warm_database(url, size=2) as database:
        (slow,) = send_batch(database, build_request(f"select pg_sleep({scale_seconds(3)})"))
        send_batch(database, build_request("select pg_sleep(0.05)"))
        queued = [fetch_value(database, "select $1::int", str(each)) for each in range(6)]
        async with time_limit(2, "the hedged batches"):
            assert await asyncio.gather(*queued) == list(range(6))
        assert not slow.done()
        slow.cancel()


async def test_quick_statements_share_few_connections(url: str) -> None:
    quick = build_request("select pg_backend_pid()")
    async with open_warm_database(url, size=4) as database:
        results = [await each for each in send_separately(database, quick, 12)]
    assert len({result.decode_rows()[0][0] for result in results}) == MAX_SHARED_CONNECTIONS


async def test_nothing_is_queued_after_slow_statements(url: str) -> None:
    quick, slow = (
        build_request("select pg_backend_pid()"),
        build_request(f"select pg_backend_pid(), pg_sleep({scale_seconds(0.07)})::text"),
    )
    async with open_warm_database(url, size=4) as database:
        await database.fetch_rows([slow])
        slow_results = send_separately(database, slow, 3)
        quick_results = [await each for each in send_separately(database, quick, PIPELINE_DEPTH)]
        assert not any(each.done() for each in slow_results)
        slow_pids = {(await each).decode_rows()[0][0] for each in slow_results}
    assert len(slow_pids) == 3
    assert slow_pids.isdisjoint(result.decode_rows()[0][0] for result in quick_results)


def send_separately(
    database: Database, request: StatementRequest, batch_count: int
) -> list[PendingResult]:
    """Send batches of one statement each; return the futures of their results."""
    return [
        pending_result
        for _ in range(batch_count)
        for pending_result in send_batch(database, request)
    ]


async def test_batches_run_in_order_of_arrival(url: str) -> None:
    async with open_warm_database(url, size=1) as database:
        order: list[int] = []
        for each in range(20):
            (future,) = send_batch(
                database, build_request("select $1::int, pg_sleep(0.02)::text", str(each))
            )
            future.add_done_callback(
                lambda finished: order.append(finished.result().decode_rows()[0][0])
            )
        await fetch_value(database, "select 1")
        assert order == list(range(20))


async def test_wait_queue_is_bounded(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.db.driver.wait_queue.MAX_WAITING_BATCHES", 3)
    async with open_warm_database(url, size=1) as database:
        queued = [
            send_batch(database, build_request("select pg_sleep(0.3)::text"))[0]
            for _ in range(PIPELINE_DEPTH + 3)
        ]
        (rejected,) = send_batch(database, build_request("select 1"))
        assert isinstance(rejected.exception(), UnavailableError)
        queued[PIPELINE_DEPTH + 1].cancel()
        await asyncio.wait(queued[:1])
        assert await fetch_value(database, "select 1") == 1
        for each in queued:
            each.cancel()


async def test_client_leaves_half_of_the_connections_to_others(url: str) -> None:
    quick = build_request("select pg_backend_pid()")
    slow = build_request(f"select pg_sleep({scale_seconds(0.5)})")
    async with open_warm_database(url, size=4) as database:
        set_current_client("busy")
        await database.fetch_rows([slow])
        slow_results = send_separately(database, slow, 40)
        set_current_client("other")
        quick_results = [await each for each in send_separately(database, quick, 20)]
        assert not any(each.done() for each in slow_results)
        for each in slow_results:
            each.cancel()
    assert len({result.decode_rows()[0][0] for result in quick_results}) <= 2


async def test_clients_take_turns_in_the_wait_queue(url: str) -> None:
    pause = build_request("select pg_sleep(0.05)")
    timed = build_request("select clock_timestamp()::text")
    async with open_warm_database(url, size=1) as database:
        set_current_client("busy")
        busy_results = send_separately(database, pause, PIPELINE_DEPTH)
        busy_results += send_separately(database, timed, 4 * PIPELINE_DEPTH)
        set_current_client("other")
        (other_result,) = send_batch(database, timed)
        assert (await other_result).decode_rows() < (await busy_results[-1]).decode_rows()


async def test_client_does_not_fill_the_wait_queue(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.db.driver.wait_queue.MAX_CLIENT_BATCHES", 3)
    async with open_warm_database(url, size=1) as database:
        set_current_client("busy")
        slow = build_request("select pg_sleep(0.05)")
        results = await asyncio.gather(
            *send_separately(database, slow, PIPELINE_DEPTH + 4), return_exceptions=True
        )
        assert [type(each) for each in results[-2:]] == [type(results[0]), UnavailableError]
        set_current_client("other")
        assert await fetch_value(database, "select 1") == 1


async def test_terminated_backends_fail_only_running_batches(url: str, admin: BackendAdmin) -> None:
    async with open_warm_database(url, size=4) as database:
        running = [
            asyncio.create_task(
                database.fetch_rows(
                    [build_request("select 1"), build_request("select pg_sleep(0.02)::text")]
                )
            )
            for _ in range(200)
        ]
        for _ in range(10):
            await admin.terminate_backends(await admin.list_pids())
            await asyncio.wait(running, timeout=0.1)
        outcomes = await asyncio.gather(*running, return_exceptions=True)
        good = [each for each in outcomes if each == [[(1,)], [("",)]]]
        errors = [each for each in outcomes if not isinstance(each, list)]
        assert good
        assert {type(each) for each in errors} <= {UnavailableError}
        assert len(good) + len(errors) == 200
        assert await fetch_value(database, "select 1") == 1


async def test_one_termination_of_all_backends_is_retried(url: str, admin: BackendAdmin) -> None:
    async with open_warm_database(url, size=4) as database:
        running = [
            asyncio.create_task(fetch_value(database, "select pg_sleep(0.05)::text"))
            for _ in range(100)
        ]
        await asyncio.wait(running, timeout=0.1)
        await admin.terminate_backends(await admin.list_pids())
        assert await asyncio.gather(*running) == [""] * 100


async def test_lost_connection_is_replaced_before_next_batch(url: str, admin: BackendAdmin) -> None:
    async with open_warm_database(url, size=2):
        old_pids = await admin.list_pids()
        await admin.terminate_backends(old_pids)
        await wait_until_async(lambda: has_other_backends(admin, old_pids))


async def has_other_backends(admin: BackendAdmin, pids: list[int]) -> bool:
    """Return whether the gateway has backends other than `pids`."""
    return bool(set(await admin.list_pids()) - set(pids))


async def test_waiting_batches_fail_when_database_is_unreachable(url: str) -> None:
    async with open_proxy(url) as proxy:
        await proxy.cut_connections()
        async with open_database(proxy.url, wait_seconds=0.3) as database:
            futures = send_batch(database, build_request("select 1")) + send_batch(
                database, build_request("select 2")
            )
            async with time_limit(1, "the batches to fail"):
                outcomes = await asyncio.gather(*futures, return_exceptions=True)
            assert [type(each) for each in outcomes] == [UnavailableError] * 2
            await proxy.restore_traffic()
            await wait_until_async(lambda: is_responsive(database))


async def is_responsive(database: Database) -> bool:
    """Return whether the database responds."""
    (outcome,) = await asyncio.gather(fetch_value(database, "select 1"), return_exceptions=True)
    return outcome == 1


async def test_batches_after_silent_server_run_on_new_connection(url: str) -> None:
    async with (
        open_proxy(url) as proxy,
        open_database(
            proxy.url,
            size=1,
            statement_seconds=scale_seconds(0.1),
            wait_seconds=scale_seconds(0.35),
        ) as database,
    ):
        await fetch_value(database, "select 1")
        proxy.freeze_traffic()
        (first,), (second,) = [
            send_batch(database, build_request(f"select {each}")) for each in (1, 2)
        ]
        await asyncio.wait([first], timeout=scale_seconds(3))
        assert isinstance(first.exception(), TimedOutError)
        await proxy.restore_traffic()
        assert (await second).decode_rows() == [(2,)]


async def test_running_batches_finish_before_close(url: str) -> None:
    database = await Database.connect(url, size=1)
    await fetch_value(database, "select 1")
    (running,) = send_batch(database, build_request("select pg_sleep(0.3)::text"))
    await database.close()
    assert running.result().decode_rows() == [("",)]
    (rejected,) = send_batch(database, build_request("select 1"))
    assert isinstance(rejected.exception(), UnavailableError)


async def test_waiting_batches_fail_at_close_with_its_reason(url: str) -> None:
    async with open_warm_database(url, size=1) as database:
        batches = [
            send_batch(database, build_request("select pg_sleep(0.02)::text"))[0]
            for _ in range(PIPELINE_DEPTH + 2)
        ]
        await database.close()
    errors = [each.exception() for each in batches]
    assert errors[:PIPELINE_DEPTH] == [None] * PIPELINE_DEPTH
    assert [str(each) for each in errors[PIPELINE_DEPTH:]] == ["The connection pool is closed."] * 2
    assert {type(each) for each in errors[PIPELINE_DEPTH:]} == {UnavailableError}


async def test_close_has_grace_period(
    url: str, admin: BackendAdmin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.db.driver.connection_pool.SHUTDOWN_GRACE", 0.2)
    database = await Database.connect(url, size=1)
    await fetch_value(database, "select 1")
    (running,) = send_batch(database, build_request("select pg_sleep(9)"))
    async with time_limit(2, "the database to close"):
        await database.close()
    assert isinstance(running.exception(), UnavailableError)
    await wait_until_async(admin.is_idle)
