"""The plain peer's queries, and the application that uvicorn serves."""

from typing import Any
from uuid import UUID

import strawberry
from sqlalchemy import Select, func, select
from starlette.applications import Starlette
from starlette.routing import Route
from strawberry.asgi import GraphQL

from benchmarks.peers.plain.database import RequestLoaders, fetch_rows, tables
from benchmarks.peers.plain.types import Offering, Resource

resource_columns = tables["marketplace_resource"].c
offering_columns = tables["marketplace_offering"].c


def filter_resources(query: Select[Any], project_id: int, state: int) -> Select[Any]:
    """Restrict a statement to the resources of a project in a state."""
    return query.where(resource_columns.project_id == project_id, resource_columns.state == state)


async def fetch_newest_resources(project_id: int, state: int, first: int) -> Any:
    """Return the newest resources of a project in a state."""
    query = filter_resources(select(tables["marketplace_resource"]), project_id, state)
    return await fetch_rows(
        query.order_by(resource_columns.created.desc(), resource_columns.id.desc()).limit(first)
    )


@strawberry.type
class ResourcePage:
    """A page of resources."""

    project_id: strawberry.Private[int]
    state: strawberry.Private[int]
    first: strawberry.Private[int]

    @strawberry.field
    async def total_count(self) -> int:
        """Return the number of resources on all pages."""
        (row,) = await fetch_rows(
            filter_resources(select(func.count()), self.project_id, self.state)
        )
        return int(row[0])

    @strawberry.field
    async def nodes(self) -> list[Resource]:
        """Return the page's resources."""
        return await fetch_newest_resources(self.project_id, self.state, self.first)  # type: ignore[no-any-return]


@strawberry.type
class Query:
    """The root fields."""

    @strawberry.field
    async def resource(self, uuid: strawberry.ID) -> Resource | None:
        """Return the resource with that uuid."""
        query = select(tables["marketplace_resource"]).where(resource_columns.uuid == UUID(uuid))
        rows = await fetch_rows(query)
        return rows[0] if rows else None

    @strawberry.field
    async def resources(self, project_id: int, state: int, first: int) -> list[Resource]:
        """Return the newest resources of a project in a state."""
        return await fetch_newest_resources(project_id, state, first)  # type: ignore[no-any-return]

    @strawberry.field
    async def resource_page(self, project_id: int, state: int, first: int) -> ResourcePage:
        """Return a page of the newest resources of a project in a state."""
        return ResourcePage(project_id=project_id, state=state, first=first)

    @strawberry.field
    async def offerings(self, first: int) -> list[Offering]:
        """Return the newest offerings."""
        newest_first = (offering_columns.created.desc(), offering_columns.id.desc())
        rows: Any = await fetch_rows(
            select(tables["marketplace_offering"]).order_by(*newest_first).limit(first)
        )
        return rows  # type: ignore[no-any-return]


class PlainEndpoint(GraphQL[Any, Any]):
    """The GraphQL endpoint, with new loaders for each request."""

    async def get_context(self, request: Any, response: Any) -> dict[str, Any]:
        """Return the context of the resolvers."""
        return {"request": request, "response": response, "loaders": RequestLoaders()}


app = Starlette(
    routes=[Route("/graphql", PlainEndpoint(strawberry.Schema(Query), graphql_ide=None))]
)
