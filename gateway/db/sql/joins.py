"""The tables of one statement: the one it starts at, and those that references lead to."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import Column, ColumnElement, FromClause, Select, Table, cast, null, select, true
from sqlalchemy.sql.util import ClauseAdapter
from sqlalchemy.sql.visitors import iterate

from gateway.db.access.visibility import build_reference_filter
from gateway.db.driver.encoding import inline_literal
from gateway.db.installation.installation import Installation
from gateway.db.query_spec import ColumnRef, Expression, IsVisible, NestedRows, SelectItem

_ReferencePath = tuple[Column[Any], ...]


class JoinBuilder:
    """Makes one alias and one join for each path; outer where a reference on it may be null.

    All joins are `outer` where what is joined is only shown: then a row stays
    even if what it refers to is gone. Where few rows are joined, `looked` says
    what will be wanted of them: then each is looked up by its key, while the
    planner, which takes small tables for free, would read and sort those first.
    The aliases' `names` must differ from those of a statement around this one.
    """

    def __init__(  # noqa: PLR0913 - each says another thing
        self,
        installation: Installation,
        start: FromClause,
        from_clause: FromClause | None = None,
        *,
        bypass: bool,
        outer_joins: bool = False,
        lookup_columns: Iterable[SelectItem] | None = None,
        alias_prefix: str = "t",
    ) -> None:
        self.from_clause = start if from_clause is None else from_clause
        self._installation, self._bypass = installation, bypass
        self._alias_prefix = alias_prefix
        self._lookup_columns = (
            None if lookup_columns is None else self._collect_columns(lookup_columns)
        )
        self._joined_tables: dict[_ReferencePath, tuple[FromClause, bool]] = {
            (): (start, outer_joins)
        }

    def compile_item(self, select_item: ColumnRef | Expression | IsVisible) -> ColumnElement[Any]:
        """Give what `wanted` says, in SQL."""
        if isinstance(select_item, Expression):
            return select_item.function(*map(self.compile_column, select_item.columns))
        if isinstance(select_item, IsVisible):
            return self._compile_visibility(select_item.path)
        return self.compile_column(select_item)

    def compile_column(self, column_ref: ColumnRef) -> ColumnElement[Any]:
        """Give the column; null where this installation lacks it or what leads to it."""
        column = self._installation.find_column(column_ref.column)
        if column is None or any(
            self._installation.find_column(reference) is None for reference in column_ref.path
        ):
            return cast(null(), column_ref.column.type)
        table, _ = self._join_path(column_ref.path)
        return table.c.get(column.key, column)

    def _compile_visibility(self, path: _ReferencePath) -> ColumnElement[bool]:
        row_filter = self._row_filter(path)
        if row_filter is true():
            return row_filter
        table, _ = self._join_path(path)
        adapt: Callable[[Any], ColumnElement[bool]] = ClauseAdapter(table).traverse
        return adapt(row_filter)

    def _join_path(self, path: _ReferencePath) -> tuple[FromClause, bool]:
        if path not in self._joined_tables:
            start, is_outer = self._join_path(path[:-1])
            reference = path[-1]
            (foreign_key,) = reference.foreign_keys
            alias, key = f"{self._alias_prefix}{len(self._joined_tables)}", foreign_key.column
            is_outer = is_outer or self._installation.is_nullable(reference)
            if self._lookup_columns is None:
                target: FromClause = key.table.alias(alias)
                join_condition = start.c[reference.key] == target.c[key.key]
            else:
                target = self._select_lookup(path, start.c[reference.key], key).lateral(alias)
                join_condition = true()
            self.from_clause = self.from_clause.join(target, join_condition, isouter=is_outer)
            self._joined_tables[path] = target, is_outer
        return self._joined_tables[path]

    def _select_lookup(
        self, path: _ReferencePath, value: ColumnElement[Any], key: Column[Any]
    ) -> Select[Any]:
        """Give the select of the one row whose `key` has a value."""
        assert self._lookup_columns is not None
        table = key.table.alias("x")
        lookup_columns = [each for each in key.table.c if each in self._lookup_columns[path]]
        present_columns = [
            each for each in lookup_columns if self._installation.find_column(each) is not None
        ]
        lookup = select(*[table.c[each.key] for each in present_columns])
        return lookup.where(table.c[key.key] == value).limit(inline_literal(1))

    def _collect_columns(
        self, select_items: Iterable[SelectItem]
    ) -> dict[_ReferencePath, set[Column[Any]]]:
        """Give the columns that are read of what each path leads to."""
        columns_by_path: dict[_ReferencePath, set[Column[Any]]] = defaultdict(set)
        for select_item in select_items:
            if isinstance(select_item, IsVisible):
                _add_path_columns(select_item.path, columns_by_path).update(
                    _filter_columns(self._row_filter(select_item.path))
                )
            for column_ref in (
                select_item.columns
                if isinstance(select_item, Expression | NestedRows)
                else (select_item,)
            ):
                if isinstance(column_ref, ColumnRef):
                    _add_path_columns(column_ref.path, columns_by_path).add(column_ref.column)
        return columns_by_path

    def _row_filter(self, path: _ReferencePath) -> ColumnElement[bool]:
        """Give the rule of the table that `path` leads to; true without one."""
        return build_reference_filter(_target_table(path), bypass=self._bypass) if path else true()


def _add_path_columns(
    path: _ReferencePath, columns_by_path: dict[_ReferencePath, set[Column[Any]]]
) -> set[Column[Any]]:
    """Give the columns read at the end of a path, having added those that lead there."""
    for depth, reference in enumerate(path):
        columns_by_path[path[:depth]].add(reference)
    return columns_by_path[path]


def _target_table(path: _ReferencePath) -> Table[Any]:
    (foreign_key,) = path[-1].foreign_keys
    return foreign_key.column.table


def _filter_columns(row_filter: ColumnElement[bool]) -> set[Column[Any]]:
    """Give the columns of the tables themselves that stand in a rule."""
    return {each for each in iterate(row_filter) if isinstance(each, Column)}
