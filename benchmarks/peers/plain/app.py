"""The plain version's queries, and the application that uvicorn serves."""

from typing import Any
from uuid import UUID

import strawberry
from sqlalchemy import Select, func, select
from starlette.applications import Starlette
from starlette.routing import Route
from strawberry.asgi import GraphQL

from benchmarks.peers.plain.database import Loaders, read, tables
from benchmarks.peers.plain.types import Offering, Resource

resource, offering = tables["marketplace_resource"].c, tables["marketplace_offering"].c


def matching(wanted: Select[Any], project_id: int, state: int) -> Select[Any]:
    """Narrow a statement to the resources of a project in a state."""
    return wanted.where(resource.project_id == project_id, resource.state == state)


async def listed(project_id: int, state: int, first: int) -> Any:
    """Give the newest resources of a project in a state."""
    wanted = matching(select(tables["marketplace_resource"]), project_id, state)
    return await read(wanted.order_by(resource.created.desc(), resource.id.desc()).limit(first))


@strawberry.type
class ResourcePage:
    """A page of resources."""

    project_id: strawberry.Private[int]
    state: strawberry.Private[int]
    first: strawberry.Private[int]

    @strawberry.field
    async def total_count(self) -> int:
        """Count what all pages hold."""
        (row,) = await read(matching(select(func.count()), self.project_id, self.state))
        return int(row[0])

    @strawberry.field
    async def nodes(self) -> list[Resource]:
        """Give the page's resources."""
        return await listed(self.project_id, self.state, self.first)  # type: ignore[no-any-return]


@strawberry.type
class Query:
    """Where all queries start."""

    @strawberry.field
    async def resource(self, uuid: strawberry.ID) -> Resource | None:
        """Give the resource of that uuid."""
        wanted = select(tables["marketplace_resource"]).where(resource.uuid == UUID(uuid))
        rows = await read(wanted)
        return rows[0] if rows else None

    @strawberry.field
    async def resources(self, project_id: int, state: int, first: int) -> list[Resource]:
        """Give the newest resources of a project in a state."""
        return await listed(project_id, state, first)  # type: ignore[no-any-return]

    @strawberry.field
    async def resource_page(self, project_id: int, state: int, first: int) -> ResourcePage:
        """Give a page of the newest resources of a project in a state."""
        return ResourcePage(project_id=project_id, state=state, first=first)

    @strawberry.field
    async def offerings(self, first: int) -> list[Offering]:
        """Give the newest offerings."""
        newest = (offering.created.desc(), offering.id.desc())
        rows: Any = await read(
            select(tables["marketplace_offering"]).order_by(*newest).limit(first)
        )
        return rows  # type: ignore[no-any-return]


class Endpoint(GraphQL[Any, Any]):
    """The endpoint, with loaders of its own for each request."""

    async def get_context(self, request: Any, response: Any) -> dict[str, Any]:
        """Give what the resolvers need."""
        return {"request": request, "response": response, "loaders": Loaders()}


app = Starlette(routes=[Route("/graphql", Endpoint(strawberry.Schema(Query), graphql_ide=None))])
