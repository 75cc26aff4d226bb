"""What a viewer does not see has no part in what they are told, whatever they ask for."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as some

from gateway.db.access.viewer import Viewer
from gateway.db.access.visibility import sees_resource
from gateway.db.events.feed import Event
from gateway.db.events.scope_uuids import Places
from gateway.marketplace.states import ResourceState
from gateway.schema.types.resource_event import ResourceEvent, ResourceEventKind
from gateway.subscriptions.event_filter import Wanted, kind_for
from gateway.subscriptions.message_builder import Telling

NOBODY: Any = None
PLACE = some.integers(1, 4)
SIDE = some.tuples(PLACE, PLACE, some.sampled_from([2, 6]))
"""The project, the offering and the state of a resource."""
SIGHT = some.builds(
    Viewer,
    consumer_projects=some.frozensets(PLACE, max_size=2),
    provided_offerings=some.frozensets(PLACE, max_size=2),
)
UUIDS = {id_: frozenset({f"{id_}" * 32}) for id_ in range(1, 5)}
FILTERS = some.fixed_dictionaries(
    {},
    optional={
        "project": PLACE.map(lambda id_: f"{id_}" * 32),
        "customer": PLACE.map(lambda id_: f"{id_}" * 32),
        "offering": PLACE.map(lambda id_: f"{id_}" * 32),
        "states": some.lists(some.sampled_from([ResourceState.OK, ResourceState.TERMINATED])),
        "kinds": some.lists(some.sampled_from(ResourceEventKind)),
    },
)
Side = tuple[int, int, int]


def places() -> Places:
    """Give places that are known, each project of an organisation that is called as it is."""
    known = Places(NOBODY)
    known._projects, known._offerings = dict(UUIDS), dict(UUIDS)
    return known


def told(viewer: Viewer, wanted: Mapping[str, Any], before: Side, after: Side) -> Any:
    """Give what a viewer is told of a resource that went from one side to another."""
    projects, offerings, states = zip(before, after, strict=True)
    kind = "STATE_CHANGED" if states[0] != states[1] else "UPDATED"
    names = ("project_id", "offering_id", "state")
    changed = (*(n for n, one, two in zip(names, before, after, strict=True) if one != two), "name")
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    event = Event(1, 1, 99, "a" * 32, kind, *states, projects, offerings, changed, moment)
    seen_as = kind_for(event, viewer)
    if seen_as is None or not Wanted.by(wanted).holds(event, seen_as, places()):
        return None
    what: ResourceEvent = Telling(NOBODY, NOBODY, lambda: "x")._event(event, seen_as)
    return what.__dict__


@settings(max_examples=1500, deadline=None, database=None)
@given(SIGHT, FILTERS, SIDE, SIDE, SIDE)
def test_nothing_depends_on_what_is_hidden(
    viewer: Viewer, wanted: Mapping[str, Any], one: Side, two: Side, other: Side
) -> None:
    """Of what a viewer did not see before, or does not see after, it does not matter what it is."""

    def sees(side: Side) -> bool:
        return sees_resource(viewer, id=99, project_id=side[0], offering_id=side[1])

    if not sees(one) and not sees(other):
        assert told(viewer, wanted, one, two) == told(viewer, wanted, other, two)
        assert told(viewer, wanted, two, one) == told(viewer, wanted, two, other)
