"""The root type of queries."""

from enum import Enum
from typing import Annotated, Any

import strawberry

from gateway.db import tables
from gateway.db.sql.row_types import Row
from gateway.resolvers.order_preview import ORDER_PREVIEW_FIELD
from gateway.schema.framework.connection_field import ConnectionField, SearchDefinition
from gateway.schema.framework.connection_type import Page
from gateway.schema.framework.context import Info
from gateway.schema.framework.errors import BadInputError, validate_input
from gateway.schema.framework.event_cursors import EVENTS_CURSOR_FIELD
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
from gateway.schema.types.order_preview import OrderPreview
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
"""Maximum number of ids in one call of `nodes`."""
UuidArgument = Annotated[UUID, strawberry.argument(description="UUID, with or without hyphens.")]
IdArgument = Annotated[strawberry.ID, strawberry.argument(description="Global id of the object.")]
IdsArgument = Annotated[
    list[strawberry.ID],
    strawberry.argument(description=f"Global ids of the objects, at most {MAX_NODE_IDS}."),
]


def declare_lookup_by_uuid(row_class: type[Row]) -> Any:
    """Declare a field that returns a visible row by its uuid."""
    type_name = row_class.__name__
    lookup = RowLookup(
        {type_name: row_class.tables[0]}, lambda arguments: [(type_name, arguments["uuid"])]
    )

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
    """Declare a connection field over all visible rows of a type.

    If rows are visible from several perspectives, the field has arguments to select one, and to
    narrow the list to what is visible to a named user.
    """
    table, has_visible_to = row_class.tables[0], perspectives is not None
    return declare_field(
        ConnectionField(table, None, order_enum, filter_type, perspectives, search, has_visible_to)
    )


def declare_full_list(row_class: type[Row], *order_columns: Any) -> Any:
    """Declare a field that lists all visible rows of a type with few rows."""
    return declare_field(RootListField(row_class.tables[0], order_columns))


def declare_lookups_by_id(*row_classes: type[Row]) -> tuple[Any, Any]:
    """Declare a field that returns a visible row by its global id, and one for several ids."""
    tables_by_name = {each.__name__: each.tables[0] for each in row_classes}
    single_lookup = RowLookup(tables_by_name, parse_node_id)
    list_lookup = RowLookup(tables_by_name, parse_node_ids, is_list=True)

    async def resolve_one(info: Info, id: IdArgument) -> Any:  # noqa: A002 - argument name of Relay
        return await single_lookup.load_rows(info, id=id)

    async def resolve_all(info: Info, ids: IdsArgument) -> Any:
        return await list_lookup.load_rows(info, ids=ids)

    node_field = _build_lookup_field(resolve_one, single_lookup)
    return node_field, _build_lookup_field(resolve_all, list_lookup)


def parse_node_id(arguments: dict[str, Any]) -> list[NodeKey]:
    """Return the type and uuid that the argument `id` stands for."""
    validate_input(arguments["id"], "id")
    return [decode_global_id(arguments["id"])]


def parse_node_ids(arguments: dict[str, Any]) -> list[NodeKey]:
    """Return the types and uuids of the argument `ids`.

    Raises BadInputError if there are too many.
    """
    if len(arguments["ids"]) > MAX_NODE_IDS:
        raise BadInputError(
            f"`ids` must have at most {MAX_NODE_IDS} items, got {len(arguments['ids'])}.", "ids"
        )
    validate_input(arguments["ids"], "ids")
    return [decode_global_id(each) for each in arguments["ids"]]


def _build_lookup_field(resolver: Any, lookup: RowLookup) -> Any:
    del resolver.__annotations__["return"]
    return strawberry.field(resolver=resolver, metadata={DECLARATION_KEY: lookup})


_node_field, _nodes_field = declare_lookups_by_id(*NODE_TYPES)


