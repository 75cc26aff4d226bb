"""What subscribers are told of resources."""

from collections.abc import Iterable, Mapping
from enum import Enum
from functools import cache
from typing import Annotated, Any

import strawberry
from strawberry.types import get_object_definition
from strawberry.utils.str_converters import to_camel_case

from gateway.db import tables
from gateway.schema.enums import ResourceState
from gateway.schema.framework.arguments import Parent
from gateway.schema.framework.context import Info
from gateway.schema.framework.lookups import Found
from gateway.schema.framework.publish import asks, named, published
from gateway.schema.framework.relations import RELATION, One
from gateway.schema.framework.scalars import UUID, DateTime
from gateway.schema.types.resource import Resource

UUIDS = 300
"""How many uuids a filter may name."""


@named
class ResourceEventKind(Enum):
    """What became of a resource, as the viewer sees it."""

    CREATED = "CREATED"
    """It was made, or came into the viewer's sight."""
    STATE_CHANGED = "STATE_CHANGED"
    """Its state changed, and perhaps more."""
    UPDATED = "UPDATED"
    """Something about it changed, but not its state."""
    HIDDEN = "HIDDEN"
    """It went out of the viewer's sight, as when it was moved to another project."""
    DELETED = "DELETED"
    """Its record was removed."""


GONE = (ResourceEventKind.HIDDEN, ResourceEventKind.DELETED)
"""What is told by the uuid alone."""


@asks
class ResourceEventFilter:
    """Which events are wanted: those that meet all that is given; a null asks for nothing.

    Of a resource that moves, both places count: its old project's subscribers hear of it, too.
    """

    uuids: list[UUID] | None = strawberry.UNSET
    """Of one of these resources, 300 at most."""
    project: UUID | None = strawberry.UNSET
    """Of resources that are, or were before the change, in this project."""
    customer: UUID | None = strawberry.UNSET
    """Of resources that are, or were before the change, in a project of this organisation."""
    offering: UUID | None = strawberry.UNSET
    """Of resources of this offering."""
    states: list[ResourceState] | None = strawberry.UNSET
    """After which the resource is in one of these states; the last one of what is gone."""
    kinds: list[ResourceEventKind] | None = strawberry.UNSET
    """Of one of these kinds."""


async def _resource(root: Parent, info: Info) -> Any:
    return None if root.kind in GONE else await _FOUND.find(info, uuid=root.uuid)


_FOUND = Found({"Resource": tables.resource}, lambda given: [("Resource", given["uuid"])])
del _resource.__annotations__["return"]


@published
class ResourceEvent:
    """One change of one resource."""

    cursor: str
    """Where in the order of events it stands: subscribe `after` it to get what follows."""
    at: DateTime
    """When it happened; it is told once it is committed."""
    kind: ResourceEventKind
    """What became of the resource."""
    previous_state: ResourceState | None
    """The state before; null if the viewer did not see it then, or if that is not known."""
    state: ResourceState | None
    """The state after; null if the viewer does not see it any more."""
    changed_fields: list[str]
    """The fields of Resource that changed, as `endDate`; empty for what was made or is gone."""
    uuid: UUID
    """The resource's uuid; of what is HIDDEN or DELETED nothing else is told."""
    resource: Resource | None = strawberry.field(resolver=_resource)
    """The resource as it is when the event is told; null if the viewer does not see it now."""


@named
class ResyncReason(Enum):
    """Why events may have been missed."""

    CURSOR_EXPIRED = "CURSOR_EXPIRED"
    """What came after the cursor is not kept any more."""
    CURSOR_UNKNOWN = "CURSOR_UNKNOWN"
    """The cursor is none of this marketplace, or of how it is watched now."""
    TOO_SLOW = "TOO_SLOW"
    """More events waited for this subscriber than are kept for it."""
    INTERRUPTED = "INTERRUPTED"
    """Something went wrong here while events were told."""


@published
class ResyncRequired:
    """Events may have been missed: read again what is shown, and go on from `cursor`.

    The subscription itself goes on.
    """

    reason: ResyncReason
    """Why."""
    cursor: str
    """Where the events that follow start."""


ResourceChange = Annotated[
    ResourceEvent | ResyncRequired,
    strawberry.union(
        "ResourceChange",
        description="What a subscriber is told: an event, or that some may have been missed.",
    ),
]


@cache
def _published() -> Mapping[str, str]:
    """Give the field of Resource that each column of it is published as."""
    found: dict[str, str] = {}
    for field in get_object_definition(Resource, strict=True).fields:
        relation = field.metadata.get(RELATION)
        column = relation.reference.key if isinstance(relation, One) else field.python_name
        found[column] = to_camel_case(field.python_name)
    return {each.key: found[each.key] for each in tables.resource.c if each.key in found}


def fields_of(columns: Iterable[str]) -> list[str]:
    """Give the public names of the fields of Resource that columns are published as."""
    changed = set(columns)
    return [name for column, name in _published().items() if column in changed]
