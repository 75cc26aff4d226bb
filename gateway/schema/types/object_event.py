"""Events of the subscriptions: what the events of all types of objects have in common."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC
from enum import Enum, IntEnum
from functools import cached_property
from typing import Annotated, Any

import strawberry
from strawberry.types import get_object_definition

from gateway.db.events.feed import FeedEvent
from gateway.db.events.tracked_tables import TrackedTable
from gateway.db.sql.row_types import Row
from gateway.db.tables.codes import EventKind
from gateway.schema.framework.arguments import ParentRow
from gateway.schema.framework.context import Info
from gateway.schema.framework.lookups import RowLookup
from gateway.schema.framework.publish import enum, object_type
from gateway.schema.framework.relations import DECLARATION_KEY, ComputedField, ToOneField
from gateway.schema.framework.scalars import UUID, DateTime
from gateway.schema.framework.strawberry_internals import to_camel_case

MAX_FILTER_UUIDS = 300
"""Maximum number of uuids in a filter."""


@object_type
class ObjectEvent:
    """A change of an object: the fields that the event types of all objects have.

    Each event type declares the fields again whose types or descriptions name its object, and adds
    the object itself by `declare_object`.
    """

    cursor: str
    """Position of the event; a subscription with it in `after` continues from there."""
    at: DateTime
    """Time of the change; the event is delivered after its transaction is committed."""
    kind: EventKind
    previous_state: IntEnum | None
    state: IntEnum | None
    changed_fields: list[str]
    uuid: UUID


def declare_object(row_class: type[Row]) -> Any:
    """Return the field of an event with its object, at the time of delivery."""
    name = row_class.__name__
    lookup = RowLookup({name: row_class.tables[0]}, lambda arguments: [(name, arguments["uuid"])])

    async def resolve_object(root: ParentRow, info: Info) -> Any:
        return await lookup.load_rows(info, uuid=root.uuid) if root.kind.exists_after else None

    del resolve_object.__annotations__["return"]
    return strawberry.field(resolver=resolve_object)


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
    """Events may have been missed: fetch the displayed resources or orders again.

    The subscription continues with the events after `cursor`.
    """

    reason: ResyncReason
    """Why events may have been missed."""
    cursor: str
    """Position after which the delivery of events continues."""


@object_type
class SubscriptionStarted:
    """The subscription has started: the events after `cursor` follow.

    It is the first message if the argument `confirmStart` is true.
    """

    cursor: str
    """Position after which the delivery of events begins."""


@dataclass(frozen=True, eq=False)
class EventType:
    """How the changes of a tracked table are published.

    The names follow from the type of object: the subscription `resourceChanged` has events with a
    field `resource`, which is also the query field that looks a resource up by its `uuid`.
    """

    tracked_table: TrackedTable
    event_class: type[ObjectEvent]
    row_class: type[Row]
    """The GraphQL type of the objects."""

    @property
    def object_field(self) -> str:
        """The name of the event's field with the object."""
        return self.tracked_table.object_type

    @property
    def subscription_field(self) -> str:
        """The name of the field of the type Subscription."""
        return f"{self.object_field}Changed"

    @cached_property
    def message_type(self) -> Any:
        """The GraphQL type of the subscription's messages, such as `ResourceChange`."""
        message_union = strawberry.union(
            f"{self.row_class.__name__}Change",
            description=f"A message of `{self.subscription_field}`: an event, a request to"
            " synchronise again, or the start of the subscription.",
        )
        return Annotated[self.event_class | ResyncRequired | SubscriptionStarted, message_union]

    def build_event(self, event: FeedEvent, kind: EventKind, cursor: str) -> ObjectEvent:
        """Return the published event for viewers to whom the event has that kind."""
        at = event.occurred_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f+00")
        return self.event_class(
            cursor=cursor,
            at=DateTime(at),
            kind=kind,
            previous_state=self._get_state(event.before) if kind.is_change else None,
            state=self._get_state(event.after) if kind.exists_after else None,
            changed_fields=self._list_fields(event.changed_columns) if kind.is_change else [],
            uuid=UUID(event.object_uuid.replace("-", "")),
        )

    def _get_state(self, values: Mapping[str, Any] | None) -> Any:
        """Return the state among recorded values; None if it is unknown."""
        return self.row_class.value_maps["state"].get(values["state"]) if values else None

    def _list_fields(self, columns: Iterable[str]) -> list[str]:
        """Return the public names of the fields of changed columns, in the table's order."""
        changed_columns = set(columns)
        return [name for column, name in self.published_fields.items() if column in changed_columns]

    @cached_property
    def published_fields(self) -> Mapping[str, str]:
        """The public name of the field that each column is published as, by column.

        That is the field that holds the column, or the row that it refers to; of a column without
        one it is the first field that is computed from it.
        """
        own_fields: dict[str, str] = {}
        computed_fields: dict[str, str] = {}
        for field in get_object_definition(self.row_class, strict=True).fields:
            declaration, own_column = field.metadata.get(DECLARATION_KEY), field.python_name
            name = to_camel_case(field.python_name)
            if isinstance(declaration, ToOneField):
                own_column = declaration.reference.key
            own_fields[own_column] = name
            if isinstance(declaration, ComputedField):
                for column in declaration.list_own_columns(self.tracked_table.table):
                    computed_fields.setdefault(column, name)
        names = {**computed_fields, **own_fields}
        published_columns = self.tracked_table.published_columns & names.keys()
        columns = [each.key for each in self.tracked_table.table.c]
        return {each: names[each] for each in columns if each in published_columns}
