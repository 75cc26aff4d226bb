"""Values of the polled rows, in compact arrays: what changes are compared with."""

from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Sequence

MAX_LATE_ROWS = 10_000
"""Maximum number of rows that are not stored in the order of their ids."""
_NULL = -(1 << 63)
"""Stored in place of null: no code and no id is this number."""

PolledValues = tuple[int | None, ...]
"""Values of a row, such as its state, project and offering."""


class PolledStates:
    """Values of up to `max_rows` rows of a table: 8 bytes for each value, and for the id.

    The arrays are sorted by id. Rows get ascending ids, so new ones are appended; those
    that appear out of order, or do not fit, are in a dictionary of the last 10,000 of them.
    """

    def __init__(self, max_rows: int, value_count: int) -> None:
        self._max_rows, self._value_count = max_rows, value_count
        self._ids = array("q")
        self._values = array("q")
        self.has_forgotten = False
        """Whether a row was removed, as there were too many out of order."""
        self._late_values: OrderedDict[int, PolledValues] = OrderedDict()

    def __len__(self) -> int:
        return len(self._ids) + len(self._late_values)

    @property
    def last_id(self) -> int:
        """The highest id in the arrays; -1 without any."""
        return self._ids[-1] if self._ids else -1

    def find_values(self, id_: int) -> PolledValues | None:
        """Return the values of a row; None if it is not stored."""
        index = self._find_index(id_)
        if index is None:
            return self._late_values.get(id_)
        values = self._values[self._slice_values(index)]
        return (*(None if each == _NULL else each for each in values),)

    def store_values(self, id_: int, values: Sequence[int | None]) -> None:
        """Store the values of a row."""
        numbers = array("q", [_NULL if each is None else each for each in values])
        index = self._find_index(id_)
        if index is not None:
            self._values[self._slice_values(index)] = numbers
        elif id_ > self.last_id and len(self._ids) < self._max_rows:
            self._late_values.pop(id_, None)
            self._ids.append(id_)
            self._values.extend(numbers)
        else:
            self._late_values.pop(id_, None)
            self._late_values[id_] = (*values,)
            if len(self._late_values) > MAX_LATE_ROWS:
                self._late_values.popitem(last=False)
                self.has_forgotten = True

    def _find_index(self, id_: int) -> int | None:
        index = bisect_left(self._ids, id_)
        return index if index < len(self._ids) and self._ids[index] == id_ else None

    def _slice_values(self, index: int) -> slice:
        return slice(index * self._value_count, (index + 1) * self._value_count)
