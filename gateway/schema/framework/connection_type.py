"""A stretch of a longer list, as Relay's connections show it."""

from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

import strawberry

from gateway.schema.framework.page_request import Stretched
from gateway.schema.framework.publish import published, published_as

T = TypeVar("T")


@published
class PageInfo:
    """Where a page stands in its list."""

    has_next_page: bool
    """Whether the list goes on after the page."""
    has_previous_page: bool
    """Whether there is more before the page, as far as the request tells."""
    start_cursor: str | None
    """The place of the first node; null if there is none."""
    end_cursor: str | None
    """The place of the last node; null if there is none."""


@published
class Edge(Generic[T]):
    """A node and its place in the list."""

    cursor: str
    """The node's place, for `after` and `before`."""
    node: T
    """The node."""


@published_as("Connection")
class Page(Generic[T]):
    """A page of a list."""

    load: strawberry.Private[Callable[[], Awaitable[Stretched]]]
    made: strawberry.Private[Callable[[list[Any]], list[Any]]]
    count: strawberry.Private[Callable[[], Awaitable[int]]]

    async def _edges(self) -> list[Edge[T]]:
        page = await self.load()
        cursors = map(page.asked.cursor, page.rows)
        nodes = self.made(page.rows)
        return [Edge(cursor=c, node=node) for c, node in zip(cursors, nodes, strict=True)]

    async def _nodes(self) -> list[T]:
        page = await self.load()
        return self.made(page.rows)

    async def _page_info(self) -> PageInfo:
        page = await self.load()
        return PageInfo(
            has_next_page=page.has_next_page,
            has_previous_page=page.has_previous_page,
            start_cursor=page.start_cursor(),
            end_cursor=page.end_cursor(),
        )

    async def _total_count(self) -> int:
        return await self.count()

    edges: list[Edge[T]] = strawberry.field(resolver=_edges)
    """The nodes, each with its place."""
    nodes: list[T] = strawberry.field(resolver=_nodes)
    """The nodes alone."""
    page_info: PageInfo = strawberry.field(resolver=_page_info)
    """Where the page stands in its list."""
    total_count: int = strawberry.field(resolver=_total_count)
    """How many nodes the whole list has; costs a statement of its own."""
