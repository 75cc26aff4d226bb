"""Sliding windows of cost: limits, waiting times, bounds of memory, failures of Redis."""

import asyncio
import time
import tracemalloc

import pytest

from gateway.rate_limits import cost_window
from gateway.rate_limits.cost_window import CostWindow, compute_wait
from tests.rate_limits.clock import BudgetClock
from tests.support.redis_server import needs_redis, run_redis
from tests.support.time_limits import assert_within


async def test_window_slides(clock: BudgetClock) -> None:
    window = CostWindow("user", 1000, "memory")
    assert await window.add_cost("1", 1000)
    assert not await window.add_cost("1", 1)
    assert await window.add_cost("2", 1000)
    clock.now += 60 + 30
    assert not await window.add_cost("1", 501)
    assert await window.add_cost("1", 500)


@pytest.mark.parametrize("elapsed", [0, 10, 59, 61, 90])
@pytest.mark.parametrize("cost", [1, 300, 1000])
async def test_there_is_room_after_the_waiting_time(
    clock: BudgetClock, elapsed: float, cost: int
) -> None:
    window = CostWindow("user", 1000, "memory")
    await window.add_cost("1", 900)
    clock.now += elapsed
    await window.add_cost("1", 100)
    if await window.add_cost("1", cost):
        return
    wait = await window.compute_wait_seconds("1", cost)
    assert 1 <= wait <= 120
    if wait > 2:
        clock.now += wait - 2
        assert not await window.add_cost("1", cost)
        clock.now += 2
    else:
        clock.now += wait
    assert await window.add_cost("1", cost)


def test_waiting_time() -> None:
    assert compute_wait(0, 1000, 60, 999) == pytest.approx(60.06)
    assert compute_wait(1000, 0, 30, 250) == 15
    assert compute_wait(0, 500, 60, 0) == 120
    assert compute_wait(0, 0, 0, 1000) == 0


async def test_number_of_counters_is_bounded(
    clock: BudgetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cost_window, "MAX_COUNTERS", 1000)
    window = CostWindow("anonymous", 1000, "memory")
    await window.add_cost("first", 1000)
    for number in range(2000):
        await window.add_cost(f"2001:db8:{number:x}::/64", 100)
    storage = window._local.storage
    assert isinstance(storage, cost_window.BoundedMemoryStorage)
    assert len(storage.expirations) == len(storage.storage) == 1000
    assert (len(storage.locks), len(storage.events)) == (0, 0)
    assert await window.add_cost("first", 1000)  # it was the oldest
    clock.now += 121
    await window.add_cost("last", 1000)
    assert len(storage.expirations) == len(storage.storage) == 1


async def test_memory_of_many_addresses_is_bounded() -> None:
    window = CostWindow("anonymous", 1000, "memory")
    tracemalloc.start()
    try:
        for number in range(100_000):
            await window.add_cost(f"2001:db8:{number >> 16:x}:{number & 0xFFFF:x}::/64", 100)
        size, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 40_000_000, (size, peak)


@needs_redis
async def test_processes_share_a_budget_in_redis() -> None:
    with run_redis() as redis:
        windows = [CostWindow("user", 1000, redis.url) for _ in range(2)]
        assert await windows[0].add_cost("1", 600)
        assert not await windows[1].add_cost("1", 600)
        wait = await windows[1].compute_wait_seconds("1", 600)
        assert 60 <= wait <= 120
        assert await windows[1].add_cost("1", 400)
        assert await windows[1].add_cost("2", 1000)
        assert [each.failure_count for each in windows] == [0, 0]
        for window in windows:
            await window.close()


@needs_redis
async def test_process_counts_for_itself_while_redis_is_down(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with run_redis() as redis:
        window = CostWindow("user", 1000, redis.url)
        assert await window.add_cost("1", 1000)
    assert await window.add_cost("1", 1000)
    assert not await window.add_cost("1", 1000)
    assert window.failure_count == 1  # the second one did not ask Redis
    monkeypatch.setattr(cost_window, "SUSPENSION_SECONDS", 0)
    window._suspended_until = 0
    for _ in range(5):
        assert not await window.add_cost("1", 1000)
    assert window.failure_count == 6
    (record,) = caplog.records
    assert record.name == cost_window.__name__
    assert "can't use Redis" in record.getMessage()
    with run_redis(redis.port):
        assert await window.add_cost("1", 1000)
        assert not await window.add_cost("1", 1000)
    assert window.failure_count == 6
    await window.close()


@needs_redis
async def test_stalled_redis_delays_operations_shortly() -> None:
    with run_redis() as redis:
        window = CostWindow("user", 1000, redis.url)
        assert await window.add_cost("1", 1000)
        redis.stall()
        with assert_within(1, "50 operations with a stalled Redis"):
            results = await asyncio.gather(*[window.add_cost(str(n), 1000) for n in range(50)])
        assert all(results)
        assert window.failure_count > 0
        redis.resume()
        window._suspended_until = time.monotonic()
        assert not await window.add_cost("1", 1000)
        await window.close()
