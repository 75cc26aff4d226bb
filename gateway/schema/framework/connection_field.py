"""Connections: lists with filters, sort orders and searches that clients read page by page."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Annotated, Any

import strawberry
from sqlalchemy import Table, func

from gateway.db.query_spec import ColumnRef, Expression, QuerySpec, RowCondition
from gateway.db.sql.filters import strip_text
from gateway.db.sql.row_types import require_columns
from gateway.db.sql.text_search import SearchConditions, classify_search
from gateway.fairness.bounded_cache import cache_by_bytes
from gateway.schema.framework.arguments import ParentRow
from gateway.schema.framework.computed_inputs import get_referenced_column
from gateway.schema.framework.connection_type import Page
from gateway.schema.framework.context import Info
from gateway.schema.framework.errors import validate_input
from gateway.schema.framework.filters import EMPTY_FILTER, FilterDefinition
from gateway.schema.framework.page_request import (
    ListShape,
    PageRequest,
    PageResult,
    decode_cursor,
    parse_page_size,
)
from gateway.schema.framework.relations import (
    Resolver,
    build_rows,
    is_field_visible,
    list_row_columns,
)

MAX_SHAPE_CACHE_BYTES = 2_000_000
"""Maximum size of the cached query specifications of one list, estimated."""
ROW_COUNT = Expression(func.count)
PAGE_ARGUMENTS = {
    "first": (
        int,
        (
            "Number of objects from the start of the list, or after `after`; 0 to 300, by default"
            " 20 unless `last` is given."
        ),
    ),
    "after": (str, "Cursor after which the page starts, of a list with the same `orderBy`."),
    "last": (
        int,
        (
            "Number of objects from the end of the list, or before `before`; 0 to 300. Not together"
            " with `first`."
        ),
    ),
    "before": (str, "Cursor before which the page ends, of a list with the same `orderBy`."),
}


BLANKS_NOTE = "Spaces around it are ignored, and so is a blank text."
"""A part of the description of `query`."""


def _estimate_shape_bytes(shape: ListShape) -> int:
    return 2000 + 30 * len(repr(shape.filter_shape))


@dataclass(frozen=True)
class SearchDefinition:
    """The free-text search of a list."""

    build_conditions: SearchConditions
    """Returns the conditions of a kind of search."""
    description: str
    """The description of the argument `query`."""


@dataclass(frozen=True, eq=False)
class ConnectionField:
    """A connection of the visible rows of `table`.

    With a `key_column` only the rows that have the parent row's key in it. What a
    client asks for is parsed into a `PageRequest`. Its shape decides the text of
    the SQL statement, all else are parameters, so that requests of the same shape
    share one `QuerySpec`, one prepared statement and, for many parents, one batch.
    """

    table: Table[Any]
    key_column: ColumnRef | None
    order_type: type[Enum]
    filter_type: type | None = None
    perspective_type: type[Enum] | None = None
    search: SearchDefinition | None = None
    accepts_visible_to_username: bool = False
    """Whether the list has the argument `visibleToUsername`."""

    @cached_property
    def filter_definition(self) -> FilterDefinition | None:
        """The conditions of the filter's fields; None if the list has no filter."""
        return FilterDefinition(self.filter_type) if self.filter_type else None

    def parse_page_request(self, arguments: dict[str, Any]) -> PageRequest:
        """Return the page that `arguments` describe; raises BadInputError if one is invalid."""
        order_by = arguments.get("order_by") or next(iter(self.order_type))
        page_size, backward = parse_page_size(arguments.get("first"), arguments.get("last"))
        perspective = arguments.get("visible_as")
        return PageRequest(
            order_by=order_by,
            page_size=page_size,
            backward=backward,
            after=decode_cursor(order_by, arguments.get("after"), "after"),
            before=decode_cursor(order_by, arguments.get("before"), "before"),
            parsed_filter=self.filter_definition.parse_filter(arguments.get("filter"))
            if self.filter_definition
            else EMPTY_FILTER,
            perspective=None if perspective is None else perspective.value,
            search_parameters=self._parse_search(arguments.get("query")),
            visible_to_username=_parse_text(
                arguments.get("visible_to_username"), "visibleToUsername"
            ),
        )

    def _parse_search(self, query: str | None) -> tuple[str, ...]:
        search_text = _parse_text(query, "query")
        return () if search_text is None or self.search is None else classify_search(search_text)

    def build_query_spec(self, columns: tuple[Any, ...], shape: ListShape) -> QuerySpec:
        """Return the query of a page or, without a page window, of an aggregate of the list."""
        return QuerySpec(
            self.table,
            columns,
            key_column=self.key_column,
            conditions=self._build_conditions(shape),
            page_window=shape.page_window,
            is_grouped=shape.page_window is None,
            perspective=shape.perspective,
            visible_to_user=shape.visible_to_user,
        )

    def _build_conditions(self, shape: ListShape) -> tuple[RowCondition, ...]:
        conditions = (
            self.filter_definition.build_conditions(shape.filter_shape)
            if self.filter_definition
            else ()
        )
        if shape.search_kind and self.search:
            conditions = (*conditions, *self.search.build_conditions(shape.search_kind))
        return conditions

    @cached_property
    def cached_query_spec(self) -> Callable[[ListShape], QuerySpec]:
        """A function that returns the query for a shape, from a cache."""

        @cache_by_bytes(MAX_SHAPE_CACHE_BYTES, _estimate_shape_bytes)
        def build_for_shape(shape: ListShape) -> QuerySpec:
            columns = (ROW_COUNT,) if shape.page_window is None else list_row_columns(self.table)
            return self.build_query_spec(columns, shape)

        return build_for_shape

    def build_resolver(self) -> Resolver:
        """Return the resolver that graphql-core calls."""
        (primary_key,) = self.table.primary_key
        require_columns([primary_key])
        parent_key_column: Any = None
        if self.key_column is not None:
            parent_key_column = get_referenced_column(self.key_column.column)
            require_columns([parent_key_column])

        async def resolve(root: ParentRow, info: Info, **arguments: Any) -> Any:
            if not is_field_visible(root, info):
                return None
            key = None if parent_key_column is None else getattr(root, parent_key_column.key)
            return self._build_page(info, key, self.parse_page_request(arguments))

        resolve.__signature__ = inspect.Signature(self._build_parameters())  # type: ignore[attr-defined]
        return resolve

    def _build_page(self, info: Info, key: Any, page_request: PageRequest) -> Page[Any]:
        loader = info.context.loader

        async def load_page_result() -> PageResult:
            query_spec = self.cached_query_spec(page_request.statement_shape)
            return page_request.build_page_result(
                await loader.load_rows(query_spec, key, page_request.build_parameters())
            )

        async def count_rows() -> int:
            query_spec = self.cached_query_spec(page_request.list_shape)
            rows = await loader.load_rows(query_spec, key, page_request.build_list_parameters())
            return rows[0][1] if rows else 0

        return Page(
            load_page_result=load_page_result,
            build_rows=lambda rows: build_rows(info, self.table, rows),
            count_rows=count_rows,
        )

    def _list_arguments(self) -> dict[str, tuple[Any, str]]:
        """Return the types and descriptions of the field's arguments by their Python names."""
        arguments = {
            **PAGE_ARGUMENTS,
            "order_by": (self.order_type, "Sort order of the list."),
            "filter": (self.filter_type, "Conditions that all objects of the list meet."),
            "visible_as": (
                self.perspective_type,
                "Restricts the list to what the viewer can see as a consumer or as a provider.",
            ),
            "query": (
                str if self.search else None,
                f"{self.search.description} {BLANKS_NOTE}" if self.search else "",
            ),
            "visible_to_username": (
                str if self.accepts_visible_to_username else None,
                "Restricts the list to what the user with this username sees, too, as a consumer.",
            ),
        }
        return {name: argument for name, argument in arguments.items() if argument[0] is not None}

    def _build_parameters(self) -> list[inspect.Parameter]:
        """Return the resolver's parameters, from which strawberry derives the arguments."""
        argument_parameters = [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=self._get_default(name),
                annotation=Annotated[
                    argument_type | None, strawberry.argument(description=description)
                ],
            )
            for name, (argument_type, description) in self._list_arguments().items()
        ]
        positional = inspect.Parameter.POSITIONAL_OR_KEYWORD
        return [
            inspect.Parameter("root", positional, annotation=ParentRow),
            inspect.Parameter("info", positional, annotation=Info),
            *argument_parameters,
        ]

    def _get_default(self, name: str) -> Any:
        if name == "order_by":
            return next(iter(self.order_type))
        if name == "visible_as" and self.perspective_type:
            return self.perspective_type["ANY"]
        return strawberry.UNSET


def _parse_text(text: str | None, argument: str) -> str | None:
    """Return a text without blanks around it; None if it is null, absent or blank."""
    validate_input(text, argument)
    return strip_text(text) if text else None
