"""What a subscriber is to be told of an event: as what, and whether at all."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from gateway.db.access.viewer import Viewer
from gateway.db.access.visibility import sees_resource
from gateway.db.events.feed import Event
from gateway.db.events.scope_uuids import Places
from gateway.schema.framework.errors import BadInputError
from gateway.schema.types.resource_event import GONE, UUIDS, ResourceEventKind

KEPT = (ResourceEventKind.STATE_CHANGED, ResourceEventKind.UPDATED)
BORN, UNSEEN = ResourceEventKind.CREATED, ResourceEventKind.HIDDEN


def kind_for(event: Event, viewer: Viewer) -> ResourceEventKind | None:
    """Give what became of the resource as the viewer sees it; None if they see nothing of it.

    The event's places decide, before it and after it.
    """
    (old_project, project), (old_offering, offering) = event.projects, event.offerings
    kind, id_ = ResourceEventKind(event.kind), event.resource_id
    if kind in KEPT and old_project is None:  # not known, as who polls has not met it before
        old_project, old_offering = project, offering
    before = kind is not BORN and sees_resource(
        viewer, id=id_, project_id=old_project, offering_id=old_offering
    )
    after = kind not in GONE and sees_resource(
        viewer, id=id_, project_id=project, offering_id=offering
    )
    if before and after:
        return kind
    if after:
        return BORN
    return (UNSEEN if kind not in GONE else kind) if before else None


@dataclass(frozen=True)
class Wanted:
    """Which events are wanted; None is all."""

    uuids: frozenset[str] | None = None
    project: str | None = None
    customer: str | None = None
    offering: str | None = None
    states: frozenset[int] | None = None
    kinds: frozenset[ResourceEventKind] | None = None

    @classmethod
    def by(cls, given: Mapping[str, Any] | None) -> "Wanted":
        """Read the argument `filter`; BadInputError if it names too much."""
        found = {name: value for name, value in (given or {}).items() if value is not None}
        if len(found.get("uuids", ())) > UUIDS:
            raise BadInputError(f"At most {UUIDS} uuids can be named.", "filter", "uuids")
        if "states" in found:
            found["states"] = [each.value for each in found["states"]]
        lists = {name: frozenset(each) for name, each in found.items() if isinstance(each, list)}
        return replace(cls(), **{**found, **lists})

    @property
    def placed(self) -> bool:
        """Whether the uuids of places must be known."""
        return not self.project is self.customer is self.offering is None

    def holds(self, event: Event, kind: ResourceEventKind, places: Places) -> bool:
        """Say whether an event, which is told as one of that kind, is wanted."""
        state = event.new_state if event.new_state is not None else event.old_state
        told = event.old_state if kind in GONE else state
        return (
            _has(self.uuids, event.uuid.replace("-", ""))
            and _has(self.kinds, kind)
            and _has(self.states, told)
            and (not self.placed or self._there(event, kind, places))
        )

    def _there(self, event: Event, kind: ResourceEventKind, places: Places) -> bool:
        """Say whether the event is of the places; those that the viewer does not see are none."""
        seen = [0] if kind in GONE else [1] if kind is BORN else [0, 1]
        projects = [places.project(event.projects[each]) for each in seen]
        offerings = [places.offering(event.offerings[each]) for each in seen]
        return all(
            wanted is None or any(wanted in each for each in found)
            for wanted, found in (
                (self.project, projects),
                (self.customer, projects),
                (self.offering, offerings),
            )
        )


def _has(wanted: Collection[object] | None, value: object) -> bool:
    return wanted is None or value in wanted
