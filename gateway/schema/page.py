"""A stretch of a longer list, as Relay's connections show it."""

from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

import strawberry

from gateway.schema.asked import Stretched

T = TypeVar("T")


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    """Where a page stands in its list."""

    has_next_page: bool = strawberry.field(description="Whether the list goes on after the page.")
    has_previous_page: bool = strawberry.field(
        description="Whether there is more before the page, as far as the request tells."
    )
    start_cursor: str | None = strawberry.field(description="The place of the first node.")
    end_cursor: str | None = strawberry.field(description="The place of the last node.")


@strawberry.type(description="A node and its place in the list.")
class Edge(Generic[T]):
    """A node and its place in the list."""

    cursor: str = strawberry.field(description="The node's place, for `after` and `before`.")
    node: T = strawberry.field(description="The node.")


@strawberry.type(name="Connection", description="A page of a list.")
class Page(Generic[T]):
    """A page of a list; its rows are loaded when one is asked for, its length likewise."""

    load: strawberry.Private[Callable[[], Awaitable[Stretched]]]
    made: strawberry.Private[Callable[[list[Any]], list[Any]]]
    count: strawberry.Private[Callable[[], Awaitable[int]]]

    @strawberry.field(description="The nodes, each with its place.")
    async def edges(self) -> list[Edge[T]]:
        """Give the nodes, each with its place."""
        page = await self.load()
        cursors = map(page.asked.cursor, page.rows)
        nodes = self.made(page.rows)
        return [Edge(cursor=c, node=node) for c, node in zip(cursors, nodes, strict=True)]

    @strawberry.field(description="The nodes alone.")
    async def nodes(self) -> list[T]:
        """Give the nodes alone."""
        page = await self.load()
        return self.made(page.rows)

    @strawberry.field(description="Where the page stands in its list.")
    async def page_info(self) -> PageInfo:
        """Tell where the page stands in its list."""
        page = await self.load()
        return PageInfo(
            has_next_page=page.has_next_page,
            has_previous_page=page.has_previous_page,
            start_cursor=page.start_cursor(),
            end_cursor=page.end_cursor(),
        )

    @strawberry.field(description="How many nodes the whole list has; costs a statement.")
    async def total_count(self) -> int:
        """Count the whole list."""
        return await self.count()
