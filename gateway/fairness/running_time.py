"""Time-outs that count only the time in which the event loop ran.

A process that is stopped, swapped out or blocked for seconds has not listened. What arrived
meanwhile is still to be read when it runs again, and what others owe it may be on its way. So
silence is measured from then: a stall counts as one slice, however long it lasts.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

SLICE_SECONDS = 0.5
"""Longest part of a time-out that is waited for at once."""


class RunningTimer:
    """Calls a function after some seconds in which the event loop ran; late slices are repeated.

    Unlike `loop.call_later`, whose timers are all due at once when a stalled loop goes on.
    """

    def __init__(self, seconds: float, callback: Callable[[], None]) -> None:
        """Call `callback` after `seconds`."""
        self._loop, self._callback = asyncio.get_running_loop(), callback
        self._remaining_seconds = seconds
        self._start_slice()

    def _start_slice(self) -> None:
        seconds = min(self._remaining_seconds, SLICE_SECONDS)
        due_at = self._loop.time() + seconds
        self._handle = self._loop.call_at(due_at, self._end_slice, seconds, due_at)

    def _end_slice(self, seconds: float, due_at: float) -> None:
        if self._loop.time() - due_at <= SLICE_SECONDS:
            self._remaining_seconds -= seconds
        if self._remaining_seconds > 0:
            self._start_slice()
        else:
            self._callback()

    def cancel(self) -> None:
        """Don't call the function."""
        self._handle.cancel()


@asynccontextmanager
async def running_timeout(seconds: float) -> AsyncIterator[asyncio.Timeout]:
    """Limit the body like `asyncio.timeout`, by the time in which the event loop ran."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(None) as timeout:
        timer = RunningTimer(seconds, lambda: timeout.reschedule(loop.time()))
        try:
            yield timeout
        finally:
            timer.cancel()
