"""Prepared statements of one connection, bounded by the length of their SQL."""

from collections import OrderedDict
from collections.abc import Iterator

MAX_PREPARED_STATEMENTS = 500
"""Maximum number of prepared statements on a connection; the least recently used is dropped."""
DEFAULT_PREPARED_BYTES = 500_000
"""Maximum length of the SQL of all prepared statements on a connection together, in bytes.

A server process needs about 100 times as much memory for their plans.
"""
MAX_REMEMBERED_NAMES = 2000
"""Maximum number of statements of which a connection remembers that they were sent once."""


class PreparedStatements(OrderedDict[bytes, int]):
    """Names of the prepared statements, the least recently used first, with the SQL's length.

    Clients choose the shapes of filters, pages and selections, so they can cause any number
    of different statements; most of these are sent once. So a statement is prepared when it
    is sent again. The driver looks names up by `move_to_end`, for each statement that it
    sends: this class is a dict, because a method around that would cost more than it does.
    """

    def __init__(self, max_bytes: int) -> None:
        """Keep at most `max_bytes` bytes of SQL."""
        super().__init__()
        self._max_bytes, self._total_bytes = max_bytes, 0
        self._names_sent: OrderedDict[bytes, None] = OrderedDict()

    def note_use(self, name: bytes, sql_bytes: int) -> bool:
        """Note that a statement is sent; return whether it is to be prepared."""
        if sql_bytes > self._max_bytes:
            return False
        if name in self._names_sent:
            del self._names_sent[name]
            return True
        self._names_sent[name] = None
        if len(self._names_sent) > MAX_REMEMBERED_NAMES:
            self._names_sent.popitem(last=False)
        return False

    def make_room(self, sql_bytes: int) -> Iterator[bytes]:
        """Remove statements until there is room for another one; yield their names."""
        while self and (
            len(self) >= MAX_PREPARED_STATEMENTS or self._total_bytes + sql_bytes > self._max_bytes
        ):
            name, oldest_bytes = self.popitem(last=False)
            self._total_bytes -= oldest_bytes
            yield name

    def add_statement(self, name: bytes, sql_bytes: int) -> None:
        """Add a statement, for which there must be room."""
        self[name] = sql_bytes
        self._total_bytes += sql_bytes

    def remove_failed(self, name: bytes) -> None:
        """Remove a statement that could not be prepared, if it is here; it was used already."""
        self._total_bytes -= self.pop(name, 0)
        self._names_sent[name] = None

    def forget_all(self) -> None:
        """Remove all statements; each counts as used, so that it is prepared when it is sent."""
        self._names_sent.update(dict.fromkeys(self))
        self._total_bytes = 0
        self.clear()
