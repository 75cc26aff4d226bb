"""Event filter: whether a subscriber receives an event, and as which kind."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.db.access.viewer import Viewer
from gateway.db.access.visibility import can_see_row
from gateway.db.events.feed import FeedEvent
from gateway.db.events.scope_uuids import ScopeUuidCache
from gateway.db.events.tracked_tables import TRACKED_TABLES, TrackedTable
from gateway.db.tables.codes import EventKind
from gateway.schema.framework.errors import BadInputError
from gateway.schema.types.object_event import MAX_FILTER_UUIDS


def visible_kind(event: FeedEvent, viewer: Viewer) -> EventKind | None:
    """Return the kind of an event for a viewer; None if the event is hidden from them.

    The row filter of the object's table is evaluated for the values before the event and after it
    (domain.md §4.4, §4.9):

        visible before | visible after | kind
        ---------------+---------------+------------------------
        yes            | yes           | the event's own kind
        no             | yes           | CREATED
        yes            | no            | HIDDEN (DELETED if deleted)
        no             | no            | None

    Raises KeyError for a kind of a later version; the groups are interrupted then.
    """
    kind, table = EventKind[event.kind], TRACKED_TABLES[event.object_type].table
    before, after = event.before, event.after
    if kind.is_change and before is None:
        before = after  # The poll has not read this row before: assume that it was not moved.
    return kind.see_as(
        was_visible=before is not None and can_see_row(viewer, table, before),
        is_visible=after is not None and can_see_row(viewer, table, after),
    )


@dataclass(frozen=True)
class EventFilter:
    """Argument `filter` of a subscription; a criterion that is None matches all events."""

    object_type: str
    """The type of objects whose events the subscription has."""
    uuids: frozenset[str] | None
    kinds: frozenset[str] | None
    values_by_column: Mapping[str, frozenset[int]]
    """The codes that match, by recorded column."""
    scopes: Collection[tuple[str, str]]
    """Pairs of a recorded column and the uuid of what it has to refer to."""

    @classmethod
    def from_argument(
        cls, tracked_table: TrackedTable, filter_argument: Mapping[str, Any] | None
    ) -> "EventFilter":
        """Convert the argument `filter`.

        Raises BadInputError if it has more than MAX_FILTER_UUIDS uuids.
        """
        criteria = {
            name: value for name, value in (filter_argument or {}).items() if value is not None
        }
        uuids, kinds = (
            frozenset(criteria[name]) if name in criteria else None for name in ("uuids", "kinds")
        )
        uuid_count = len(criteria.get("uuids", ()))
        if uuid_count > MAX_FILTER_UUIDS:
            raise BadInputError(
                f"`uuids` must have at most {MAX_FILTER_UUIDS} entries, got {uuid_count}.",
                "filter",
                "uuids",
            )
        values_by_column = {
            column: frozenset(each.value for each in criteria[name])
            for name, column in tracked_table.value_filters.items()
            if name in criteria
        }
        scope_filters = tracked_table.scope_filters.items()
        scopes = [(column, criteria[name]) for name, column in scope_filters if name in criteria]
        return cls(tracked_table.object_type, uuids, kinds, values_by_column, scopes)

    def matches_event(
        self, event: FeedEvent, kind: EventKind, scope_uuid_cache: ScopeUuidCache
    ) -> bool:
        """Return whether an event matches, given its kind for the viewer.

        Codes are compared as they are after the event, or as they were before it if the viewer
        does not see the object after it.
        """
        values = (event.after if kind.exists_after else event.before) or {}
        return (
            _matches_value(self.uuids, event.object_uuid.replace("-", ""))
            and _matches_value(self.kinds, kind)
            and all(values.get(column) in each for column, each in self.values_by_column.items())
            and (not self.scopes or self._matches_scopes(event, kind, scope_uuid_cache))
        )

    def _matches_scopes(
        self, event: FeedEvent, kind: EventKind, scope_uuid_cache: ScopeUuidCache
    ) -> bool:
        """Return whether the event's object is, or was, in all scopes.

        Only the sides of the event that the viewer can see count, so that a filter reveals nothing
        of a project or offering that is hidden from them.
        """
        sides = ((kind.existed_before, event.before), (kind.exists_after, event.after))
        visible_sides = [values for is_seen, values in sides if is_seen and values is not None]
        return all(
            any(
                uuid in scope_uuid_cache.get_scope_uuids(column, values[column])
                for values in visible_sides
            )
            for column, uuid in self.scopes
        )


def _matches_value(allowed_values: Collection[object] | None, value: object) -> bool:
    return allowed_values is None or value in allowed_values
