"""Expected events of a subscriber: derived from the table of events by the oracle's rules."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, NamedTuple

import psycopg

from gateway.db.events.feed import EventPosition
from gateway.db.installation.installation import inspect_installation
from gateway.db.tables.codes import OrderState, ResourceState
from tests.support.oracle import Oracle

SELECT_EVENTS = """
select xid::text::bigint, id, object_type, replace(object_uuid, '-', ''), kind,
    (row_before ->> 'state')::int, (row_after ->> 'state')::int,
    (coalesce(row_after, row_before) ->> 'id')::int,
    (row_before ->> 'project_id')::int, (row_after ->> 'project_id')::int,
    (row_before ->> 'offering_id')::int, (row_after ->> 'offering_id')::int
from gateway.marketplace_event order by xid, id
"""
INSERT_PROBE = """
insert into marketplace_resource select (jsonb_populate_record(null::marketplace_resource,
    to_jsonb(r) || jsonb_build_object('id', 1000000 + %(at)s, 'uuid', gen_random_uuid(),
        'content_type_id', null, 'object_id', null, 'parent_id', null) || %(places)s)).*
from (select * from marketplace_resource order by id limit 1) r returning uuid
"""


class EventNotice(NamedTuple):
    """A received event: the fields that are compared."""

    position: EventPosition
    uuid: str
    kind: str
    state: str | None


class ResyncNotice(NamedTuple):
    """A received ResyncRequired."""

    position: EventPosition
    reason: str


ReceivedNotice = EventNotice | ResyncNotice
STATES: Mapping[str, type[IntEnum]] = {"resource": ResourceState, "order": OrderState}


class EventRow(NamedTuple):
    """A row of the table of events; pairs are the values before and after the event."""

    position: EventPosition
    object_type: str
    uuid: str
    kind: str
    states: tuple[int | None, int | None]
    object_id: int
    projects: tuple[int | None, int | None]
    offerings: tuple[int | None, int | None]


@dataclass(frozen=True)
class ResourceVisibility:
    """The resources that a user can see."""

    sees_everything: bool
    project_ids: frozenset[int] = frozenset()
    offering_ids: frozenset[int] = frozenset()
    resource_ids: frozenset[int] = frozenset()

    def can_see(self, row: EventRow, side: int) -> bool:
        """Return whether the user sees the resource before (`side` 0) or after (1) an event."""
        return (
            self.sees_everything
            or row.projects[side] in self.project_ids
            or row.offerings[side] in self.offering_ids
            or row.object_id in self.resource_ids
        )


def _matches_all(_row: EventRow, _notice: EventNotice) -> bool:
    return True


@dataclass(frozen=True)
class SubscriptionRequirement:
    """A user's subscription: its filter argument, and the same filter as a Python function."""

    username: str
    filter_argument: dict[str, Any] = field(default_factory=dict)
    matches_event: Callable[[EventRow, EventNotice], bool] = _matches_all
    extra_selection: str = ""
    """Additional selection of each event."""
    object_type: str = "resource"
    """Whose changes are followed: `resource`, or `order` of users who see everything or nothing."""


def load_event_rows(url: str) -> list[EventRow]:
    """Load all rows of the table of events, in order."""
    with psycopg.connect(url) as connection:
        return [_parse_event_row(*row) for row in connection.execute(SELECT_EVENTS.encode())]


def _parse_event_row(xid: int, event_id: int, *values: Any) -> EventRow:
    object_type, uuid, kind, old_state, new_state, object_id, *scope_ids = values
    return EventRow(
        (xid, event_id),
        object_type,
        uuid,
        kind,
        (old_state, new_state),
        object_id,
        (scope_ids[0], scope_ids[1]),
        (scope_ids[2], scope_ids[3]),
    )


def load_visibilities(
    connection: psycopg.Connection[Any], usernames: Iterable[str]
) -> dict[str, ResourceVisibility]:
    """Return the visibility of each user, by the oracle.

    A probe resource is inserted for each project and each offering, and the transaction is
    rolled back in the end.
    """
    oracle = Oracle(
        connection, 2026 if inspect_installation(connection).version_rules.year == 2026 else 2024
    )
    try:
        projects = _insert_probes(connection, "project_id", "structure_project")
        offerings = _insert_probes(connection, "offering_id", "marketplace_offering")
        return {
            each: _load_visibility(connection, oracle, each, (projects, offerings))
            for each in usernames
        }
    finally:
        connection.rollback()


