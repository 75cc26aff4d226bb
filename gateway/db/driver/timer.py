"""Periodic timer that runs only while there is work to check."""

import asyncio
from collections.abc import Callable

SLOW_THRESHOLD_SECONDS = 0.1
"""Seconds after which a running batch counts as slow; also the period of the timer."""


class PeriodicTimer:
    """Calls a check every `SLOW_THRESHOLD_SECONDS` until the check returns False.

    One timer for a whole pool is cheaper than a time-out for each batch.
    """

    def __init__(self, check: Callable[[float], bool]) -> None:
        """Call `check` with the loop's time; it returns whether there is still work to check."""
        self._check, self._loop = check, asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    def ensure_started(self) -> None:
        """Start the timer unless it is running."""
        if self._timer is None:
            due_at = self._loop.time() + SLOW_THRESHOLD_SECONDS
            self._timer = self._loop.call_at(due_at, self._on_due, due_at)

    def _on_due(self, due_at: float) -> None:
        self._timer, now = None, self._loop.time()
        # If the event loop was blocked, results that arrived in time may still be unread.
        # So the check is left out this time, and the server is not taken for slow.
        if now - due_at > SLOW_THRESHOLD_SECONDS or self._check(now):
            self.ensure_started()

    def stop(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
