"""Periodic timer that runs only while there is work to check."""

import asyncio
from collections.abc import Callable

SLOW_THRESHOLD_SECONDS = 0.1
"""Seconds after which a running batch counts as slow; also the period of the timer."""


class PeriodicTimer:
    """Calls a check every `SLOW_THRESHOLD_SECONDS` until the check returns False.

    One timer for a whole pool is cheaper than a time-out for each batch.

    It is also a clock of the time in which the event loop ran (`read_clock`). While the
    timer runs, each period counts as at most two, so that a process that was stopped or
    blocked does not take its own silence for the database's.
    """

    def __init__(self, check: Callable[[float], bool]) -> None:
        """Call `check` with the loop's time; it returns whether there is still work to check."""
        self._check, self._loop = check, asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._due_at = self._stalled_seconds = 0.0

    def read_clock(self) -> float:
        """Return the time on the loop's clock, without that in which the loop was blocked."""
        now = self._loop.time()
        if self._timer is not None and now > self._due_at + SLOW_THRESHOLD_SECONDS:
            now = self._due_at + SLOW_THRESHOLD_SECONDS
        return now - self._stalled_seconds

    def ensure_started(self) -> None:
        """Start the timer unless it is running."""
        if self._timer is None:
            self._due_at = self._loop.time() + SLOW_THRESHOLD_SECONDS
            self._timer = self._loop.call_at(self._due_at, self._on_due)

    def _on_due(self) -> None:
        self._timer, now = None, self._loop.time()
        stalled_seconds = now - self._due_at - SLOW_THRESHOLD_SECONDS
        # If the event loop was blocked, results that arrived in time may still be unread.
        # So the check is left out this time, and the server is not taken for slow.
        if stalled_seconds > 0:
            self._stalled_seconds += stalled_seconds
            self.ensure_started()
        elif self._check(now):
            self.ensure_started()

    def stop(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
