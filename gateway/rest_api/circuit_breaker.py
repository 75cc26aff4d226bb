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

    If it was opened by requests of one user only, which the server has received, it refuses those
    of this user: others may be answered.

    An attempt that never reports anything, as one that is cancelled, delays the next one only by
    that interval.
    """

    def __init__(self, server_name: str, clock: Callable[[], float] = time.monotonic) -> None:
        """Name the server in the log."""
        self._server_name, self._clock = server_name, clock
        self._failure_count = 0
        self._failing_users: set[int | None] = set()
        self._retry_at = 0.0

    @property
    def is_open(self) -> bool:
        """Whether requests of some or all users are refused at present."""
        return self._failure_count >= FAILURE_THRESHOLD

    def request_attempt(self, user_id: int | None) -> int | None:
        """Return None if a user's request may be sent, else the seconds until the next attempt."""
        if not self.is_open or not self._concerns_user(user_id):
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
        self._failing_users.clear()

    def note_failure(self, reason: str, user_id: int | None) -> None:
        """Note that the server does not answer a user's request; None: it can't be reached."""
        was_open = self.is_open
        self._failure_count += 1
        self._failing_users.add(user_id)
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

    def _concerns_user(self, user_id: int | None) -> bool:
        """Return whether the failures say something about the requests of a user."""
        users = self._failing_users
        return len(users) > 1 or None in users or user_id in users
