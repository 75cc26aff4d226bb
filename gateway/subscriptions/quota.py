"""How many subscriptions or connections there may be: in the process, and of one user."""

from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager


class QuotaExceededError(Exception):
    """There is no room for one more; the text says of what there are too many."""


class Quota:
    """Counts what there is, and lets in what there is room for."""

    def __init__(self, subject: str, max_total: int, max_per_user: int | None = None) -> None:
        """Let in so many in all, and so many of one user, of what is called `what`."""
        self._subject, self._max_total, self._max_per_user = (
            subject,
            max_total,
            max_per_user or max_total,
        )
        self._count_by_user: Counter[Hashable] = Counter()
        self.count = 0
        """How many there are."""

    @contextmanager
    def acquire_slot(self, user: Hashable) -> Iterator[None]:
        """Have one more for a user; TooManyError if there is no room."""
        if self.count >= self._max_total:
            raise QuotaExceededError(f"This server has no room for more {self._subject}.")
        if self._count_by_user[user] >= self._max_per_user:
            raise QuotaExceededError(
                f"A user may have {self._max_per_user} {self._subject} at a time."
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
