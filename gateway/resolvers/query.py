"""Where queries start."""

from enum import Enum
from typing import Annotated, Any

import strawberry

from gateway.db import tables
from gateway.db.sql.row_types import Row
from gateway.schema.framework.connection_field import ConnectionField, SearchDefinition
from gateway.schema.framework.connection_type import Page
from gateway.schema.framework.context import Info
from gateway.schema.framework.errors import BadInputError, validate_input
from gateway.schema.framework.lookups import NodeKey, RootListField, RowLookup
from gateway.schema.framework.node import Node, decode_global_id
from gateway.schema.framework.publish import object_type
from gateway.schema.framework.relations import DECLARATION_KEY, declare_field
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
from gateway.schema.types.suggested_name import SUGGESTED_NAME_FIELD
from gateway.schema.types.user import User
from gateway.schema.types.viewer import PublishedViewer, viewer_field

NODE_TYPES: tuple[type[Row], ...] = (
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
MAX_NODE_IDS = 300
UuidArgument = Annotated[UUID, strawberry.argument(description="The uuid, in either spelling.")]
IdArgument = Annotated[strawberry.ID, strawberry.argument(description="The `id` of the thing.")]
IdsArgument = Annotated[
    list[strawberry.ID], strawberry.argument(description=f"At most {MAX_NODE_IDS} ids of things.")
]


def declare_lookup_by_uuid(row_class: type[Row]) -> Any:
    """Declare a field that finds one visible row by its uuid."""
    type_name = row_class.__name__
    lookup = RowLookup({type_name: row_class.tables[0]}, lambda given: [(type_name, given["uuid"])])

    async def resolve(info: Info, uuid: UuidArgument) -> Any:
        return await lookup.load_rows(info, uuid=uuid)

    return _build_lookup_field(resolve, lookup)


def declare_connection(
    row_class: type[Row],
    order_enum: type[Enum],
    filter_type: type | None = None,
    perspectives: type[Enum] | None = None,
    search: SearchDefinition | None = None,
) -> Any:
    """Declare a field that pages through the visible rows.

    What is seen from several `sides` can be asked for as a named user sees it, too.
    """
    table, has_visible_to = row_class.tables[0], perspectives is not None
    return declare_field(
        ConnectionField(table, None, order_enum, filter_type, perspectives, search, has_visible_to)
    )


def declare_full_list(row_class: type[Row], *order_columns: Any) -> Any:
    """Declare a field that lists all visible rows, which are few."""
    return declare_field(RootListField(row_class.tables[0], order_columns))


def declare_lookups_by_id(*row_classes: type[Row]) -> tuple[Any, Any]:
    """Declare a field that finds one visible row by its global id, and one that finds several."""
    tables_by_name = {each.__name__: each.tables[0] for each in row_classes}
    single_lookup, list_lookup = (
        RowLookup(tables_by_name, parse_node_id),
        RowLookup(tables_by_name, parse_node_ids, is_list=True),
    )

    async def resolve(info: Info, id: IdArgument) -> Any:  # noqa: A002 - Relay's word
        return await single_lookup.load_rows(info, id=id)

    async def resolve_all(info: Info, ids: IdsArgument) -> Any:
        return await list_lookup.load_rows(info, ids=ids)

    return _build_lookup_field(resolve, single_lookup), _build_lookup_field(
        resolve_all, list_lookup
    )


def parse_node_id(arguments: dict[str, Any]) -> list[NodeKey]:
    """Give what the argument `id` means."""
    validate_input(arguments["id"], "id")
    return [decode_global_id(arguments["id"])]


def parse_node_ids(arguments: dict[str, Any]) -> list[NodeKey]:
    """Give what the argument `ids` means; BadInputError if there are too many."""
    if len(arguments["ids"]) > MAX_NODE_IDS:
        raise BadInputError(f"At most {MAX_NODE_IDS} ids can be asked for at once.", "ids")
    validate_input(arguments["ids"], "ids")
    return [decode_global_id(each) for each in arguments["ids"]]


def _build_lookup_field(resolve: Any, relation: Any) -> Any:
    del resolve.__annotations__["return"]
    return strawberry.field(resolver=resolve, metadata={DECLARATION_KEY: relation})


_node_field, _nodes_field = declare_lookups_by_id(*NODE_TYPES)


@object_type
class Query:
    """Where queries start. What the viewer does not see is as if it did not exist."""

    viewer: PublishedViewer | None = declare_field(viewer_field)
    """Who asks; null without a token."""
    node: Node | None = _node_field
    """The thing with that id, if the viewer sees it."""
    nodes: list[Node | None] = _nodes_field
    """The things with those ids, in their order; null for each that the viewer does not see."""
    resource: Resource | None = declare_lookup_by_uuid(Resource)
    """The resource of that uuid, if the viewer sees it."""
    resources: Page[Resource] = declare_connection(
        Resource, ResourceOrder, ResourceFilter, VisibleAs, searches.RESOURCE_SEARCH
    )
    """The resources that the viewer sees."""
    offering: Offering | None = declare_lookup_by_uuid(Offering)
    """The offering of that uuid, if the viewer sees it."""
    offerings: Page[Offering] = declare_connection(
        Offering, OfferingOrder, OfferingFilter, search=searches.OFFERING_SEARCH
    )
    """The offerings that the viewer sees: those in the catalogue, and the viewer's own."""
    component: Component | None = declare_lookup_by_uuid(Component)
    """The component of that uuid, if the viewer sees its offering."""
    partition: Partition | None = declare_lookup_by_uuid(Partition)
    """The partition of that uuid, if the viewer sees its offering."""
    plan: Plan | None = declare_lookup_by_uuid(Plan)
    """The plan of that uuid, if the viewer sees its offering and may order by it."""
    category: Category | None = declare_lookup_by_uuid(Category)
    """The category of that uuid."""
    categories: list[Category] = declare_full_list(Category, tables.category.c.title)
    """All categories, ordered by title."""
    order: Order | None = declare_lookup_by_uuid(Order)
    """The order of that uuid, if the viewer sees it."""
    orders: Page[Order] = declare_connection(Order, OrderOrder, OrderFilter)
    """The orders that the viewer sees."""
    project: Project | None = declare_lookup_by_uuid(Project)
    """The project of that uuid, if the viewer sees it."""
    suggested_resource_name: str | None = declare_field(SUGGESTED_NAME_FIELD)
    """A name for a new resource; null if the viewer does not see what the arguments name."""
    projects: Page[Project] = declare_connection(
        Project, ProjectOrder, ProjectFilter, search=searches.PROJECT_SEARCH
    )
    """The projects that the viewer sees."""
    customer: Customer | None = declare_lookup_by_uuid(Customer)
    """The organisation of that uuid, if the viewer sees it."""
    customers: Page[Customer] = declare_connection(
        Customer, CustomerOrder, CustomerFilter, search=searches.CUSTOMER_SEARCH
    )
    """The organisations that the viewer sees."""
