"""Grouped aggregates: numbers about many rows, by key."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column

from gateway.db.query_spec import At, Condition, Door, Of, Read


@dataclass(frozen=True, eq=False)
class Total:
    """What the rows amount to that have the same `match`: all of them, or those that are seen.

    With a `path` the rows start it, and what it leads to has the `match`.
    """

    match: Column[Any]
    values: Mapping[str, Of]
    where: tuple[Condition, ...] = ()
    path: tuple[Column[Any], ...] = ()
    door: Door = Door.PARTS
    """By which right the rows count: of whoever sees what they are about, or by their own rule."""

    @property
    def read(self) -> Read:
        """Describe the statement; its columns are in the order of `values`."""
        table: Any = (*self.path, self.match)[0].table
        columns, match = tuple(self.values.values()), At(self.match, self.path)
        return Read(table, columns, self.door, match, self.where, grouped=True)


@dataclass(frozen=True, eq=False)
class Sum:
    """One value of a total, by what a column of the row holds; `missing` where nothing counts."""

    total: Total
    value: str
    key: Column[Any]
    missing: Any = None
