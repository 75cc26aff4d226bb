"""Missing routes: what this version of Waldur lacks, remembered for a while."""

import time
from collections.abc import Callable

MEMORY_SECONDS = 600.0
"""Seconds after which a missing route is tried again: Waldur may have been upgraded."""


class MissingRoutes:
    """Routes that Waldur's REST API has answered to be missing."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Remember no route yet."""
        self._clock = clock
        self._retry_at: dict[str, float] = {}

    def add_route(self, route: str) -> None:
        """Remember that a route is missing."""
        self._retry_at[route] = self._clock() + MEMORY_SECONDS

    def is_missing(self, route: str) -> bool:
        """Return whether a route was missing a while ago."""
        return self._clock() < self._retry_at.get(route, 0)
