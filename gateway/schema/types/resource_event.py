"""Events of the subscription `resourceChanged`: changes of resources."""

from collections.abc import Iterable, Mapping
from enum import Enum
from functools import cache
from typing import Annotated, Any

import strawberry
from strawberry.types import get_object_definition

from gateway.db import tables
from gateway.schema.enums import ResourceEventKind, ResourceState
from gateway.schema.framework.arguments import ParentRow
from gateway.schema.framework.context import Info
from gateway.schema.framework.lookups import RowLookup
from gateway.schema.framework.publish import enum, input_type, object_type
from gateway.schema.framework.relations import DECLARATION_KEY, ToOneField
from gateway.schema.framework.scalars import UUID, DateTime
from gateway.schema.framework.strawberry_internals import to_camel_case
from gateway.schema.types.resource import Resource

MAX_FILTER_UUIDS = 300
"""Maximum number of uuids in a filter."""


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


async def _resolve_resource(root: ParentRow, info: Info) -> Any:
    return (
        await _RESOURCE_LOOKUP.load_rows(info, uuid=root.uuid) if root.kind.exists_after else None
    )


_RESOURCE_LOOKUP = RowLookup(
    {"Resource": tables.resource}, lambda arguments: [("Resource", arguments["uuid"])]
)
del _resolve_resource.__annotations__["return"]


@object_type
class ResourceEvent:
    """A change of a resource."""

    cursor: str
    """Position of the event; a subscription with it in `after` continues from there."""
    at: DateTime
    """Time of the change; the event is delivered after its transaction is committed."""
    kind: ResourceEventKind
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
    resource: Resource | None = strawberry.field(resolver=_resolve_resource)
    """The resource at the time of delivery, which may be later than the event.

    Null for events of kind `HIDDEN` or `DELETED`, or if it is not visible to the viewer.
    """


@enum
class ResyncReason(Enum):
    """Why events may have been missed."""

    CURSOR_EXPIRED = "CURSOR_EXPIRED"
    """The events after the cursor are no longer stored.

    They are deleted after 7 days, unless the operator configured another retention.
    """
    CURSOR_UNKNOWN = "CURSOR_UNKNOWN"
    """The cursor belongs to another marketplace, another source of events, or an earlier
    installation of it.

    So do all cursors from before a restore of the database or a fail-over to a standby.
    """
    TOO_SLOW = "TOO_SLOW"
    """The subscriber's queue of undelivered events overflowed."""
    INTERRUPTED = "INTERRUPTED"
    """An internal error interrupted the delivery of events."""
    SOURCE_CHANGED = "SOURCE_CHANGED"
    """The source of events changed while the subscription ran: changes may have no events.

    The database was restored, exchanged or failed over, or the triggers that record
    changes were disabled, removed, repaired or installed.
    """


@object_type
class ResyncRequired:
    """Events may have been missed: fetch the displayed resources again.

    The subscription continues with the events after `cursor`.
    """

    reason: ResyncReason
    """Why events may have been missed."""
    cursor: str
    """Position after which the delivery of events continues."""


ResourceChange = Annotated[
    ResourceEvent | ResyncRequired,
    strawberry.union(
        "ResourceChange",
        description="A message of `resourceChanged`: an event, or a request to synchronise again.",
    ),
]


@cache
def _map_published_columns() -> Mapping[str, str]:
    """Return the public name of the field of Resource that each column is published as."""
    field_names: dict[str, str] = {}
    for field in get_object_definition(Resource, strict=True).fields:
        relation = field.metadata.get(DECLARATION_KEY)
        column = relation.reference.key if isinstance(relation, ToOneField) else field.python_name
        field_names[column] = to_camel_case(field.python_name)
    table_columns = [each.key for each in tables.resource.c]
    return {column: field_names[column] for column in table_columns if column in field_names}


def published_field_names(columns: Iterable[str]) -> list[str]:
    """Return the public names of the fields of Resource for changed columns, in table order."""
    changed_columns = set(columns)
    return [name for column, name in _map_published_columns().items() if column in changed_columns]
