"""Event filter: whether a subscriber receives an event, and as which kind."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from itertools import compress
from typing import Any

from gateway.db.access.viewer import Viewer
from gateway.db.access.visibility import can_see_resource
from gateway.db.events.feed import FeedEvent
from gateway.db.events.scope_uuids import ScopeUuidCache
from gateway.db.tables.codes import ResourceEventKind
from gateway.schema.framework.errors import BadInputError
from gateway.schema.types.resource_event import MAX_FILTER_UUIDS


def visible_kind(event: FeedEvent, viewer: Viewer) -> ResourceEventKind | None:
    """Return the kind of an event for a viewer; None if the event is hidden from them.

    The row filter of resources is evaluated for the resource's project and offering before
    the event and after it (domain.md §4.4):

        visible before | visible after | kind
        ---------------+---------------+------------------------
        yes            | yes           | the event's own kind
        no             | yes           | CREATED
        yes            | no            | HIDDEN (DELETED if deleted)
        no             | no            | None

    Raises KeyError for a kind of a later version; the groups are interrupted then.
    """
    (old_project, new_project), (old_offering, new_offering) = event.project_ids, event.offering_ids
    kind = ResourceEventKind[event.kind]
    if kind.is_change and old_project is None:
        # The poll has not read this resource before: assume that it was not moved.
        old_project, old_offering = new_project, new_offering
    return kind.see_as(
        was_visible=can_see_resource(
            viewer, id=event.resource_id, project_id=old_project, offering_id=old_offering
        ),
        is_visible=can_see_resource(
            viewer, id=event.resource_id, project_id=new_project, offering_id=new_offering
        ),
    )


@dataclass(frozen=True)
class EventFilter:
    """Argument `filter` of a subscription; a criterion that is None matches all events."""

    uuids: frozenset[str] | None = None
    project: str | None = None
    customer: str | None = None
    offering: str | None = None
    states: frozenset[int] | None = None
    kinds: frozenset[ResourceEventKind] | None = None

    @classmethod
    def from_argument(cls, filter_argument: Mapping[str, Any] | None) -> "EventFilter":
        """Convert the argument `filter`.

        Raises BadInputError if it has more than MAX_FILTER_UUIDS uuids.
        """
        criteria = {
            name: value for name, value in (filter_argument or {}).items() if value is not None
        }
        uuid_count = len(criteria.get("uuids", ()))
        if uuid_count > MAX_FILTER_UUIDS:
            raise BadInputError(
                f"`uuids` must have at most {MAX_FILTER_UUIDS} entries, got {uuid_count}.",
                "filter",
                "uuids",
            )
        if "states" in criteria:
            criteria["states"] = [each.value for each in criteria["states"]]
        set_criteria = {
            name: frozenset(each) for name, each in criteria.items() if isinstance(each, list)
        }
        return replace(cls(), **{**criteria, **set_criteria})

    @property
    def needs_scope_uuids(self) -> bool:
        """Whether matching needs the uuids of the event's project, customer or offering."""
        return not self.project is self.customer is self.offering is None

    def matches_event(
        self, event: FeedEvent, kind: ResourceEventKind, scope_uuid_cache: ScopeUuidCache
    ) -> bool:
        """Return whether an event matches, given its kind for the viewer."""
        state = event.new_state if event.new_state is not None else event.old_state
        visible_state = state if kind.exists_after else event.old_state
        return (
            _matches_value(self.uuids, event.resource_uuid.replace("-", ""))
            and _matches_value(self.kinds, kind)
            and _matches_value(self.states, visible_state)
            and (not self.needs_scope_uuids or self._matches_scope(event, kind, scope_uuid_cache))
        )

    def _matches_scope(
        self, event: FeedEvent, kind: ResourceEventKind, scope_uuid_cache: ScopeUuidCache
    ) -> bool:
        """Return whether the event's project, customer and offering match.

        Only the sides of the event (0: before, 1: after) that the viewer can see count, so
        that a filter reveals nothing of a project or offering that is hidden from them.
        """
        visible_sides = [*compress((0, 1), (kind.existed_before, kind.exists_after))]
        project_uuids = [
            scope_uuid_cache.get_project_uuids(event.project_ids[each]) for each in visible_sides
        ]
        offering_uuids = [
            scope_uuid_cache.get_offering_uuids(event.offering_ids[each]) for each in visible_sides
        ]
        return all(
            required_uuid is None or any(required_uuid in each for each in uuid_sets)
            for required_uuid, uuid_sets in (
                (self.project, project_uuids),
                (self.customer, project_uuids),
                (self.offering, offering_uuids),
            )
        )


def _matches_value(allowed_values: Collection[object] | None, value: object) -> bool:
    return allowed_values is None or value in allowed_values
