"""Tests of the time limits: they grow with the machine's load, and name what was awaited."""

import asyncio
import os
from functools import cache

import pytest

from tests.support import time_limits
from tests.support.time_limits import (
    HEADROOM,
    MAX_FACTOR,
    TooSlowError,
    assert_duration,
    assert_within,
    block_until,
    get_machine_factor,
    scale_seconds,
    time_limit,
    wait_until,
    wait_until_async,
)


def set_machine(
    monkeypatch: pytest.MonkeyPatch,
    processor_factor: float = 1,
    contention: float = 1,
    load_per_core: float = 0,
) -> None:
    """Replace the measurements of the machine."""
    load = load_per_core * (os.cpu_count() or 1)
    monkeypatch.setattr(time_limits, "_calibrate", lambda: (processor_factor, contention))
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 0.0, 0.0))


@pytest.mark.parametrize(
    ("measured", "expected_factor"),
    [
        ((1, 1, 0), 1),
        ((0.5, 0.9, 0.1), 1),
        ((2, 1, 0), 2),
        ((1, 3, 2), 3),
        ((2, 2, 3), 6),
        ((100, 1, 0), MAX_FACTOR),
    ],
)
def test_factor_follows_processor_and_load(
    monkeypatch: pytest.MonkeyPatch, measured: tuple[float, float, float], expected_factor: float
) -> None:
    set_machine(monkeypatch, *measured)
    assert get_machine_factor() == pytest.approx(expected_factor)
    assert scale_seconds(10) == pytest.approx(10 * expected_factor * HEADROOM)


def test_this_machine_is_measured() -> None:
    assert 1 <= get_machine_factor() <= MAX_FACTOR


async def never() -> bool:
    """Return false."""
    return False


async def test_expired_limits_name_what_was_awaited(monkeypatch: pytest.MonkeyPatch) -> None:
    set_machine(monkeypatch)
    expected = r"too slow here or stuck: waited 0\.0 s for %s.*limit 0\.01 s x machine factor 3\.0"
    with pytest.raises(TooSlowError, match=expected % "the end"):
        async with time_limit(0.01, "the end"):
            await asyncio.Event().wait()
    with pytest.raises(TooSlowError, match=expected % r".*<lambda>.*test_time_limits\.py:\d+"):
        await wait_until(lambda: False, 0.01)
    with pytest.raises(TooSlowError, match=expected % r"never.*test_time_limits\.py:\d+"):
        await wait_until_async(never, 0.01)
    with pytest.raises(TooSlowError, match=expected % r".*<lambda>.*test_time_limits\.py:\d+"):
        block_until(lambda: False, 0.01)


async def test_other_timeouts_remain(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TimeoutError, match="mine") as caught:
        async with time_limit(10, "the end"):
            raise TimeoutError("mine")
    assert not isinstance(caught.value, TooSlowError)


def test_slow_action_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    with assert_within(10, "nothing"):
        pass
    with (
        pytest.raises(AssertionError, match="too slow here: nothing took"),
        assert_within(1e-9, "nothing"),
    ):
        pass


def test_machine_is_measured_again_before_a_test_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    measurements = [(1.0, 1.0), (1.0, 4.0)]
    monkeypatch.setattr(os, "getloadavg", lambda: (0.0, 0.0, 0.0))
    monkeypatch.setattr(time_limits, "_calibrate", cache(lambda: measurements.pop(0)))
    assert_duration(0.5, 1, "the first")
    assert_duration(3, 1, "the second")
    assert measurements == []
