"""Short lists of child rows, filtered by arguments of the field."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from sqlalchemy import Column

from gateway.db.driver.encoding import encode_text
from gateway.db.query_spec import (
    Access,
    BoundFunction,
    ColumnRef,
    PageWindow,
    QuerySpec,
    RowCondition,
    SortOrder,
)
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
"""The names of the arguments that have a value."""


@dataclass(frozen=True, eq=False)
class FilterArgument(FieldArgument):
    """An argument that filters a list, and its condition."""

    condition: FilterCondition


@dataclass(frozen=True)
class FilteredListRequest:
    """The parsed arguments of a filtered list: names and parameters."""

    arguments: tuple[tuple[str, Any], ...]

    @property
    def statement_shape(self) -> FilteredListShape:
        """What decides the text of the SQL statement."""
        return tuple([name for name, _ in self.arguments])

    def build_parameters(self) -> dict[str, str | None]:
        """Return the parameters of the SQL statement, as PostgreSQL's text format."""
        return {name: encode_text(value) for name, value in self.arguments}


@dataclass(frozen=True, eq=False)
class FilteredListField:
    """The rows whose `reference` points to this row, filtered by `arguments`.

    With `first_sort_order` the field is not a list: it holds the first row in
    that order, or null.
    """

    reference: Column[Any]
    arguments: Mapping[str, FilterArgument]
    """By their Python names."""
    sort_columns: tuple[Column[Any], ...] = ()
    first_sort_order: SortOrder | None = None

    def parse_request(self, raw_arguments: Mapping[str, Any]) -> FilteredListRequest:
        """Return the parsed arguments without nulls; raises BadInputError if one is invalid."""
        values = parse_arguments(self.arguments, raw_arguments)
        return FilteredListRequest(
            tuple(
                [
                    (name, self.arguments[name].condition.parse_value(value))
                    for name, value in values.items()
                    if value is not None
                ]
            )
        )

    def build_query_spec(self, columns: tuple[Any, ...], shape: FilteredListShape) -> QuerySpec:
        """Return the query of the rows."""
        table: Any = self.reference.table
        page_window = (
            None if self.first_sort_order is None else PageWindow(self.first_sort_order, limit=1)
        )
        return QuerySpec(
            table,
            columns,
            Access.INHERITED,
            key_column=ColumnRef(self.reference),
            conditions=tuple([self._build_condition(name) for name in shape]),
            page_window=page_window,
            with_sort_keys=False,
            sort_columns=self.sort_columns,
        )

    def _build_condition(self, name: str) -> RowCondition:
        return BoundFunction(self.arguments[name].condition.predicate, name)

    @cached_property
    def cached_query_spec(self) -> Any:
        """A function that returns the query for a shape, from a cache."""
        return lru_cache(100)(
            lambda shape: self.build_query_spec(list_row_columns(self.reference.table), shape)
        )

    def build_resolver(self) -> Resolver:
        """Return the resolver that graphql-core calls."""
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
