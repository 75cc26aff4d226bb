"""Joins of one statement along foreign keys."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Column, ColumnElement, FromClause, Select, Table, cast, null, select, true
from sqlalchemy.sql.visitors import iterate

from gateway.db.access.visibility import build_reference_filter
from gateway.db.driver.encoding import inline_literal
from gateway.db.installation.installation import Installation
from gateway.db.query_spec import ColumnRef, Expression, IsVisible, NestedRows, SelectItem
from gateway.db.sql.sqlalchemy_internals import replace_table

_ReferencePath = tuple[Column[Any], ...]


class JoinBuilder:
    """Builds the FROM clause of a statement: one alias and one join for each path.

    A path is a tuple of foreign key columns; paths with a common start share its
    joins. `compile_item` and `compile_column` add the joins that they need.

    * A join is an outer join if a foreign key on its path may be null. With
      `outer_joins` all are, for columns that are only selected: a row must not
      disappear because a row that it refers to has been deleted.
    * With `lookup_columns`, the columns that will be selected, a target is joined
      as `lateral (select … where id = … limit 1)`. That suits few rows: otherwise
      the planner, which takes small tables for free, would scan and sort them.
    * `alias_prefix` must differ from that of an enclosing statement.
    """

    def __init__(  # noqa: PLR0913 - independent options of one builder
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
        """Return a select item's SQL."""
        if isinstance(select_item, Expression):
            return select_item.function(*map(self.compile_column, select_item.columns))
        if isinstance(select_item, IsVisible):
            return self._compile_visibility(select_item.path)
        return self.compile_column(select_item)

    def compile_column(self, column_ref: ColumnRef) -> ColumnElement[Any]:
        """Return a column's SQL: NULL if the installation lacks it or a column of its path."""
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
        return replace_table(row_filter, table)

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
        """Return the SELECT of the one row whose `key` equals a value."""
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
        """Return the columns that are selected at the end of each path."""
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
        """Return the reference filter of the table at the end of `path`; TRUE without a path."""
        return build_reference_filter(_target_table(path), bypass=self._bypass) if path else true()


def _add_path_columns(
    path: _ReferencePath, columns_by_path: dict[_ReferencePath, set[Column[Any]]]
) -> set[Column[Any]]:
    """Return the mutable column set of a path, after adding the foreign keys that lead there."""
    for depth, reference in enumerate(path):
        columns_by_path[path[:depth]].add(reference)
    return columns_by_path[path]


def _target_table(path: _ReferencePath) -> Table[Any]:
    (foreign_key,) = path[-1].foreign_keys
    return foreign_key.column.table


def _filter_columns(row_filter: ColumnElement[bool]) -> set[Column[Any]]:
    """Return the table columns that a row filter uses."""
    return {each for each in iterate(row_filter) if isinstance(each, Column)}
