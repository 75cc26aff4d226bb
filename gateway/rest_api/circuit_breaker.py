"""Circuit breaker: a server that is down is not waited for by each request."""

import logging
import time
from collections.abc import Callable
from math import ceil

log = logging.getLogger(__name__)
FAILURE_THRESHOLD = 5
"""Number of consecutive failures that opens the breaker."""
RETRY_SECONDS = 5.0
"""Seconds between two attempts while the breaker is open."""


class CircuitBreaker:
    """Circuit breaker of a process for one server.

    CLOSED: requests are sent. `FAILURE_THRESHOLD` failures in a row open it.
    OPEN: requests are refused, but one each `RETRY_SECONDS`, whose success closes it.

    An attempt that never reports anything, as one that is cancelled, delays the next one only by
    that interval.
    """

    def __init__(self, server_name: str, clock: Callable[[], float] = time.monotonic) -> None:
        """Name the server in the log."""
        self._server_name, self._clock = server_name, clock
        self._failure_count = 0
        self._retry_at = 0.0

    @property
    def is_open(self) -> bool:
        """Whether requests are refused at present."""
        return self._failure_count >= FAILURE_THRESHOLD

    def request_attempt(self) -> int | None:
        """Return None if a request may be sent, else the seconds until the next attempt."""
        if not self.is_open:
            return None
        now = self._clock()
        if now < self._retry_at:
            return ceil(self._retry_at - now)
        self._retry_at = now + RETRY_SECONDS
        return None

    def note_success(self) -> None:
        """Note that the server has answered, which closes the breaker."""
        if self.is_open:
            log.warning("%s answers again.", self._server_name)
        self._failure_count = 0

    def note_failure(self, reason: str) -> None:
        """Note that the server can't be reached or does not answer."""
        was_open = self.is_open
        self._failure_count += 1
        if self.is_open:
            self._retry_at = self._clock() + RETRY_SECONDS
        if self.is_open and not was_open:
            log.warning(
                "%s has failed %d times in a row (%s): it gets one request in %g s only.",
                self._server_name,
                self._failure_count,
                reason,
                RETRY_SECONDS,
            )
