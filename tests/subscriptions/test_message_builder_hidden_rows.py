"""Messages do not depend on values that are hidden from the viewer, for random filters."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings, strategies as some

from gateway.db.access.viewer import Viewer
from gateway.db.access.visibility import can_see_row
from gateway.db.events.feed import FeedEvent
from gateway.db.events.scope_uuids import ScopeUuidCache
from gateway.db.tables.codes import EventKind, OrderState, ResourceState
from gateway.schema.types.event_types import EVENT_TYPES
from gateway.schema.types.object_event import EventType
from gateway.subscriptions.event_filter import EventFilter, visible_kind

UNUSED: Any = None
STATES: Mapping[str, Any] = {"resource": ResourceState, "order": OrderState}
PLACE_IDS = some.integers(1, 4)
PLACEMENTS = some.tuples(PLACE_IDS, PLACE_IDS, some.sampled_from([2, 6]))
"""The project, the offering and the state of an object."""
VIEWER_STRATEGY = some.builds(
    Viewer,
    consumer_projects=some.frozensets(PLACE_IDS, max_size=2),
    provided_offerings=some.frozensets(PLACE_IDS, max_size=2),
    order_projects=some.frozensets(PLACE_IDS, max_size=2),
    order_offerings=some.frozensets(PLACE_IDS, max_size=2),
)
UUIDS_BY_ID = {id_: frozenset({f"{id_}" * 32}) for id_ in range(1, 5)}
FILTER_STRATEGY = some.fixed_dictionaries(
    {},
    optional={
        "project": PLACE_IDS.map(lambda id_: f"{id_}" * 32),
        "customer": PLACE_IDS.map(lambda id_: f"{id_}" * 32),
        "offering": PLACE_IDS.map(lambda id_: f"{id_}" * 32),
        "states": some.lists(some.sampled_from([2, 6])),
        "kinds": some.lists(some.sampled_from(EventKind)),
    },
)
Placement = tuple[int, int, int]
PLACEMENT_COLUMNS = ("project_id", "offering_id", "state")


def create_scope_uuid_cache() -> ScopeUuidCache:
    """Create a cache with uuids of all ids in use; project and customer have the same uuid."""
    scope_uuid_cache = ScopeUuidCache(UNUSED, UNUSED)
    for column in scope_uuid_cache._scopes:
        scope_uuid_cache._store_uuids(column, UUIDS_BY_ID.items())
    return scope_uuid_cache


def build_visible_event(
    event_type: EventType,
    viewer: Viewer,
    filter_argument: Mapping[str, Any],
    before: Placement,
    after: Placement,
) -> Any:
    """Return the event that a viewer receives of a moved object; None without an event."""
    kind = EventKind.STATE_CHANGED if before[2] != after[2] else EventKind.UPDATED
    changed_columns = [
        column
        for column, old_value, new_value in zip(PLACEMENT_COLUMNS, before, after, strict=True)
        if old_value != new_value
    ]
    event = FeedEvent(
        1,
        1,
        event_type.object_field,
        "a" * 32,
        kind,
        label_placement(before),
        label_placement(after),
        (*changed_columns, "backend_id"),
        datetime(2026, 1, 1, tzinfo=UTC),
    )
    visible_as = visible_kind(event, viewer)
    if visible_as is None or not make_filter(event_type, filter_argument).matches_event(
        event, visible_as, create_scope_uuid_cache()
    ):
        return None
    return event_type.build_event(event, visible_as, "a cursor").__dict__


def label_placement(placement: Placement) -> dict[str, int]:
    """Return the recorded columns of an object in a place."""
    return {"id": 99, **dict(zip(PLACEMENT_COLUMNS, placement, strict=True))}


def make_filter(event_type: EventType, filter_argument: Mapping[str, Any]) -> EventFilter:
    """Return a filter whose states are of the object's enum."""
    argument = dict(filter_argument)
    if "states" in argument:
        argument["states"] = [STATES[event_type.object_field](each) for each in argument["states"]]
    return EventFilter.from_argument(event_type.tracked_table, argument)


@pytest.mark.parametrize("event_type", EVENT_TYPES.values(), ids=[*EVENT_TYPES])
@settings(max_examples=1500, deadline=None, database=None)
@given(VIEWER_STRATEGY, FILTER_STRATEGY, PLACEMENTS, PLACEMENTS, PLACEMENTS)
def test_events_are_independent_of_hidden_values(
    event_type: EventType,
    viewer: Viewer,
    filter_argument: Mapping[str, Any],
    placement: Placement,
    visible_placement: Placement,
    other_placement: Placement,
) -> None:
    """An event is the same for each placement in which the object is hidden."""

    def can_see(placement: Placement) -> bool:
        return can_see_row(viewer, event_type.tracked_table.table, label_placement(placement))

    if not can_see(placement) and not can_see(other_placement):
        build_event = partial(build_visible_event, event_type, viewer, filter_argument)
        assert build_event(placement, visible_placement) == build_event(
            other_placement, visible_placement
        )
        assert build_event(visible_placement, placement) == build_event(
            visible_placement, other_placement
        )
