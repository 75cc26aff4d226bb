"""Grouped aggregates: counts, sums and the like over rows, grouped by a key."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import Column

from gateway.db.query_spec import (
    Access,
    ColumnRef,
    Expression,
    QuerySpec,
    RowCondition,
    ValueObject,
)


@dataclass(frozen=True, eq=False)
class Aggregate(ValueObject):
    """Named aggregate values over the rows of a table, grouped by `key_column`.

    The table is that of `key_column` or, with a `path`, the one where the path
    starts; the path then leads from it to `key_column`.
    """

    key_column: Column[Any]
    values: Mapping[str, Expression]
    conditions: tuple[RowCondition, ...] = ()
    path: tuple[Column[Any], ...] = ()
    access: Access = Access.INHERITED
    """INHERITED: aggregate all rows of a visible owner. ROW_FILTER: only visible rows."""

    @cached_property
    def query_spec(self) -> QuerySpec:
        """The specification of the statement; its columns are in the order of `values`."""
        table: Any = (*self.path, self.key_column)[0].table
        columns, key_column = tuple(self.values.values()), ColumnRef(self.key_column, self.path)
        return QuerySpec(table, columns, self.access, key_column, self.conditions, is_grouped=True)


@dataclass(frozen=True, eq=False)
class AggregateValue(ValueObject):
    """One value of an aggregate, looked up by a column of a row; `default` without any rows."""

    aggregate: Aggregate
    value_name: str
    key_column: Column[Any]
    default: Any = None
