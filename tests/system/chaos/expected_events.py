"""What each subscriber ought to hear: worked out from the table, by the oracle's rules."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import psycopg

from gateway.db.events.feed import Position
from gateway.db.installation.installation import found
from gateway.marketplace.states import ResourceState
from tests.support.oracle import Oracle

EVENTS = """
select xid::text::bigint, id, replace(resource_uuid, '-', ''), kind, old_state, new_state,
    resource_id, project_id_before, project_id_after, offering_id_before, offering_id_after
from gateway.resource_event order by xid, id
"""
PROBE = """
insert into marketplace_resource select (jsonb_populate_record(null::marketplace_resource,
    to_jsonb(r) || jsonb_build_object('id', 1000000 + %(at)s, 'uuid', gen_random_uuid(),
        'content_type_id', null, 'object_id', null, 'parent_id', null) || %(places)s)).*
from (select * from marketplace_resource order by id limit 1) r returning uuid
"""


class Told(NamedTuple):
    """What a subscriber is told of an event."""

    position: Position
    uuid: str
    kind: str
    state: str | None


class Resync(NamedTuple):
    """What a subscriber is told if it may have missed something."""

    position: Position
    reason: str


Heard = Told | Resync


class Row(NamedTuple):
    """An event in the table."""

    position: Position
    uuid: str
    kind: str
    states: tuple[int | None, int | None]
    resource: int
    projects: tuple[int | None, int | None]
    offerings: tuple[int | None, int | None]


@dataclass(frozen=True)
class Sight:
    """Which resources somebody sees."""

    everything: bool
    projects: frozenset[int] = frozenset()
    offerings: frozenset[int] = frozenset()
    resources: frozenset[int] = frozenset()

    def sees(self, row: Row, when: int) -> bool:
        """Say whether they see an event's resource, as it was before (0) or after (1) it."""
        return (
            self.everything
            or row.projects[when] in self.projects
            or row.offerings[when] in self.offerings
            or row.resource in self.resources
        )


def _anything(_row: Row, _told: Told) -> bool:
    return True


@dataclass(frozen=True)
class Wish:
    """What somebody subscribes to: as GraphQL's filter, and as what it ought to let through."""

    username: str
    filter: dict[str, Any] = field(default_factory=dict)
    lets: Callable[[Row, Told], bool] = _anything
    about: str = ""
    """What more is selected of an event."""


def rows(url: str) -> list[Row]:
    """Read the events of the table, in order."""
    with psycopg.connect(url) as connection:
        return [
            Row((xid, id_), uuid, kind, (old, new), resource, (p[0], p[1]), (p[2], p[3]))
            for xid, id_, uuid, kind, old, new, resource, *p in connection.execute(EVENTS.encode())
        ]


def sights(connection: psycopg.Connection[Any], usernames: Iterable[str]) -> dict[str, Sight]:
    """Ask the oracle, by a probe in each project and each offering, what people see."""
    oracle = Oracle(connection, 2026 if found(connection).rules.year == 2026 else 2024)
    try:
        projects = _probes(connection, "project_id", "structure_project")
        offerings = _probes(connection, "offering_id", "marketplace_offering")
        return {each: _sight(connection, oracle, each, (projects, offerings)) for each in usernames}
    finally:
        connection.rollback()


def _probes(connection: psycopg.Connection[Any], column: str, table: str) -> dict[str, int]:
    ids = [id_ for (id_,) in connection.execute(f"select id from {table}".encode()).fetchall()]
    made = {}
    for id_ in ids:
        at = id_ + (0 if column == "project_id" else 100_000)
        places = psycopg.types.json.Jsonb({column: id_})
        row = connection.execute(PROBE.encode(), {"at": at, "places": places}).fetchone()
        assert row is not None
        made[row[0].hex] = id_
    return made


def _sight(
    connection: psycopg.Connection[Any],
    oracle: Oracle,
    username: str,
    probes: tuple[dict[str, int], dict[str, int]],
) -> Sight:
    asker = oracle.asker(username, "127.0.0.1")
    row = connection.execute(
        "select is_staff or is_support from core_user where id = %s", [asker.user_id]
    ).fetchone()
    consumed = {_hex(each) for each in oracle.visible("resource_as_consumer", asker)}
    provided = {_hex(each) for each in oracle.visible("resource_as_provider", asker)}
    projects, offerings = probes
    seen = frozenset(id_ for uuid, id_ in projects.items() if uuid in consumed)
    known = connection.execute(
        "select id, uuid, project_id from marketplace_resource where id < 1000000"
    ).fetchall()
    return Sight(
        row == (True,),
        seen,
        frozenset(id_ for uuid, id_ in offerings.items() if uuid in provided),
        frozenset(id_ for id_, uuid, at in known if uuid.hex in consumed and at not in seen),
    )


def _hex(uuid: Any) -> str:
    return str(uuid).replace("-", "")


def told(row: Row, sight: Sight) -> Told | None:
    """Give what somebody is to be told of an event; None if nothing."""
    before = row.kind != "CREATED" and sight.sees(row, 0)
    after = row.kind != "DELETED" and sight.sees(row, 1)
    if after:
        kind, state = row.kind if before else "CREATED", row.states[1]
        return Told(row.position, row.uuid, kind, ResourceState(state).name)
    if before:
        kind = "DELETED" if row.kind == "DELETED" else "HIDDEN"
        return Told(row.position, row.uuid, kind, None)
    return None


def expected(all_: Sequence[Row], sight: Sight, wish: Wish, after: Position) -> list[Told]:
    """Give all that somebody is to be told who subscribed after a position."""
    found = [(row, told(row, sight)) for row in all_ if row.position > after]
    return [each for row, each in found if each is not None and wish.lets(row, each)]


def differences(heard: Sequence[Heard], wanted: Sequence[Told]) -> tuple[list[str], int]:
    """Compare what was heard with what was to be; give what is wrong, and how much was skipped.

    What a Resync covers, from what was told last up to its own place, may be missing.
    """
    left, wrong, skipped = list(reversed(wanted)), list[str](), 0
    for each in heard:
        if isinstance(each, Resync):
            while left and left[-1].position <= each.position:
                left.pop()
                skipped += 1
        elif left and left[-1] == each:
            left.pop()
        else:
            wrong.append(f"heard {each}, and not {left[-1] if left else 'nothing'}")
            break
    else:
        wrong += [f"not heard: {len(left)} from {left[-1]} on"] if left else []
    return wrong, skipped
