"""Categories of offerings."""

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
    """A category of offerings, such as storage or HPC."""

    id: strawberry.ID = node_id("Category", category.uuid)
    """Global id."""
    uuid: UUID
    """UUID of the category."""
    title: str
    """Title of the category, in the marketplace's default language."""
    description: str
    """Description of the category; may be empty."""
    icon: str | None = computed(build_media_url, category.icon, ContextFact.MEDIA_URL)
    """URL of the category's icon; null without one, or if this API has no URL of media files."""
    offerings: Page[Annotated["Offering", strawberry.lazy("gateway.schema.types.offering")]] = (
        pages(tables.offering.c.category_id, OfferingOrder, OfferingFilter)
    )
    """The offerings of this category that are visible to the viewer."""
