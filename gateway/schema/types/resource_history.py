"""What resources were before."""

from enum import Enum

from gateway.db.query_spec import At, Order
from gateway.db.sql.filters import at_least, at_most, where
from gateway.db.sql.row_types import Row
from gateway.db.views import registry
from gateway.marketplace.resource_versions import columns
from gateway.schema.framework.declarations import computed, one
from gateway.schema.framework.filtered_lists import Narrower
from gateway.schema.framework.filters import Filter, asked_for, filtered_by
from gateway.schema.framework.publish import named, published
from gateway.schema.framework.scalars import JSON, DateTime
from gateway.schema.types.user import User

entry = registry.history_entry.c
NEWEST = Order((At(entry.at),), descending=True)
MOMENT = {
    "at": Narrower("at", DateTime, "The moment.", Filter(where(at_most, entry.at)), required=True)
}
"""How a history is narrowed to what was true at a moment."""


@named
class HistoryEntryOrder(Enum):
    """What a history is sorted by."""

    AT_DESC = NEWEST
    """The newest first."""
    AT_ASC = Order((At(entry.at),))
    """The oldest first."""


@asked_for
class HistoryEntryFilter:
    """Which entries are wanted: those that meet all that is given; a null asks for nothing."""

    created_after: DateTime | None = filtered_by(where(at_least, entry.at))
    """Made then or later."""
    created_before: DateTime | None = filtered_by(where(at_most, entry.at))
    """Made then or earlier."""


@published
class HistoryEntry(Row, tables=(registry.history_entry,)):
    """What a resource was like after a change."""

    at: DateTime
    """When it was changed."""
    comment: str
    """What was said of the change; empty if nothing was."""
    user: User | None = one(entry.user_id)
    """Who changed it; null if nobody in person did."""
    data: JSON | None = computed(columns, entry.serialized)
    """The resource's columns as they were, under REST's names and without secrets.

    Values are as they are stored: states and what it refers to are numbers.
    Null if they can't be read.
    """
