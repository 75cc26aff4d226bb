"""One timer for all that is under way: it looks after it now and then, while there is something."""

import asyncio
from collections.abc import Callable

SLOW_THRESHOLD_SECONDS = 0.1
"""Seconds after which what is under way counts as slow; so often somebody looks."""


class PeriodicTimer:
    """Looks after something from when it is woken until there is nothing left."""

    def __init__(self, check: Callable[[float], bool]) -> None:
        """Have `look`, which is given the time, tell whether there is something left."""
        self._check, self._loop = check, asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    def ensure_started(self) -> None:
        """Begin, unless it has begun."""
        if self._timer is None:
            due_at = self._loop.time() + SLOW_THRESHOLD_SECONDS
            self._timer = self._loop.call_at(due_at, self._on_due, due_at)

    def _on_due(self, due_at: float) -> None:
        self._timer, now = None, self._loop.time()
        # Whoever is late may not have read yet what the database said in time.
        if now - due_at > SLOW_THRESHOLD_SECONDS or self._check(now):
            self.ensure_started()

    def stop(self) -> None:
        """End."""
        if self._timer is not None:
            self._timer.cancel()
