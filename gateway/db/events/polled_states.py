"""States of the polled resources, in compact arrays: what changes are compared with."""

from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Sequence

VALUE_COUNT = 3
"""Number of values of a resource: state, project and offering."""
MAX_LATE_RESOURCES = 10_000
"""Maximum number of resources that are not stored in the order of their ids."""
_NULL = -1

PolledValues = tuple[int | None, ...]
"""State, project and offering of a resource."""


class PolledStates:
    """State, project and offering of up to `max_resources` resources, 32 bytes for each.

    The arrays are sorted by id. Resources get ascending ids, so new ones are appended; those
    that appear out of order, or do not fit, are in a dictionary of the last 10,000 of them.
    """

    def __init__(self, max_resources: int) -> None:
        self._max_resources = max_resources
        self._ids = array("q")
        self._values = array("q")
        self.has_forgotten = False
        """Whether a resource was removed, as there were too many out of order."""
        self._late_values: OrderedDict[int, PolledValues] = OrderedDict()

    def __len__(self) -> int:
        return len(self._ids) + len(self._late_values)

    @property
    def last_id(self) -> int:
        """The highest id in the arrays; -1 without any."""
        return self._ids[-1] if self._ids else -1

    def find_values(self, id_: int) -> PolledValues | None:
        """Return the values of a resource; None if it is not stored."""
        index = self._find_index(id_)
        if index is None:
            return self._late_values.get(id_)
        values = self._values[index * VALUE_COUNT : (index + 1) * VALUE_COUNT]
        return (*(None if each == _NULL else each for each in values),)

    def store_values(self, id_: int, values: Sequence[int | None]) -> None:
        """Store the values of a resource."""
        numbers = array("q", [_NULL if each is None else each for each in values])
        index = self._find_index(id_)
        if index is not None:
            self._values[index * VALUE_COUNT : (index + 1) * VALUE_COUNT] = numbers
        elif id_ > self.last_id and len(self._ids) < self._max_resources:
            self._late_values.pop(id_, None)
            self._ids.append(id_)
            self._values.extend(numbers)
        else:
            self._late_values.pop(id_, None)
            self._late_values[id_] = (*values,)
            if len(self._late_values) > MAX_LATE_RESOURCES:
                self._late_values.popitem(last=False)
                self.has_forgotten = True

    def _find_index(self, id_: int) -> int | None:
        index = bisect_left(self._ids, id_)
        return index if index < len(self._ids) and self._ids[index] == id_ else None
