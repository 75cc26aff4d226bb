"""Field declarations as values: relations to one or many rows, and computed fields.

Both executions use them: graphql-core calls a declaration's resolver, one row at
a time; the plan compiler reads the declaration's attributes. `declarations.py`
documents the functions that types call to make them.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import strawberry
from sqlalchemy import Column

from gateway.db.query_spec import Access, ColumnRef, PageWindow, QuerySpec, RowCondition, SortOrder
from gateway.db.sql.aggregate import AggregateValue
from gateway.db.sql.row_types import Row, require_columns, required_columns
from gateway.schema.framework.arguments import (
    FieldArgument,
    ParentRow,
    build_signature,
    index_arguments,
    parse_arguments,
)
from gateway.schema.framework.computed_inputs import (
    ComputedInput,
    get_referenced_column,
    load_referenced_row,
    require_input_columns,
    resolve_input,
)
from gateway.schema.framework.context import Info

DECLARATION_KEY = "declaration"
"""The key of a field's metadata under which its declaration is stored."""

Resolver = Callable[..., Any]


class FieldDeclaration(Protocol):
    """A declaration of what a field holds."""

    def build_resolver(self) -> Resolver:
        """Return the resolver that graphql-core calls."""


def declare_field(declaration: FieldDeclaration, **options: Any) -> Any:
    """Return a strawberry field with this declaration; its type is its attribute's annotation."""
    resolve = declaration.build_resolver()
    resolve.__annotations__.pop("return", None)
    return strawberry.field(resolver=resolve, metadata={DECLARATION_KEY: declaration}, **options)


def build_rows(info: Info, table: Any, records: list[tuple[Any, ...]]) -> list[Row]:
    """Return row objects for `records`, whose first column is the key that they were selected by.

    Raises ResponseTooLargeError if the answer would contain too many rows.
    """
    info.context.row_budget.consume_rows(len(records))
    names = [column.key for column in required_columns(table)]
    return [Row.class_for(table).from_values(names, record[1:]) for record in records]


def list_row_columns(table: Any) -> tuple[ColumnRef, ...]:
    """Return the columns that are read with every row of `table`."""
    return tuple(map(ColumnRef, required_columns(table)))


def is_field_visible(root: Any, info: Info) -> bool:
    """Return whether the viewer can see the resolved field of `root`."""
    return not isinstance(root, Row) or root.shows_field(info.python_name)


@dataclass(frozen=True, eq=False)
class ToOneField:
    """The row that `reference` points to.

    All its fields have values if the viewer can see it. Else only those that REST
    shows by reference have: `visible_fields`, or the type's `by_reference` fields.
    """

    reference: Column[Any]
    visible_fields: frozenset[str] | None = None
    """The fields that REST shows by this reference, if they differ from the type's."""

    def build_resolver(self) -> Resolver:
        """Return the resolver that graphql-core calls."""
        require_columns([self.reference])

        async def resolve(root: ParentRow, info: Info) -> Row | None:
            if not is_field_visible(root, info):
                return None
            row = await load_referenced_row(info.context, root, self.reference, self.visible_fields)
            if row is not None:
                info.context.row_budget.consume_rows(1)
            return row

        return resolve


@dataclass(frozen=True, eq=False)
class ToManyField:
    """The few rows whose `reference` points to this row, sorted by `sort_columns`."""

    reference: Column[Any]
    sort_columns: tuple[Column[Any], ...] = ()
    conditions: tuple[RowCondition, ...] = ()

    @cached_property
    def query_spec(self) -> QuerySpec:
        """The query of the rows."""
        table: Any = self.reference.table
        key_column = ColumnRef(self.reference)
        return QuerySpec(
            table,
            list_row_columns(table),
            Access.INHERITED,
            key_column,
            self.conditions,
            sort_columns=self.sort_columns,
        )

    def build_resolver(self) -> Resolver:
        """Return the resolver that graphql-core calls."""
        parent_key_column = get_referenced_column(self.reference)
        require_columns([parent_key_column])

        async def resolve(root: ParentRow, info: Info) -> list[Row] | None:
            if not is_field_visible(root, info):
                return None
            records = await info.context.loader.load_rows(
                self.query_spec, getattr(root, parent_key_column.key)
            )
            return build_rows(info, self.reference.table, records)

        return resolve


@dataclass(frozen=True, eq=False)
class FirstRowField:
    """The first of the rows whose `reference` points to this row and that meet `conditions`.

    Without a sort order there is at most one such row.
    """

    reference: Column[Any]
    sort_order: SortOrder | None
    conditions: tuple[RowCondition, ...] = ()

    @cached_property
    def query_spec(self) -> QuerySpec:
        """The query of the row."""
        table: Any = self.reference.table
        page_window = None if self.sort_order is None else PageWindow(self.sort_order, limit=1)
        key_column = ColumnRef(self.reference)
        return QuerySpec(
            table,
            list_row_columns(table),
            Access.INHERITED,
            key_column,
            self.conditions,
            page_window,
            with_sort_keys=False,
        )

    def build_resolver(self) -> Resolver:
        """Return the resolver that graphql-core calls."""
        parent_key_column = get_referenced_column(self.reference)
        require_columns([parent_key_column])

        async def resolve(root: ParentRow, info: Info) -> Row | None:
            if not is_field_visible(root, info):
                return None
            records = await info.context.loader.load_rows(
                self.query_spec, getattr(root, parent_key_column.key)
            )
            return build_rows(info, self.reference.table, records)[0] if records else None

        return resolve


@dataclass(frozen=True, eq=False)
class ComputedField:
    """The value that `function` returns for some columns, aggregates, facts and arguments."""

    function: Callable[..., Any]
    inputs: tuple[ComputedInput, ...]

    def list_own_columns(self, table: Any) -> list[str]:
        """Return the columns of `table` among the inputs."""
        return [
            each.key for each in self.inputs if isinstance(each, Column) and each.table is table
        ]

    def build_resolver(self) -> Resolver:
        """Return the resolver that graphql-core calls."""
        for computed_input in self.inputs:
            require_input_columns(computed_input)
        arguments = index_arguments(
            computed_input
            for computed_input in self.inputs
            if isinstance(computed_input, FieldArgument)
        )
        is_async = any(
            isinstance(computed_input, (ColumnRef, AggregateValue))
            for computed_input in self.inputs
        )

        async def resolve_async(root: ParentRow, info: Info, **raw_arguments: Any) -> Any:
            if not is_field_visible(root, info):
                return None
            inputs = self._resolve_inputs(root, info, parse_arguments(arguments, raw_arguments))
            pending = [each for each in inputs if asyncio.iscoroutine(each)]
            results = iter(await asyncio.gather(*pending))
            return self.function(
                *[next(results) if asyncio.iscoroutine(item) else item for item in inputs]
            )

        def resolve_sync(root: ParentRow, info: Info, **raw_arguments: Any) -> Any:
            if not is_field_visible(root, info):
                return None
            return self.function(
                *self._resolve_inputs(root, info, parse_arguments(arguments, raw_arguments))
            )

        resolve: Resolver = resolve_async if is_async else resolve_sync
        resolve.__signature__ = build_signature(arguments)  # type: ignore[attr-defined]
        return resolve

    def _resolve_inputs(self, root: Row, info: Info, arguments: Mapping[str, Any]) -> list[Any]:
        return [resolve_input(info.context, root, each, arguments) for each in self.inputs]
