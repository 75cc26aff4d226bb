"""Declarations of the tables whose changes are events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import Table

from gateway.db import tables

_KEYS_AND_TIMES = frozenset({"id", "uuid", "created", "modified"})
_PLACE_FILTERS = {"project": "project_id", "customer": "project_id", "offering": "offering_id"}


@dataclass(frozen=True, eq=False)
class TrackedTable:
    """A table whose changes are events; each row is an object of `object_type`.

    Triggers, feed, polling, visibility and filters of events read these facts, and
    `gateway.schema.types.object_event.EventType` publishes the events. Another table needs a
    declaration here, its id sets in `gateway.db.access.visibility`, and GraphQL types.
    """

    object_type: str
    """Name of the type of objects, which each event stores."""
    table: Table[Any]
    value_filters: Mapping[str, str]
    """Columns of codes, by the field of the subscription's filter that lists some."""
    scope_filters: Mapping[str, str]
    """Foreign keys, by the field of the filter with the uuid of what they refer to."""
    untracked_columns: frozenset[str]
    """Columns whose change is not an event: the row's keys, and times of maintenance.

    Waldur writes `modified` with each save, whether something changed or not. Another set takes
    another function in the database.
    """
    unpublished_columns: frozenset[str] = frozenset()
    """Declared columns of which no published field is made."""

    @cached_property
    def recorded_columns(self) -> tuple[str, ...]:
        """Columns that each event stores with their values before and after the change.

        Those that decide which filters match and who sees the row, and the state.
        """
        filter_columns = (*self.value_filters.values(), *self.scope_filters.values())
        return (*dict.fromkeys(["id", *filter_columns]),)

    @cached_property
    def published_columns(self) -> frozenset[str]:
        """Columns whose change is published: fields of the object's type are made from them.

        Waldur's table may have others; an update of these only is recorded but not delivered. Of
        columns that hold secrets (`attributes`) an event reports only that they changed, never a
        value.
        """
        columns = frozenset(each.name for each in self.table.c)
        return columns - self.untracked_columns - self.unpublished_columns

    def label_recorded(self, values: Sequence[Any]) -> dict[str, Any]:
        """Return the recorded columns by name; `values` are in the order of the declaration."""
        return dict(zip(self.recorded_columns, values, strict=True))


RESOURCES = TrackedTable(
    "resource",
    tables.resource,
    value_filters={"states": "state"},
    scope_filters=_PLACE_FILTERS,
    # An agent writes `last_sync` with each report.
    untracked_columns=_KEYS_AND_TIMES | {"last_sync"},
)
ORDERS = TrackedTable(
    "order",
    tables.order,
    value_filters={"states": "state", "types": "type"},
    scope_filters=_PLACE_FILTERS | {"resource": "resource_id"},
    untracked_columns=_KEYS_AND_TIMES
    | {
        "output_updated_at",
        "error_updated_at",
        "provider_message_updated_at",
        "consumer_message_updated_at",
    },
    unpublished_columns=frozenset(
        {"provider_message_url", "provider_message_attachment", "consumer_message_attachment"}
    ),
)
TRACKED_TABLES: Mapping[str, TrackedTable] = {
    each.object_type: each for each in (RESOURCES, ORDERS)
}
"""The tables whose changes are events, by type of object."""
