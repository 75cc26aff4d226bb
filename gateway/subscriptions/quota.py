"""How many subscriptions or connections there may be: in the process, and of one user."""

from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager


class TooManyError(Exception):
    """There is no room for one more; the text says of what there are too many."""


class Admission:
    """Counts what there is, and lets in what there is room for."""

    def __init__(self, what: str, most: int, most_of_one: int | None = None) -> None:
        """Let in so many in all, and so many of one user, of what is called `what`."""
        self._what, self._most, self._most_of_one = what, most, most_of_one or most
        self._present: Counter[Hashable] = Counter()
        self.count = 0
        """How many there are."""

    @contextmanager
    def one(self, user: Hashable) -> Iterator[None]:
        """Have one more for a user; TooManyError if there is no room."""
        if self.count >= self._most:
            raise TooManyError(f"This server has no room for more {self._what}.")
        if self._present[user] >= self._most_of_one:
            raise TooManyError(f"A user may have {self._most_of_one} {self._what} at a time.")
        self.count += 1
        self._present[user] += 1
        try:
            yield
        finally:
            self.count -= 1
            self._present[user] -= 1
            if not self._present[user]:
                del self._present[user]
