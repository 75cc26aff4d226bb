"""Grouped aggregates: numbers about many rows, by key."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column

from gateway.db.query_spec import Access, ColumnRef, Expression, QuerySpec, RowCondition


@dataclass(frozen=True, eq=False)
class Aggregate:
    """What the rows amount to that have the same `match`: all of them, or those that are seen.

    With a `path` the rows start it, and what it leads to has the `match`.
    """

    key_column: Column[Any]
    values: Mapping[str, Expression]
    conditions: tuple[RowCondition, ...] = ()
    path: tuple[Column[Any], ...] = ()
    access: Access = Access.INHERITED
    """By which right the rows count: of whoever sees what they are about, or by their own rule."""

    @property
    def query_spec(self) -> QuerySpec:
        """Describe the statement; its columns are in the order of `values`."""
        table: Any = (*self.path, self.key_column)[0].table
        columns, key_column = tuple(self.values.values()), ColumnRef(self.key_column, self.path)
        return QuerySpec(table, columns, self.access, key_column, self.conditions, is_grouped=True)


@dataclass(frozen=True, eq=False)
class AggregateValue:
    """One value of a total, by what a column of the row holds; `missing` where nothing counts."""

    aggregate: Aggregate
    value_name: str
    key_column: Column[Any]
    default: Any = None
