"""Relay connections: a page of a longer list."""

from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

import strawberry

from gateway.schema.framework.page_request import PageResult
from gateway.schema.framework.publish import object_type, object_type_as

T = TypeVar("T")


@object_type
class PageInfo:
    """Position of a page in its list."""

    has_next_page: bool
    """With `first`: whether more objects follow the page, up to `before`.

    With `last`: only whether `before` is given.
    """
    has_previous_page: bool
    """With `last`: whether more objects precede the page, back to `after`.

    With `first`: only whether `after` is given.
    """
    start_cursor: str | None
    """Cursor of the first object; null if the page is empty."""
    end_cursor: str | None
    """Cursor of the last object; null if the page is empty."""


@object_type
class Edge(Generic[T]):
    """An object of a page and its cursor."""

    cursor: str
    """Opaque position of the object in the list, for `after` and `before`."""
    node: T
    """The object at the cursor."""


@object_type_as("Connection")
class Page(Generic[T]):
    """A page of a list."""

    load_page_result: strawberry.Private[Callable[[], Awaitable[PageResult]]]
    build_rows: strawberry.Private[Callable[[list[Any]], list[Any]]]
    count_rows: strawberry.Private[Callable[[], Awaitable[int]]]

    async def _load_edges(self) -> list[Edge[T]]:
        page = await self.load_page_result()
        cursors = map(page.page_request.encode_cursor, page.rows)
        nodes = self.build_rows(page.rows)
        return [Edge(cursor=cursor, node=node) for cursor, node in zip(cursors, nodes, strict=True)]

    async def _load_nodes(self) -> list[T]:
        page = await self.load_page_result()
        return self.build_rows(page.rows)

    async def _load_page_info(self) -> PageInfo:
        page = await self.load_page_result()
        return PageInfo(
            has_next_page=page.has_next_page,
            has_previous_page=page.has_previous_page,
            start_cursor=page.start_cursor(),
            end_cursor=page.end_cursor(),
        )

    async def _count_total(self) -> int:
        return await self.count_rows()

    edges: list[Edge[T]] = strawberry.field(resolver=_load_edges)
    """The objects of the page, each with its cursor."""
    nodes: list[T] = strawberry.field(resolver=_load_nodes)
    """The objects of the page without cursors."""
    page_info: PageInfo = strawberry.field(resolver=_load_page_info)
    """Position of the page in its list."""
    total_count: int = strawberry.field(resolver=_count_total)
    """Number of objects in the whole filtered list.

    Needs an additional database query: request it only if needed.
    """
