"""What resources were before."""

from enum import Enum

from gateway.db.query_spec import ColumnRef, SortOrder
from gateway.db.sql.filters import at_least, at_most, filter_column
from gateway.db.sql.row_types import Row
from gateway.db.views import registry
from gateway.marketplace.resource_versions import extract_version_columns
from gateway.schema.framework.declarations import computed, one
from gateway.schema.framework.filtered_lists import FilterArgument
from gateway.schema.framework.filters import FilterCondition, filter_field, filter_input
from gateway.schema.framework.publish import enum, object_type
from gateway.schema.framework.scalars import JSON, DateTime
from gateway.schema.types.user import User

history_entry = registry.history_entry.c
NEWEST_FIRST = SortOrder((ColumnRef(history_entry.at),), descending=True)
HISTORY_AT_ARGUMENTS = {
    "at": FilterArgument(
        "at",
        DateTime,
        "The moment.",
        FilterCondition(filter_column(at_most, history_entry.at)),
        required=True,
    )
}
"""How a history is narrowed to what was true at a moment."""


@enum
class HistoryEntryOrder(Enum):
    """What a history is sorted by."""

    AT_DESC = NEWEST_FIRST
    """The newest first."""
    AT_ASC = SortOrder((ColumnRef(history_entry.at),))
    """The oldest first."""


@filter_input
class HistoryEntryFilter:
    """Which entries are wanted: those that meet all that is given; a null asks for nothing."""

    created_after: DateTime | None = filter_field(filter_column(at_least, history_entry.at))
    """Made then or later."""
    created_before: DateTime | None = filter_field(filter_column(at_most, history_entry.at))
    """Made then or earlier."""


@object_type
class HistoryEntry(Row, tables=(registry.history_entry,)):
    """What a resource was like after a change."""

    at: DateTime
    """When it was changed."""
    comment: str
    """What was said of the change; empty if nothing was."""
    user: User | None = one(history_entry.user_id)
    """Who changed it; null if nobody in person did."""
    data: JSON | None = computed(extract_version_columns, history_entry.serialized)
    """The resource's columns as they were, under REST's names and without secrets.

    Values are as they are stored: states and what it refers to are numbers.
    Null if they can't be read.
    """
