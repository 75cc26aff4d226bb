"""Kinds of offerings."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from gateway.db import tables
from gateway.db.sql.row_types import Row
from gateway.schema.framework.connection_type import Page
from gateway.schema.framework.context import ContextFact
from gateway.schema.framework.declarations import computed, pages
from gateway.schema.framework.node import Node, node_id
from gateway.schema.framework.publish import object_type
from gateway.schema.framework.scalars import UUID
from gateway.schema.lists.offerings import OfferingFilter, OfferingOrder
from gateway.schema.types.endpoint import build_media_url

if TYPE_CHECKING:
    from gateway.schema.types.offering import Offering

category = tables.category.c


@object_type
class Category(Row, Node, tables=(tables.category,)):
    """A kind of offerings, such as storage."""

    id: strawberry.ID = node_id("Category", category.uuid)
    """Identifies the category among all nodes."""
    uuid: UUID
    """Identifies the category for good."""
    title: str
    """What people call the category."""
    description: str
    """What the category holds."""
    icon: str | None = computed(build_media_url, category.icon, ContextFact.MEDIA_URL)
    """The address of its picture; null if there is none, or nobody said where pictures are."""
    offerings: Page[Annotated["Offering", strawberry.lazy("gateway.schema.types.offering")]] = (
        pages(tables.offering.c.category_id, OfferingOrder, OfferingFilter)
    )
    """The offerings of this kind that the viewer sees."""
