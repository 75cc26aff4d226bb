"""Short lists of parts that arguments narrow."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from sqlalchemy import Column

from gateway.db.driver.encoding import encode_text
from gateway.db.query_spec import Access, ColumnRef, PageWindow, QuerySpec, RowCondition, SortOrder
from gateway.db.sql.row_types import Row, require_columns
from gateway.schema.framework.arguments import (
    FieldArgument,
    ParentRow,
    build_signature,
    parse_arguments,
)
from gateway.schema.framework.computed_inputs import get_referenced_column
from gateway.schema.framework.context import Info
from gateway.schema.framework.filters import FilterCondition
from gateway.schema.framework.relations import (
    Resolver,
    build_rows,
    is_field_visible,
    list_row_columns,
)

FilteredListShape = tuple[str, ...]
"""The arguments that are given."""


@dataclass(frozen=True, eq=False)
class FilterArgument(FieldArgument):
    """An argument, and what must hold of the parts because of it."""

    condition: FilterCondition


@dataclass(frozen=True)
class FilteredListRequest:
    """What a client gives."""

    arguments: tuple[tuple[str, Any], ...]

    @property
    def statement_shape(self) -> FilteredListShape:
        """What decides the text of the statement."""
        return tuple([name for name, _ in self.arguments])

    def build_parameters(self) -> dict[str, str | None]:
        """Give what the statement needs to know besides."""
        return {name: encode_text(value) for name, value in self.arguments}


@dataclass(frozen=True, eq=False)
class FilteredListField:
    """The parts whose `reference` points here, narrowed by arguments under Python's names.

    Where there is a `first`, they are but the first in that order.
    """

    reference: Column[Any]
    arguments: Mapping[str, FilterArgument]
    sort_columns: tuple[Column[Any], ...] = ()
    first_sort_order: SortOrder | None = None

    def parse_request(self, raw_arguments: Mapping[str, Any]) -> FilteredListRequest:
        """Check what a client gives; a null asks for nothing."""
        arguments = []
        for name, value in parse_arguments(self.arguments, raw_arguments).items():
            if value is not None:
                arguments.append((name, self.arguments[name].condition.parse_value(value)))
        return FilteredListRequest(tuple(arguments))

    def build_query_spec(self, columns: tuple[Any, ...], shape: FilteredListShape) -> QuerySpec:
        """Describe the rows."""
        table: Any = self.reference.table
        conditions = tuple([self._build_condition(name) for name in shape])
        page_window = (
            None if self.first_sort_order is None else PageWindow(self.first_sort_order, limit=1)
        )
        key_column, sort_columns = ColumnRef(self.reference), self.sort_columns
        return QuerySpec(
            table,
            columns,
            Access.INHERITED,
            key_column,
            conditions,
            page_window,
            with_sort_keys=False,
            sort_columns=sort_columns,
        )

    def _build_condition(self, name: str) -> RowCondition:
        predicate = self.arguments[name].condition.predicate
        return lambda rules: predicate(rules, name)

    @cached_property
    def cached_query_spec(self) -> Any:
        """Describe what has the same form by the same object: loaders go by it."""
        return lru_cache(100)(
            lambda form: self.build_query_spec(list_row_columns(self.reference.table), form)
        )

    def build_resolver(self) -> Resolver:
        """Give the function that graphql-core calls."""
        parent_key_column = get_referenced_column(self.reference)
        require_columns([parent_key_column])

        async def resolve(root: ParentRow, info: Info, **arguments: Any) -> Row | list[Row] | None:
            if not is_field_visible(root, info):
                return None
            request = self.parse_request(arguments)
            key, parameters = getattr(root, parent_key_column.key), request.build_parameters()
            records = await info.context.loader.load_rows(
                self.cached_query_spec(request.statement_shape), key, parameters
            )
            rows = build_rows(info, self.reference.table, records)
            return rows if self.first_sort_order is None else next(iter(rows), None)

        resolve.__signature__ = build_signature(self.arguments)  # type: ignore[attr-defined]
        return resolve
