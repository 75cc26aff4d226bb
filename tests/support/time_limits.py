"""Time limits of tests, scaled by how fast this machine is now.

A limit is written as the seconds that suffice on an idle machine like the reference machine. The
machine factor is how much slower this processor is, times how many processes share a core.

* A wait (`time_limit`, `wait_until` …) ends after its limit times the factor times `HEADROOM`, for
  load that comes later. A wait costs its limit only if it fails.
* A test that something is quick (`assert_within`) has its limit times the factor, without headroom;
  the machine is measured once more before such a test fails.
"""

import asyncio
import inspect
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import cache

REFERENCE_SECONDS = 0.03
"""CPU time of the calibration on the reference machine: an idle core of a server of 2024."""
CALIBRATION_STEPS = 1_000_000
HEADROOM = 3.0
"""How much slower the machine may become while a test waits."""
MAX_FACTOR = 10.0
POLL_SECONDS = 0.01


class TooSlowError(TimeoutError):
    """A test waited until its scaled time limit."""


@cache
def _calibrate() -> tuple[float, float]:
    """Return the slowness of this processor, and elapsed time per CPU time."""
    started_at, cpu_started_at = time.perf_counter(), time.process_time()
    sum(number * number for number in range(CALIBRATION_STEPS))
    elapsed, cpu_seconds = time.perf_counter() - started_at, time.process_time() - cpu_started_at
    return cpu_seconds / REFERENCE_SECONDS, elapsed / cpu_seconds


def get_machine_factor() -> float:
    """Return by how much slower than the reference machine this machine is now, at least 1."""
    processor_factor, contention = _calibrate()
    waiting_per_core = os.getloadavg()[0] / (os.cpu_count() or 1)
    return min(max(processor_factor, 1) * max(contention, waiting_per_core, 1), MAX_FACTOR)


def scale_seconds(seconds: float) -> float:
    """Return the time limit of a wait here; `seconds` suffice on an idle reference machine."""
    return seconds * HEADROOM * get_machine_factor()


def describe_limit(seconds: float, scaled_seconds: float) -> str:
    """Return a description of a time limit and its factor, for failure messages."""
    return f"limit {seconds:g} s x machine factor {scaled_seconds / seconds:.1f}"


@asynccontextmanager
async def time_limit(seconds: float, awaited: str) -> AsyncIterator[None]:
    """Cancel the body after a scaled time limit. Raises TooSlowError, which names `awaited`."""
    scaled_seconds = scale_seconds(seconds)
    timeout = asyncio.timeout(scaled_seconds)
    try:
        async with timeout:
            yield
    except TimeoutError as error:
        if timeout.expired():
            raise _build_error(seconds, scaled_seconds, awaited) from error
        raise


@contextmanager
def assert_within(seconds: float, action: str) -> Iterator[None]:
    """Fail if the body takes longer than `seconds` here; `action` is named in the message."""
    started_at = time.monotonic()
    yield
    assert_duration(time.monotonic() - started_at, seconds, action)


def assert_duration(duration: float, seconds: float, action: str) -> None:
    """Fail if an action that took `duration` was slower than `seconds` here."""
    if duration >= seconds * get_machine_factor():
        _calibrate.cache_clear()
    scaled_seconds = seconds * get_machine_factor()
    assert duration < scaled_seconds, (
        f"too slow here: {action} took {duration:.2f} s ({describe_limit(seconds, scaled_seconds)})"
    )


async def wait_until(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Wait until a condition is true. Raises TooSlowError after a scaled time limit."""
    async with time_limit(seconds, _describe_condition(condition)):
        while not condition():  # noqa: ASYNC110 - the conditions set no asyncio.Event
            await asyncio.sleep(POLL_SECONDS)


async def wait_until_async(condition: Callable[[], Awaitable[bool]], seconds: float = 5) -> None:
    """Wait until an asynchronous condition is true. Raises TooSlowError like `wait_until`."""
    async with time_limit(seconds, _describe_condition(condition)):
        while not await condition():  # noqa: ASYNC110 - see above
            await asyncio.sleep(POLL_SECONDS)


def block_until(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Block this thread until a condition is true. Raises TooSlowError like `wait_until`."""
    scaled_seconds = scale_seconds(seconds)
    deadline = time.monotonic() + scaled_seconds
    while not condition():
        if time.monotonic() > deadline:
            raise _build_error(seconds, scaled_seconds, _describe_condition(condition))
        time.sleep(POLL_SECONDS)


def _build_error(seconds: float, scaled_seconds: float, awaited: str) -> TooSlowError:
    return TooSlowError(
        f"too slow here or stuck: waited {scaled_seconds:.1f} s for {awaited}"
        f" ({describe_limit(seconds, scaled_seconds)})"
    )


def _describe_condition(condition: Callable[[], object]) -> str:
    """Return where a condition is defined, for failure messages."""
    code = getattr(inspect.unwrap(condition), "__code__", None)
    if code is None:
        return getattr(condition, "__qualname__", repr(condition))
    return f"{condition.__qualname__}, {code.co_filename}:{code.co_firstlineno}"
