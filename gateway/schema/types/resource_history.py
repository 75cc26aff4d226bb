"""Version history of resources; its rows are visible to staff and support."""

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
        "The time: the result is the newest version at or before it.",
        FilterCondition(filter_column(at_most, history_entry.at)),
        required=True,
    )
}
"""Argument of `historyAt`: the version in force is the newest at or before that time."""


@enum
class HistoryEntryOrder(Enum):
    """Sort order of a version history."""

    AT_DESC = NEWEST_FIRST
    """By time, newest first."""
    AT_ASC = SortOrder((ColumnRef(history_entry.at),))
    """By time, oldest first."""


@filter_input
class HistoryEntryFilter:
    """Filter of versions: all conditions must hold; null conditions are ignored."""

    created_after: DateTime | None = filter_field(filter_column(at_least, history_entry.at))
    """Lower bound: versions of this time or later."""
    created_before: DateTime | None = filter_field(filter_column(at_most, history_entry.at))
    """Upper bound: versions of this time or earlier."""


@object_type
class HistoryEntry(Row, tables=(registry.history_entry,)):
    """A version of a resource: its columns after a change."""

    at: DateTime
    """Time of the change."""
    comment: str
    """Comment on the change; may be empty."""
    user: User | None = one(history_entry.user_id)
    """The user who made the change; null if the marketplace itself made it."""
    data: JSON | None = computed(extract_version_columns, history_entry.serialized)
    """The stored columns of the resource, an object with the snake_case keys of the REST API.

    Secrets are left out. Values are raw: states are numbers and references are primary keys. Null
    if the version can't be parsed.
    """
