"""Quota: limits of subscriptions and connections, for the process and for each user."""

from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager

from gateway.error_table import ErrorKind


class QuotaExceededError(Exception):
    """A limit is reached; the message names it."""

    error_kind = ErrorKind.QUOTA_EXCEEDED


def make_limit_message(holder: str, limit: int, subject: str) -> str:
    """Return the message that `holder` may have no more than `limit` of a subject (a singular)."""
    plural_ending = "" if limit == 1 else "s"
    return f"{holder} may have at most {limit} {subject}{plural_ending} at a time."


class Quota:
    """Counter of slots in use, limited in total and for each user."""

    def __init__(self, subject: str, max_total: int, max_per_user: int | None = None) -> None:
        """Limit the slots; messages call each `subject`, a singular."""
        self._subject, self._max_total = subject, max_total
        self._max_per_user = max_per_user or max_total
        self._count_by_user: Counter[Hashable] = Counter()
        self.count = 0
        """Number of slots in use."""

    @contextmanager
    def acquire_slot(self, user: Hashable) -> Iterator[None]:
        """Use a slot of a user until the context is left.

        Raises QuotaExceededError if the total or the user's limit is reached.
        """
        if self.count >= self._max_total:
            raise QuotaExceededError(
                make_limit_message("This server", self._max_total, self._subject)
            )
        if self._count_by_user[user] >= self._max_per_user:
            raise QuotaExceededError(
                make_limit_message("A user", self._max_per_user, self._subject)
            )
        self.count += 1
        self._count_by_user[user] += 1
        try:
            yield
        finally:
            self.count -= 1
            self._count_by_user[user] -= 1
            if not self._count_by_user[user]:
                del self._count_by_user[user]
