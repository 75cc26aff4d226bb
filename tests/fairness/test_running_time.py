"""Test time-outs that don't count stalls of the event loop."""

import asyncio
import time

import pytest

from gateway.fairness.running_time import SLICE_SECONDS, RunningTimer, running_timeout


async def test_stalls_are_not_counted() -> None:
    async with running_timeout(1):
        await asyncio.sleep(0.1)
        time.sleep(2)  # noqa: ASYNC251 - the stall
        await asyncio.sleep(0.2)


async def test_time_is_counted_without_stalls() -> None:
    started_at = time.monotonic()
    with pytest.raises(TimeoutError):
        async with running_timeout(0.3 + SLICE_SECONDS):
            await asyncio.sleep(60)
    assert time.monotonic() - started_at >= 0.3 + SLICE_SECONDS


async def test_other_errors_and_results_pass() -> None:
    with pytest.raises(ValueError, match="mine"):
        async with running_timeout(5):
            raise ValueError("mine")
    async with running_timeout(5) as timeout:
        pass
    assert not timeout.expired()


async def test_cancelled_timer_calls_nothing() -> None:
    calls: list[int] = []
    timer = RunningTimer(0.01, lambda: calls.append(1))
    timer.cancel()
    await asyncio.sleep(0.05)
    assert calls == []
