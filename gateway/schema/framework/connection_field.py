"""Lists that are shown page by page."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import cached_property, lru_cache
from typing import Annotated, Any

import strawberry
from sqlalchemy import Table, func
from strawberry.types import has_object_definition

from gateway.db.query_spec import ColumnRef, Expression, QuerySpec, RowCondition
from gateway.db.sql.row_types import require_columns
from gateway.db.sql.text_search import SearchConditions, classify_search
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

ROW_COUNT = Expression(func.count)
PAGE_ARGUMENTS = {
    "first": (int, "How many nodes from the start of the list, or after `after`: 20, at most 300."),
    "after": (str, "A cursor: the page starts after it."),
    "last": (int, "How many nodes from the end of the list, or before `before`; at most 300."),
    "before": (str, "A cursor: the page ends before it."),
}


@dataclass(frozen=True)
class SearchDefinition:
    """How a list is searched: the conditions of a kind of search, and what clients read of it."""

    build_conditions: SearchConditions
    description: str


@dataclass(frozen=True, eq=False)
class ConnectionField:
    """The visible rows of `table`, a page at a time; with a `match`, those whose match is here."""

    table: Table[Any]
    key_column: ColumnRef | None
    order_type: type[Enum]
    filter_type: type | None = None
    perspective_type: type[Enum] | None = None
    search: SearchDefinition | None = None
    accepts_visible_to_username: bool = False
    """Whether clients may ask for what somebody else sees, too."""

    @cached_property
    def filter_definition(self) -> FilterDefinition | None:
        """What the list can be filtered by."""
        return FilterDefinition(self.filter_type) if self.filter_type else None

    def parse_page_request(self, arguments: dict[str, Any]) -> PageRequest:
        """Check what a client asks for; BadInputError names what to change."""
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
            visible_to_username=_parse_username(arguments.get("visible_to_username")),
        )

    def _parse_search(self, query: str | None) -> tuple[str, ...]:
        if not query or self.search is None:
            return ()
        validate_input(query, "query")
        return classify_search(query)

    def build_query_spec(self, columns: tuple[Any, ...], shape: ListShape) -> QuerySpec:
        """Describe the page, or with COUNT for its only column the length of the list."""
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
        """Describe what has the same form by the same object: loaders and statements go by it."""

        @lru_cache(500)
        def build_for_shape(shape: ListShape) -> QuerySpec:
            columns = (ROW_COUNT,) if shape.page_window is None else list_row_columns(self.table)
            return self.build_query_spec(columns, shape)

        return build_for_shape

    def build_resolver(self) -> Resolver:
        """Give the function that graphql-core calls."""
        (primary,) = self.table.primary_key
        parent_key_column = (
            None if self.key_column is None else _get_parent_key_column(self.key_column)
        )
        require_columns([primary] if parent_key_column is None else [primary, parent_key_column])

        async def resolve(root: ParentRow, info: Info, **arguments: Any) -> Any:
            if not is_field_visible(root, info):
                return None
            key = None if parent_key_column is None else getattr(root, parent_key_column.key)
            page_request = self.parse_page_request(
                {**arguments, "filter": filter_to_dict(arguments.get("filter"))}
            )
            return self._build_page(info, key, page_request)

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
            rows = await loader.load_rows(
                self.cached_query_spec(page_request.list_shape),
                key,
                page_request.build_list_parameters(),
            )
            return rows[0][1] if rows else 0

        return Page(
            load_page_result=load_page_result,
            build_rows=lambda rows: build_rows(info, self.table, rows),
            count_rows=count_rows,
        )

    def _list_arguments(self) -> dict[str, tuple[Any, str]]:
        """Give the arguments that clients see: types and descriptions by name."""
        search_description = self.search.description if self.search else ""
        visible_to_description = (
            "A username: only what that user sees as a consumer, too, is wanted."
        )
        arguments = {
            **PAGE_ARGUMENTS,
            "order_by": (self.order_type, "What the list is sorted by."),
            "filter": (self.filter_type, "Which nodes are wanted."),
            "visible_as": (self.perspective_type, "From which side the viewer looks."),
            "query": (str if self.search else None, search_description),
            "visible_to_username": (
                str if self.accepts_visible_to_username else None,
                visible_to_description,
            ),
        }
        return {name: argument for name, argument in arguments.items() if argument[0] is not None}

    def _build_parameters(self) -> list[inspect.Parameter]:
        """Write the signature of the resolver, which strawberry reads the arguments from."""
        keyword_only = inspect.Parameter.KEYWORD_ONLY
        argument_parameters = [
            inspect.Parameter(
                name,
                keyword_only,
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
        return (
            self.perspective_type["ANY"]
            if name == "visible_as" and self.perspective_type
            else strawberry.UNSET
        )


def _parse_username(username: str | None) -> str | None:
    validate_input(username, "visibleToUsername")
    return username or None


def _get_parent_key_column(key_column: ColumnRef) -> Any:
    """Give the column here that the rows' `match` holds."""
    return get_referenced_column(key_column.column)


def filter_to_dict(filter_value: Any) -> Any:
    """Give a filter as a dict, whatever is below it, too."""
    if isinstance(filter_value, list):
        return [filter_to_dict(each) for each in filter_value]
    if has_object_definition(type(filter_value)):
        filter_value = {
            name: each for name, each in vars(filter_value).items() if each is not strawberry.UNSET
        }
        return {name: filter_to_dict(each) for name, each in filter_value.items()}
    return filter_value
