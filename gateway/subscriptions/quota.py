"""Quota: limits of subscriptions and connections, for the process and for each user."""

from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager


class QuotaExceededError(Exception):
    """A limit is reached; the message names it."""


class Quota:
    """Counter of slots in use, limited in total and for each user."""

    def __init__(self, subject: str, max_total: int, max_per_user: int | None = None) -> None:
        """Limit the slots; messages call them `subject`, a plural."""
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
                f"This server may have at most {self._max_total} {self._subject} at a time."
            )
        if self._count_by_user[user] >= self._max_per_user:
            raise QuotaExceededError(
                f"A user may have at most {self._max_per_user} {self._subject} at a time."
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
