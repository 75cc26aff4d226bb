"""Kinds of offerings."""

import strawberry

from gateway.context import Fact
from gateway.db import tables
from gateway.db.row import Row
from gateway.schema.fields import computed
from gateway.schema.media import media_url
from gateway.schema.node import Node, identified
from gateway.schema.published import published
from gateway.schema.scalars import UUID

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
    """The address of its picture; null if it has none."""