def _insert_probes(connection: psycopg.Connection[Any], column: str, table: str) -> dict[str, int]:
    ids = [id_ for (id_,) in connection.execute(f"select id from {table}".encode()).fetchall()]
    ids_by_probe_uuid = {}
    for id_ in ids:
        id_offset = id_ + (0 if column == "project_id" else 100_000)
        overrides = psycopg.types.json.Jsonb({column: id_})
        row = connection.execute(
            INSERT_PROBE.encode(), {"at": id_offset, "places": overrides}
        ).fetchone()
        assert row is not None
        ids_by_probe_uuid[row[0].hex] = id_
    return ids_by_probe_uuid


def _load_visibility(
    connection: psycopg.Connection[Any],
    oracle: Oracle,
    username: str,
    probes: tuple[dict[str, int], dict[str, int]],
) -> ResourceVisibility:
    oracle_user = oracle.find_viewer(username, "127.0.0.1")
    row = connection.execute(
        "select is_staff or is_support from core_user where id = %s", [oracle_user.user_id]
    ).fetchone()
    consumer_uuids = {
        _to_hex(each) for each in oracle.visible_uuids("resource_as_consumer", oracle_user)
    }
    provider_uuids = {
        _to_hex(each) for each in oracle.visible_uuids("resource_as_provider", oracle_user)
    }
    projects, offerings = probes
    visible_projects = frozenset(id_ for uuid, id_ in projects.items() if uuid in consumer_uuids)
    resource_rows = connection.execute(
        "select id, uuid, project_id from marketplace_resource where id < 1000000"
    ).fetchall()
    return ResourceVisibility(
        row == (True,),
        visible_projects,
        frozenset(id_ for uuid, id_ in offerings.items() if uuid in provider_uuids),
        frozenset(
            id_
            for id_, uuid, project_id in resource_rows
            if uuid.hex in consumer_uuids and project_id not in visible_projects
        ),
    )


def _to_hex(uuid: Any) -> str:
    return str(uuid).replace("-", "")


def derive_expected_notice(row: EventRow, visibility: ResourceVisibility) -> EventNotice | None:
    """Return the event that a user must receive for a row; None without an event."""
    was_visible = row.kind != "CREATED" and visibility.can_see(row, 0)
    is_visible = row.kind != "DELETED" and visibility.can_see(row, 1)
    if is_visible:
        kind, state = row.kind if was_visible else "CREATED", row.states[1]
        assert state is not None
        return EventNotice(row.position, row.uuid, kind, STATES[row.object_type](state).name)
    if was_visible:
        kind = "DELETED" if row.kind == "DELETED" else "HIDDEN"
        return EventNotice(row.position, row.uuid, kind, None)
    return None


def select_expected_notices(
    event_rows: Sequence[EventRow],
    visibility: ResourceVisibility,
    requirement: SubscriptionRequirement,
    start_position: EventPosition,
) -> list[EventNotice]:
    """Return all events that a subscriber must receive after its start position."""
    row_notices = [
        (row, derive_expected_notice(row, visibility))
        for row in event_rows
        if row.position > start_position and row.object_type == requirement.object_type
    ]
    return [
        notice
        for row, notice in row_notices
        if notice is not None and requirement.matches_event(row, notice)
    ]


def compare_notices(
    received_notices: Sequence[ReceivedNotice], expected_notices: Sequence[EventNotice]
) -> tuple[list[str], int]:
    """Compare received with expected events; return the mismatches and the number of skipped ones.

    Events may be skipped if a resync covers them: from the last received event up to the
    resync's position.
    """
    remaining_notices, mismatches, skipped_count = list(reversed(expected_notices)), list[str](), 0
    for notice in received_notices:
        if isinstance(notice, ResyncNotice):
            while remaining_notices and remaining_notices[-1].position <= notice.position:
                remaining_notices.pop()
                skipped_count += 1
        elif remaining_notices and remaining_notices[-1] == notice:
            remaining_notices.pop()
        else:
            expected_notice = remaining_notices[-1] if remaining_notices else "nothing"
            mismatches.append(f"received {notice}, expected {expected_notice}")
            break
    else:
        if remaining_notices:
            mismatches.append(
                f"not received: {len(remaining_notices)} events from {remaining_notices[-1]} on"
            )
    return mismatches, skipped_count
