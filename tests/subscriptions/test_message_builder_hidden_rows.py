"""Messages do not depend on values that are hidden from the viewer, for random filters."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings, strategies as some

from gateway.db.access.viewer import Viewer
from gateway.db.access.visibility import can_see_resource
from gateway.db.events.feed import FeedEvent
from gateway.db.events.scope_uuids import ScopeUuidCache
from gateway.db.tables.codes import ResourceEventKind, ResourceState
from gateway.schema.types.resource_event import ResourceEvent
from gateway.subscriptions.event_filter import EventFilter, visible_kind
from gateway.subscriptions.message_builder import MessageBuilder

UNUSED: Any = None
PLACE_IDS = some.integers(1, 4)
PLACEMENTS = some.tuples(PLACE_IDS, PLACE_IDS, some.sampled_from([2, 6]))
"""The project, the offering and the state of a resource."""
VIEWER_STRATEGY = some.builds(
    Viewer,
    consumer_projects=some.frozensets(PLACE_IDS, max_size=2),
    provided_offerings=some.frozensets(PLACE_IDS, max_size=2),
)
UUIDS_BY_ID = {id_: frozenset({f"{id_}" * 32}) for id_ in range(1, 5)}
FILTER_STRATEGY = some.fixed_dictionaries(
    {},
    optional={
        "project": PLACE_IDS.map(lambda id_: f"{id_}" * 32),
        "customer": PLACE_IDS.map(lambda id_: f"{id_}" * 32),
        "offering": PLACE_IDS.map(lambda id_: f"{id_}" * 32),
        "states": some.lists(some.sampled_from([ResourceState.OK, ResourceState.TERMINATED])),
        "kinds": some.lists(some.sampled_from(ResourceEventKind)),
    },
)
Placement = tuple[int, int, int]


def create_scope_uuid_cache() -> ScopeUuidCache:
    """Create a cache with uuids of all ids in use; project and customer have the same uuid."""
    scope_uuid_cache = ScopeUuidCache(UNUSED)
    scope_uuid_cache._project_uuids = dict(UUIDS_BY_ID)
    scope_uuid_cache._offering_uuids = dict(UUIDS_BY_ID)
    return scope_uuid_cache


def build_visible_event(
    viewer: Viewer, filter_argument: Mapping[str, Any], before: Placement, after: Placement
) -> Any:
    """Return the event that a viewer receives of a moved resource; None without an event."""
    projects, offerings, states = zip(before, after, strict=True)
    kind = ResourceEventKind.STATE_CHANGED if states[0] != states[1] else ResourceEventKind.UPDATED
    names = ("project_id", "offering_id", "state")
    changed_columns = (
        *(
            column
            for column, old_value, new_value in zip(names, before, after, strict=True)
            if old_value != new_value
        ),
        "name",
    )
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    event = FeedEvent(
        1, 1, 99, "a" * 32, kind, *states, projects, offerings, changed_columns, moment
    )
    visible_as = visible_kind(event, viewer)
    if visible_as is None or not EventFilter.from_argument(filter_argument).matches_event(
        event, visible_as, create_scope_uuid_cache()
    ):
        return None
    resource_event: ResourceEvent = MessageBuilder(
        UNUSED, UNUSED, lambda: "x"
    )._build_resource_event(event, visible_as)
    return resource_event.__dict__


@settings(max_examples=1500, deadline=None, database=None)
@given(VIEWER_STRATEGY, FILTER_STRATEGY, PLACEMENTS, PLACEMENTS, PLACEMENTS)
def test_events_are_independent_of_hidden_values(
    viewer: Viewer,
    filter_argument: Mapping[str, Any],
    placement: Placement,
    visible_placement: Placement,
    other_placement: Placement,
) -> None:
    """An event is the same for each placement in which the resource is hidden."""

    def can_see(placement: Placement) -> bool:
        return can_see_resource(viewer, id=99, project_id=placement[0], offering_id=placement[1])

    if not can_see(placement) and not can_see(other_placement):
        assert build_visible_event(
            viewer, filter_argument, placement, visible_placement
        ) == build_visible_event(viewer, filter_argument, other_placement, visible_placement)
        assert build_visible_event(
            viewer, filter_argument, visible_placement, placement
        ) == build_visible_event(viewer, filter_argument, visible_placement, other_placement)
