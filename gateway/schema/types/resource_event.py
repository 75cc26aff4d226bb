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
from gateway.schema.framework.arguments import ParentRow
from gateway.schema.framework.context import Info
from gateway.schema.framework.lookups import RowLookup
from gateway.schema.framework.publish import enum, input_type, object_type
from gateway.schema.framework.relations import DECLARATION_KEY, ToOneField
from gateway.schema.framework.scalars import UUID, DateTime
from gateway.schema.types.resource import Resource

MAX_FILTER_UUIDS = 300
"""How many uuids a filter may name."""


@enum
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


UUID_ONLY_KINDS = (ResourceEventKind.HIDDEN, ResourceEventKind.DELETED)
"""What is told by the uuid alone."""


@input_type
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


async def _resolve_resource(root: ParentRow, info: Info) -> Any:
    return (
        None
        if root.kind in UUID_ONLY_KINDS
        else await _RESOURCE_LOOKUP.load_rows(info, uuid=root.uuid)
    )


_RESOURCE_LOOKUP = RowLookup(
    {"Resource": tables.resource}, lambda given: [("Resource", given["uuid"])]
)
del _resolve_resource.__annotations__["return"]


@object_type
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
    resource: Resource | None = strawberry.field(resolver=_resolve_resource)
    """The resource as it is when the event is told; null if the viewer does not see it now."""


@enum
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


@object_type
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
def _map_published_columns() -> Mapping[str, str]:
    """Give the field of Resource that each column of it is published as."""
    field_names: dict[str, str] = {}
    for field in get_object_definition(Resource, strict=True).fields:
        relation = field.metadata.get(DECLARATION_KEY)
        column = relation.reference.key if isinstance(relation, ToOneField) else field.python_name
        field_names[column] = to_camel_case(field.python_name)
    return {
        each.key: field_names[each.key] for each in tables.resource.c if each.key in field_names
    }


def published_field_names(columns: Iterable[str]) -> list[str]:
    """Give the public names of the fields of Resource that columns are published as."""
    changed_columns = set(columns)
    return [name for column, name in _map_published_columns().items() if column in changed_columns]