@object_type
class Query:
    """Read access to the marketplace.

    Objects that are not visible to the viewer are treated as absent: null, or omitted from lists.
    """

    viewer: PublishedViewer | None = declare_field(viewer_field)
    """The authenticated user; null for anonymous requests."""
    node: Node | None = _node_field
    """The object with a global id; null if there is none that is visible to the viewer."""
    nodes: list[Node | None] = _nodes_field
    """The objects with the given global ids, in the same order.

    Null for each id without an object that is visible to the viewer.
    """
    resource: Resource | None = declare_lookup_by_uuid(Resource)
    """A resource by uuid; null if it is not visible to the viewer."""
    resources: Page[Resource] = declare_connection(
        Resource, ResourceOrder, ResourceFilter, VisibleAs, searches.RESOURCE_SEARCH
    )
    """The resources that are visible to the viewer."""
    offering: Offering | None = declare_lookup_by_uuid(Offering)
    """An offering by uuid; null if it is not visible to the viewer."""
    offerings: Page[Offering] = declare_connection(
        Offering, OfferingOrder, OfferingFilter, search=searches.OFFERING_SEARCH
    )
    """The offerings that are visible to the viewer.

    They are active and paused public offerings, and those that the viewer has a role for. Offerings
    that are restricted to groups or roles may be hidden from others.
    """
    component: Component | None = declare_lookup_by_uuid(Component)
    """A component by uuid; null if its offering is not visible to the viewer."""
    partition: Partition | None = declare_lookup_by_uuid(Partition)
    """A SLURM partition by uuid; null if its offering is not visible to the viewer."""
    plan: Plan | None = declare_lookup_by_uuid(Plan)
    """A plan by uuid; null if it is not visible to the viewer.

    A plan is visible with its offering, unless it is reserved for groups of other organisations.
    """
    category: Category | None = declare_lookup_by_uuid(Category)
    """A category by uuid; null if it is not visible to the viewer."""
    categories: list[Category] = declare_full_list(Category, tables.category.c.title)
    """All categories that are visible to the viewer, ordered by title."""
    order: Order | None = declare_lookup_by_uuid(Order)
    """An order by uuid; null if the viewer may not list it.

    Not all users who see a resource may list its orders: see `Order`.
    """
    orders: Page[Order] = declare_connection(Order, OrderOrder, OrderFilter)
    """The orders that the viewer may list, as a consumer or as a provider."""
    project: Project | None = declare_lookup_by_uuid(Project)
    """A project by uuid; null if it is not visible to the viewer."""
    resource_events_cursor: str | None = declare_field(EVENTS_CURSOR_FIELD)
    """Cursor of the events of resources before this request; null if events are switched off.

    A subscription to `resourceChanged` with it in `after` delivers all changes that are not in the
    other fields of the same response. Changes that are in them may be delivered, too.
    """
    order_events_cursor: str | None = declare_field(EVENTS_CURSOR_FIELD)
    """Cursor of the events of orders before this request; null if events are switched off.

    A subscription to `orderChanged` with it in `after` delivers all changes that are not in the
    other fields of the same response. Changes that are in them may be delivered, too.
    """
    suggested_resource_name: str | None = declare_field(SUGGESTED_NAME_FIELD)
    """A suggested name for a new resource.

    Null if the project, the offering or the plan is not visible to the viewer.
    """
    order_preview: OrderPreview = declare_field(ORDER_PREVIEW_FIELD)
    """What would come of `createOrder` with the same input; nothing is stored."""
    projects: Page[Project] = declare_connection(
        Project, ProjectOrder, ProjectFilter, search=searches.PROJECT_SEARCH
    )
    """The projects that are visible to the viewer."""
    customer: Customer | None = declare_lookup_by_uuid(Customer)
    """An organisation by uuid; null if it is not visible to the viewer."""
    customers: Page[Customer] = declare_connection(
        Customer, CustomerOrder, CustomerFilter, search=searches.CUSTOMER_SEARCH
    )
    """The organisations that are visible to the viewer."""
