"""Events of the subscription `resourceChanged`: changes of resources."""

from enum import StrEnum

import strawberry

from gateway.db.events.tracked_tables import RESOURCES
from gateway.db.tables.codes import EventKind
from gateway.schema.enums import ResourceState
from gateway.schema.framework.publish import enum, input_type, object_type
from gateway.schema.framework.scalars import UUID
from gateway.schema.types.object_event import (
    EventType,
    ObjectEvent,
    declare_object,
)
from gateway.schema.types.resource import Resource


@enum
class ResourceEventKind(StrEnum):
    """What happened to a resource, from the viewer's perspective."""

    CREATED = EventKind.CREATED
    """The resource was created, or became visible to the viewer."""
    STATE_CHANGED = EventKind.STATE_CHANGED
    """The state changed, perhaps other fields as well."""
    UPDATED = EventKind.UPDATED
    """Fields other than the state changed."""
    HIDDEN = EventKind.HIDDEN
    """The resource is no longer visible to the viewer, for example after a move."""
    DELETED = EventKind.DELETED
    """The resource's record was deleted."""


@input_type
class ResourceEventFilter:
    """Filter of events: all conditions must hold; null conditions are ignored.

    A list matches if one of its elements does; an empty list matches nothing. If a resource moves,
    its project, organisation and offering before and after the move both match, as far as the
    resource was or is visible to the viewer.
    """

    uuids: list[UUID] | None = strawberry.UNSET
    """The resource's UUID is one of these, at most 300."""
    project: UUID | None = strawberry.UNSET
    """The resource is, or was before the change, in the project with this UUID."""
    customer: UUID | None = strawberry.UNSET
    """The resource is, or was before the change, in a project of this organisation.

    The value is the UUID of the organisation.
    """
    offering: UUID | None = strawberry.UNSET
    """The resource's offering is, or was before the change, the one with this UUID."""
    states: list[ResourceState] | None = strawberry.UNSET
    """The resource's state after the change is one of these.

    For events of kind `HIDDEN` or `DELETED` it is the last state before.
    """
    kinds: list[ResourceEventKind] | None = strawberry.UNSET
    """The event's kind is one of these."""


@object_type
class ResourceEvent(ObjectEvent):
    """A change of a resource."""

    kind: EventKind = strawberry.field(graphql_type=ResourceEventKind)
    """What happened to the resource."""
    previous_state: ResourceState | None
    """State before the change.

    Null if it is unknown, or if the resource was not visible to the viewer before.
    """
    state: ResourceState | None
    """State after the change; null for events of kind `HIDDEN` or `DELETED`."""
    changed_fields: list[str]
    """Names of the fields of Resource that changed, such as `endDate`.

    Empty for events of kind `CREATED`, `HIDDEN` or `DELETED`.
    """
    uuid: UUID
    """UUID of the resource."""
    resource: Resource | None = declare_object(Resource)
    """The resource at the time of delivery, which may be later than the event.

    Null for events of kind `HIDDEN` or `DELETED`, or if it is not visible to the viewer.
    """


RESOURCE_EVENTS = EventType(RESOURCES, ResourceEvent, Resource)
