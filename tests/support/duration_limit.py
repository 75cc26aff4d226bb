"""Plugin of pytest: a test that exceeds its time limit fails by itself, and the run continues.

A timer signal interrupts the test. An asynchronous test is cancelled first, so that later tests can
use its event loop. If that doesn't end it, or if it is synchronous, the signal handler raises,
again every `GRACE_SECONDS` until the test ends.
"""

import asyncio
import faulthandler
import signal
import sys
from collections.abc import Generator
from types import FrameType

import pytest

from tests.support.time_limits import TooSlowError, describe_limit, scale_seconds

TEST_SECONDS = 120.0
"""Time limit of a test, and of its setup, on an idle reference machine."""
GRACE_SECONDS = 10.0


class DurationInterrupt(KeyboardInterrupt):
    """The time limit of the test is exceeded; event loops don't catch a KeyboardInterrupt."""


class DurationLimit:
    """Fails each test, and each setup, that exceeds a scaled time limit."""

    def __init__(self, seconds: float = TEST_SECONDS) -> None:
        self._seconds, self._interrupt_count = seconds, 0

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, object, object]:
        """Limit the setup of a test."""
        return (yield from self._limit_phase(f"the setup of {item.nodeid}"))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Limit the test itself."""
        return (yield from self._limit_phase(item.nodeid))

    def _limit_phase(self, phase: str) -> Generator[None, object, object]:
        scaled_seconds, self._interrupt_count = scale_seconds(self._seconds), 0
        previous_handler = signal.signal(signal.SIGALRM, self._interrupt_test)
        signal.setitimer(signal.ITIMER_REAL, scaled_seconds, GRACE_SECONDS)
        try:
            result = yield
        except BaseException as error:
            if self._interrupt_count:
                raise self._build_failure(phase, scaled_seconds) from error
            raise
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, previous_handler)
        if self._interrupt_count:
            raise self._build_failure(phase, scaled_seconds)
        return result

    def _build_failure(self, phase: str, scaled_seconds: float) -> TooSlowError:
        return TooSlowError(
            f"too slow here or stuck: {phase} took more than {scaled_seconds:.0f} s"
            f" ({describe_limit(self._seconds, scaled_seconds)})"
        )

    def _interrupt_test(self, _signal_number: int, frame: FrameType | None) -> None:
        self._interrupt_count += 1
        faulthandler.dump_traceback(sys.__stderr__ or sys.stderr)
        task = _find_running_test(frame)
        if self._interrupt_count == 1 and task is not None:
            task.get_loop().call_soon_threadsafe(task.cancel)
        else:
            raise DurationInterrupt


def _find_running_test(frame: FrameType | None) -> asyncio.Task[object] | None:
    """Return the task that an `asyncio.Runner` runs below a frame; None in synchronous code."""
    while frame is not None and frame.f_code is not asyncio.Runner.run.__code__:
        frame = frame.f_back
    return None if frame is None else frame.f_locals.get("task")
