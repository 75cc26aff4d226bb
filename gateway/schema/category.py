"""Kinds of offerings."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from gateway.context import Fact
from gateway.db import tables
from gateway.db.row import Row
from gateway.schema.fields import computed, pages
from gateway.schema.media import media_url
from gateway.schema.node import Node, identified
from gateway.schema.offering_list import OfferingFilter, OfferingOrder
from gateway.schema.page import Page
from gateway.schema.published import published
from gateway.schema.scalars import UUID

if TYPE_CHECKING:
    from gateway.schema.offering import Offering

category = tables.category.c


@published
class Category(Row, Node, tables=(tables.category,)):
    """A kind of offerings, such as storage."""

    id: strawberry.ID = identified("Category", category.uuid)
    """Identifies the category among all nodes."""
    uuid: UUID
    """Identifies the category for good."""
    title: str
    """What people call the category."""
    description: str
    """What the category holds."""
    icon: str | None = computed(media_url, category.icon, Fact.MEDIA_URL)
    """The address of its picture; null if there is none, or nobody said where pictures are."""
    offerings: Page[Annotated["Offering", strawberry.lazy("gateway.schema.offering")]] = pages(
        tables.offering.c.category_id, OfferingOrder, OfferingFilter
    )
    """The offerings of this kind that the viewer sees."""
