"""Where queries start."""

from enum import Enum
from typing import Annotated, Any

import strawberry

from gateway.db import tables
from gateway.db.sql.row_types import Row
from gateway.schema.framework.connection_field import Pages, Search
from gateway.schema.framework.connection_type import Page
from gateway.schema.framework.context import Info
from gateway.schema.framework.errors import BadInputError, checked
from gateway.schema.framework.lookups import Found, Listed, Meant
from gateway.schema.framework.node import Node, meant
from gateway.schema.framework.publish import published
from gateway.schema.framework.relations import RELATION, declare
from gateway.schema.framework.scalars import UUID
from gateway.schema.lists import searches
from gateway.schema.lists.offerings import OfferingFilter, OfferingOrder
from gateway.schema.lists.orders import OrderFilter, OrderOrder
from gateway.schema.lists.projects_and_customers import (
    CustomerFilter,
    CustomerOrder,
    ProjectFilter,
    ProjectOrder,
)
from gateway.schema.lists.resources import ResourceFilter, ResourceOrder, VisibleAs
from gateway.schema.types.category import Category
from gateway.schema.types.component import Component
from gateway.schema.types.customer import Customer
from gateway.schema.types.offering import Offering
from gateway.schema.types.order import Order
from gateway.schema.types.partition import Partition
from gateway.schema.types.plan import Plan
from gateway.schema.types.project import Project
from gateway.schema.types.resource import Resource
from gateway.schema.types.software import OfferingRole
from gateway.schema.types.suggested_name import SUGGESTED_NAME
from gateway.schema.types.user import User
from gateway.schema.types.viewer import Viewer, viewer

NODES: tuple[type[Row], ...] = (
    Resource,
    Offering,
    Component,
    Partition,
    Plan,
    Order,
    Category,
    Customer,
    Project,
    User,
    OfferingRole,
)
MOST_NODES = 300
Uuid = Annotated[UUID, strawberry.argument(description="The uuid, in either spelling.")]
Id = Annotated[strawberry.ID, strawberry.argument(description="The `id` of the thing.")]
Ids = Annotated[
    list[strawberry.ID], strawberry.argument(description=f"At most {MOST_NODES} ids of things.")
]


def by_uuid(row_class: type[Row]) -> Any:
    """Declare a field that finds one visible row by its uuid."""
    name = row_class.__name__
    found = Found({name: row_class.tables[0]}, lambda given: [(name, given["uuid"])])

    async def resolve(info: Info, uuid: Uuid) -> Any:
        return await found.find(info, uuid=uuid)

    return _field(resolve, found)


def listed(
    row_class: type[Row],
    orders: type[Enum],
    filters: type | None = None,
    sides: type[Enum] | None = None,
    search: Search | None = None,
) -> Any:
    """Declare a field that pages through the visible rows.

    What is seen from several `sides` can be asked for as a named user sees it, too.
    """
    table, visible_to = row_class.tables[0], sides is not None
    return declare(Pages(table, None, orders, filters, sides, search, visible_to))


def few(row_class: type[Row], *order: Any) -> Any:
    """Declare a field that lists all visible rows, which are few."""
    return declare(Listed(row_class.tables[0], order))


def by_id(*row_classes: type[Row]) -> tuple[Any, Any]:
    """Declare a field that finds one visible row by its global id, and one that finds several."""
    tables_by_name = {each.__name__: each.tables[0] for each in row_classes}
    one, several = Found(tables_by_name, by_an_id), Found(tables_by_name, by_ids, listed=True)

    async def resolve(info: Info, id: Id) -> Any:  # noqa: A002 - Relay's word
        return await one.find(info, id=id)

    async def resolve_all(info: Info, ids: Ids) -> Any:
        return await several.find(info, ids=ids)

    return _field(resolve, one), _field(resolve_all, several)


def by_an_id(given: dict[str, Any]) -> list[Meant]:
    """Give what the argument `id` means."""
    checked(given["id"], "id")
    return [meant(given["id"])]


def by_ids(given: dict[str, Any]) -> list[Meant]:
    """Give what the argument `ids` means; BadInputError if there are too many."""
    if len(given["ids"]) > MOST_NODES:
        raise BadInputError(f"At most {MOST_NODES} ids can be asked for at once.", "ids")
    checked(given["ids"], "ids")
    return [meant(each) for each in given["ids"]]


def _field(resolve: Any, relation: Any) -> Any:
    del resolve.__annotations__["return"]
    return strawberry.field(resolver=resolve, metadata={RELATION: relation})


_node, _nodes = by_id(*NODES)


@published
class Query:
    """Where queries start. What the viewer does not see is as if it did not exist."""

    viewer: Viewer | None = declare(viewer)
    """Who asks; null without a token."""
    node: Node | None = _node
    """The thing with that id, if the viewer sees it."""
    nodes: list[Node | None] = _nodes
    """The things with those ids, in their order; null for each that the viewer does not see."""
    resource: Resource | None = by_uuid(Resource)
    """The resource of that uuid, if the viewer sees it."""
    resources: Page[Resource] = listed(
        Resource, ResourceOrder, ResourceFilter, VisibleAs, searches.RESOURCES
    )
    """The resources that the viewer sees."""
    offering: Offering | None = by_uuid(Offering)
    """The offering of that uuid, if the viewer sees it."""
    offerings: Page[Offering] = listed(
        Offering, OfferingOrder, OfferingFilter, search=searches.OFFERINGS
    )
    """The offerings that the viewer sees: those in the catalogue, and the viewer's own."""
    component: Component | None = by_uuid(Component)
    """The component of that uuid, if the viewer sees its offering."""
    partition: Partition | None = by_uuid(Partition)
    """The partition of that uuid, if the viewer sees its offering."""
    plan: Plan | None = by_uuid(Plan)
    """The plan of that uuid, if the viewer sees its offering and may order by it."""
    category: Category | None = by_uuid(Category)
    """The category of that uuid."""
    categories: list[Category] = few(Category, tables.category.c.title)
    """All categories, ordered by title."""
    order: Order | None = by_uuid(Order)
    """The order of that uuid, if the viewer sees it."""
    orders: Page[Order] = listed(Order, OrderOrder, OrderFilter)
    """The orders that the viewer sees."""
    project: Project | None = by_uuid(Project)
    """The project of that uuid, if the viewer sees it."""
    suggested_resource_name: str | None = declare(SUGGESTED_NAME)
    """A name for a new resource; null if the viewer does not see what the arguments name."""
    projects: Page[Project] = listed(Project, ProjectOrder, ProjectFilter, search=searches.PROJECTS)
    """The projects that the viewer sees."""
    customer: Customer | None = by_uuid(Customer)
    """The organisation of that uuid, if the viewer sees it."""
    customers: Page[Customer] = listed(
        Customer, CustomerOrder, CustomerFilter, search=searches.CUSTOMERS
    )
    """The organisations that the viewer sees."""
