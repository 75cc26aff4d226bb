"""One timer for all that is under way: it looks after it now and then, while there is something."""

import asyncio
from collections.abc import Callable

SLOW = 0.1
"""Seconds after which what is under way counts as slow; so often somebody looks."""


class Watch:
    """Looks after something from when it is woken until there is nothing left."""

    def __init__(self, look: Callable[[float], bool]) -> None:
        """Have `look`, which is given the time, tell whether there is something left."""
        self._look, self._loop = look, asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    def wake(self) -> None:
        """Begin, unless it has begun."""
        if self._timer is None:
            due = self._loop.time() + SLOW
            self._timer = self._loop.call_at(due, self._due, due)

    def _due(self, due: float) -> None:
        self._timer, now = None, self._loop.time()
        # Whoever is late may not have read yet what the database said in time.
        if now - due > SLOW or self._look(now):
            self.wake()

    def stop(self) -> None:
        """End."""
        if self._timer is not None:
            self._timer.cancel()
