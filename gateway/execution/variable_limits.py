"""Limits of a request's variables, checked on the raw JSON before anything is coerced.

Coercion, validation and error messages cost time for each value, so a request with too
many of them is rejected first. All variables count, those that the operation does not
define, too.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
from graphql import GraphQLError

from gateway.error_table import ErrorKind
from gateway.exact_json import decode_number
from gateway.schema.framework.errors import shorten_text

PathLink = tuple["PathLink | None", str | int]
"""The end of a path: the link to the rest, and the last name or index."""
Level = list[tuple[PathLink | None, dict[str, Any] | list[Any]]]
"""The objects and lists of one nesting level, with their paths."""


class VariableLimitError(GraphQLError):
    """The variables of a request exceed a limit; the message names it."""

    error_kind = ErrorKind.INVALID_INPUT

    def __init__(self, path: PathLink | None, limit: str) -> None:
        """Describe the limit of the value at `path`; `limit` completes "must have at most"."""
        keys = ".".join(("variables", *[*_iterate_keys(path)][::-1]))
        super().__init__(f"`{shorten_text(keys)}` must have at most {limit}.")


def _iterate_keys(path: PathLink | None) -> Iterator[str]:
    """Yield the names and indexes of a path, the last one first."""
    while path is not None:
        path, key = path
        yield str(key)


@dataclass(frozen=True)
class VariableLimits:
    """Limits of the variables of a request; each is a setting `GATEWAY_VARIABLE_…`."""

    values: int = 10_000
    """Names and items of all objects and lists together."""
    objects: int = 500
    """Objects of all variables together."""
    list_items: int = 1000
    """Items of one list."""
    text_chars: int = 100_000
    """Characters of one text."""
    name_chars: int = 1000
    """Characters of a name in an object."""
    depth: int = 25
    """Levels of objects and lists in a variable."""

    def check_variables(self, variables: dict[str, Any] | None) -> None:
        """Raise VariableLimitError if `variables` exceed a limit; the message names it.

        Numbers that are JSON text become exact numbers, see `decode_request_json`.

        One pass, level by level. A list or object is counted before its items are
        looked at, so the work is bounded by `values`.
        """
        if variables:
            _VariableCounter(self).count_variables(variables)


class _VariableCounter:
    """The numbers of values and objects that were counted, and the limits."""

    def __init__(self, limits: VariableLimits) -> None:
        self._limits = limits
        self._values = 0
        self._objects = -1  # the object of all variables does not count

    def count_variables(self, variables: dict[str, Any]) -> None:
        level: Level = [(None, variables)]
        for _ in range(self._limits.depth + 1):
            level = [inner for path, each in level for inner in self._count_collection(path, each)]
            if not level:
                return
        raise VariableLimitError(level[0][0], f"{self._limits.depth} levels of lists and objects")

    def _count_collection(
        self, path: PathLink | None, collection: dict[str, Any] | list[Any]
    ) -> Level:
        """Count an object or list and its texts; return the objects and lists in it."""
        limits, size = self._limits, len(collection)
        if isinstance(collection, dict):
            self._objects += 1
        elif size > limits.list_items:
            raise VariableLimitError(path, f"{limits.list_items} items, got {size}")
        self._values += size
        if self._values > limits.values:
            limit = f"{limits.values} values in total, got {self._values} or more"
            raise VariableLimitError(None, limit)
        if self._objects > limits.objects:
            limit = f"{limits.objects} objects in total, got {self._objects} or more"
            raise VariableLimitError(None, limit)
        if isinstance(collection, dict):
            self._check_names(path, collection)
        return self._check_items(path, collection)

    def _check_names(self, path: PathLink | None, names: Iterable[str]) -> None:
        for name in names:
            if len(name) > self._limits.name_chars:
                limit = f"{self._limits.name_chars} characters in a name, got {len(name)}"
                raise VariableLimitError(path, limit)

    def _check_items(self, path: PathLink | None, collection: dict[str, Any] | list[Any]) -> Level:
        inner: Level = []
        max_chars = self._limits.text_chars
        items = collection.items() if isinstance(collection, dict) else enumerate(collection)
        for key, item in items:
            if isinstance(item, str):
                if len(item) > max_chars:
                    limit = f"{max_chars} characters, got {len(item)}"
                    raise VariableLimitError((path, key), limit)
            elif isinstance(item, (dict, list)):
                inner.append(((path, key), item))
            elif isinstance(item, msgspec.Raw):
                collection[key] = decode_number(item)  # type: ignore[index]
        return inner
