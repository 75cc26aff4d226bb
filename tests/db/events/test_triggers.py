"""The source of events: what it writes down, who can have it made, and that it harms nobody."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import Boolean, Date, DateTime, String, Text
from sqlalchemy.dialects.postgresql import JSONB

from gateway.db import tables
from gateway.db.events import triggers
from gateway.db.events.triggers import Found, SourceError, install, look, uninstall
from tests.conftest import NewDatabase
from tests.support import waldur_2024

WHOLE = Found(whole=True, current=True, readable=True)
NOTHING = Found(whole=False, current=False, readable=False)
EVENTS = """
select kind, old_state, new_state, project_id_before, project_id_after,
    offering_id_before, offering_id_after, changed, resource_id, resource_uuid
from gateway.resource_event order by xid, id
"""
TRIGGERS = "select count(*) from pg_trigger where tgname like 'gateway_%'"
OTHERS = """
alter table marketplace_resource alter column name type varchar(500);
alter table marketplace_resource alter column state type bigint;
alter table marketplace_resource drop column paused cascade;
alter table marketplace_resource add column fresh text
"""
"""What a migration of Waldur may do."""
OTHER: dict[type, str] = {
    String: "{0} || 'x'",
    Text: "{0} || 'x'",
    Boolean: "not {0}",
    JSONB: "jsonb_build_object('other', 1)",
    Date: "date '2031-01-31'",
    DateTime: "now()",
}
"""Another value of a column, by its type."""


@pytest.fixture(scope="module")
def waldur_url(new_database: NewDatabase) -> str:
    """Give the address of a Waldur of October 2024, whose tables have fewer columns than ours."""
    url = new_database()
    with psycopg.connect(url) as connection:
        waldur_2024.build(connection)
    return url


@pytest.fixture
def waldur(waldur_url: str) -> Iterator[psycopg.Connection[Any]]:
    """Give a connection to it, all of which is undone."""
    with psycopg.connect(waldur_url) as connection:
        connection.execute("select 1")  # begins the transaction that all is in
        yield connection
        connection.rollback()


@pytest.fixture
def watched(waldur: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    """Give a connection to a Waldur with the source."""
    install(waldur)
    return waldur


@pytest.fixture
def roles(waldur_url: str) -> Iterator[list[str]]:
    """Give two roles that may do nothing but read and write resources."""
    names = [f"r{uuid4().hex}" for _ in range(2)]
    with psycopg.connect(waldur_url, autocommit=True) as root:
        for name in names:
            root.execute(f"create role {name} login".encode())
            root.execute(f"grant select, update on marketplace_resource to {name}".encode())
        yield names
        for name in names:
            root.execute(f"drop owned by {name} cascade; drop role {name}".encode())


def as_role(url: str, role: str) -> psycopg.Connection[Any]:
    """Connect as a role."""
    return psycopg.connect(url.replace("postgres@", f"{role}@"), autocommit=True)


def written(connection: psycopg.Connection[Any]) -> list[Any]:
    """Give what was written down."""
    return connection.execute(EVENTS.encode()).fetchall()


def first(connection: psycopg.Connection[Any]) -> tuple[Any, ...]:
    """Give id, uuid, state, project and offering of a resource that nothing refers to."""
    found = connection.execute(
        "select id, uuid::text, state, project_id, offering_id from marketplace_resource r"
        " where not exists (select from marketplace_resource c where c.parent_id = r.id)"
        " order by id limit 1"
    ).fetchone()
    assert found
    return (*found,)


def test_a_change_of_state_is_told_with_all_else_that_changed(
    watched: psycopg.Connection[Any],
) -> None:
    id_, uuid, state, project, offering = first(watched)
    watched.execute(
        "update marketplace_resource set state = state + 1, name = 'x', modified = now()"
        " where id = %s",
        [id_],
    )
    (found,) = written(watched)
    assert found[:7] == ("STATE_CHANGED", state, state + 1, project, project, offering, offering)
    assert found[7:] == (["name", "state"], id_, uuid)


def test_a_move_is_told_from_where_to_where(watched: psycopg.Connection[Any]) -> None:
    id_, _, state, project, offering = first(watched)
    watched.execute(
        "update marketplace_resource set project_id ="
        " (select min(id) from structure_project where id <> project_id) where id = %s",
        [id_],
    )
    (found,) = written(watched)
    assert found[:4] == ("UPDATED", state, state, project)
    assert found[4] not in (None, project)
    assert found[5:8] == (offering, offering, ["project_id"])


@pytest.mark.parametrize("name", triggers.TRACKED)
def test_each_tracked_column_is_watched(watched: psycopg.Connection[Any], name: str) -> None:
    kind = type(tables.resource.c[name].type)
    other = OTHER.get(kind, "coalesce({0}, 0) + 100000").format(name)
    id_ = first(watched)[0]
    if name == "end_date_updated_at":
        watched.execute("alter table marketplace_resource add end_date_updated_at timestamptz")
    watched.execute(f"update marketplace_resource set {name} = {other} where id = {id_}".encode())
    (found,) = written(watched)
    assert found[7] == [name]


def test_what_only_was_looked_after_is_no_event(watched: psycopg.Connection[Any]) -> None:
    watched.execute("alter table marketplace_resource add last_sync timestamptz")
    watched.execute(
        "update marketplace_resource set modified = now(), last_sync = now(), name = name"
    )
    assert written(watched) == []


def test_what_is_tracked_is_all_but_bookkeeping() -> None:
    known = {each.name for each in tables.resource.c}
    assert known >= triggers.UNTRACKED
    assert {*triggers.TRACKED} == known - triggers.UNTRACKED


COME_AND_GO = """
create temporary table kept on commit drop as
    select * from marketplace_resource where id = {id};
update kept set id = 0, uuid = '00000000-0000-4000-8000-00000000000a', object_id = null,
    content_type_id = null;
insert into marketplace_resource overriding system value select * from kept;
delete from marketplace_resource where id = 0
"""


def test_rows_that_come_and_go_are_told(watched: psycopg.Connection[Any]) -> None:
    id_, _, state, project, offering = first(watched)
    watched.execute(COME_AND_GO.format(id=id_).encode())
    came, went = written(watched)
    assert came[:8] == ("CREATED", None, state, None, project, None, offering, [])
    assert went[:8] == ("DELETED", state, None, project, None, offering, None, [])
    assert {*came[8:], *went[8:]} == {0, "00000000-0000-4000-8000-00000000000a"}


def test_what_goes_with_another_row_is_told(watched: psycopg.Connection[Any]) -> None:
    watched.execute("create temporary table owner (id int primary key) on commit drop")
    watched.execute("insert into owner select id from marketplace_offering")
    id_ = first(watched)[0]
    watched.execute(
        "create function pg_temp.gone() returns trigger language plpgsql as $$ begin"
        " set constraints all deferred;"
        f" delete from marketplace_resource where id = {id_}; return null; end $$;"
        "create trigger gone after delete on owner execute function pg_temp.gone()".encode()
    )
    watched.execute("delete from owner")
    assert [(each[0], each[8]) for each in written(watched)] == [("DELETED", id_)]


def test_many_rows_in_one_statement_are_all_told(watched: psycopg.Connection[Any]) -> None:
    watched.execute("update marketplace_resource set state = state + 1")
    assert len(written(watched)) == 600


def test_what_is_undone_is_not_told(watched: psycopg.Connection[Any]) -> None:
    with watched.transaction(force_rollback=True):
        watched.execute("update marketplace_resource set state = state + 1")
    assert written(watched) == []


def test_installing_again_changes_nothing(watched: psycopg.Connection[Any]) -> None:
    watched.execute("update marketplace_resource set state = state + 1")
    before = watched.execute("select oid from pg_trigger order by oid").fetchall()
    horizon = watched.execute("select * from gateway.event_horizon").fetchall()
    install(watched)
    assert watched.execute("select oid from pg_trigger order by oid").fetchall() == before
    assert watched.execute("select * from gateway.event_horizon").fetchall() == horizon
    assert len(written(watched)) == 600
    assert look(watched) == WHOLE


def test_a_function_of_another_version_is_replaced(watched: psycopg.Connection[Any]) -> None:
    watched.execute(
        "create or replace function gateway.note_resource_event() returns trigger"
        " language plpgsql as $$ begin return null; end $$;"
        "comment on function gateway.note_resource_event() is 'another'"
    )
    assert look(watched) == Found(whole=True, current=False, readable=True)
    install(watched)
    watched.execute("update marketplace_resource set state = state + 1")
    assert look(watched) == WHOLE
    assert len(written(watched)) == 600


@pytest.mark.parametrize(
    "broken",
    ["drop trigger gateway_delete on", "alter table {} disable trigger gateway_update"],
)
def test_what_was_broken_is_mended_and_what_was_before_is_not_promised(
    watched: psycopg.Connection[Any], broken: str
) -> None:
    watched.execute("update gateway.event_horizon set xid = '0'")
    table = "marketplace_resource"
    watched.execute((broken.format(table) if "{" in broken else f"{broken} {table}").encode())
    assert look(watched).whole is False
    install(watched)
    assert look(watched) == WHOLE
    moved = watched.execute("select xid > '0' from gateway.event_horizon").fetchone()
    assert moved == (True,)


def test_uninstalling_leaves_nothing(watched: psycopg.Connection[Any]) -> None:
    for _ in range(2):
        uninstall(watched)
        assert look(watched) == NOTHING
        assert watched.execute(TRIGGERS.encode()).fetchone() == (0,)
        space = "select from pg_namespace where nspname = 'gateway'"
        assert watched.execute(space.encode()).fetchall() == []


def test_uninstalling_leaves_what_else_is_in_the_schema(watched: psycopg.Connection[Any]) -> None:
    watched.execute("create table gateway.other ()")
    uninstall(watched)
    assert look(watched) == NOTHING
    assert watched.execute("select * from gateway.other").fetchall() == []


def test_a_plain_role_is_told_what_it_needs_and_then_it_is_enough(
    waldur_url: str, roles: list[str]
) -> None:
    installer, writer = roles
    with (
        psycopg.connect(waldur_url, autocommit=True) as root,
        as_role(waldur_url, installer) as connection,
        as_role(waldur_url, writer) as waldurs,
    ):
        said = str(refused(connection))
        grants = re.findall(r"GRANT [^;]+", said)
        assert len(grants) == 2
        for grant in grants:
            refused(connection)
            root.execute(grant.encode())
        install(connection)
        assert look(connection) == WHOLE
        assert look(waldurs) == Found(whole=True, current=True, readable=False)
        waldurs.execute("update marketplace_resource set name = name || 'x'")
        assert len(written(connection)) == 600
        with pytest.raises(SourceError):
            uninstall(waldurs)
        uninstall(connection)
        assert look(connection) == NOTHING


def refused(connection: psycopg.Connection[Any]) -> SourceError:
    """Give what a role is told that may not install; nothing is left behind."""
    with pytest.raises(SourceError) as told:
        install(connection)
    assert look(connection) == NOTHING
    return told.value


def test_nobody_else_can_have_the_function_run(waldur_url: str, roles: list[str]) -> None:
    with psycopg.connect(waldur_url) as connection:
        connection.execute("select 1")
        install(connection)
        connection.execute(f"grant usage on schema gateway to {roles[1]}".encode())
        connection.execute(f"set local role {roles[1]}".encode())
        connection.execute("create temporary table mine (id int)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(
                "create trigger forged after insert on mine"
                " execute function gateway.note_resource_event()"
            )
        connection.rollback()


def test_a_migration_of_waldur_goes_through_and_loses_no_trigger(
    watched: psycopg.Connection[Any],
) -> None:
    watched.execute("update marketplace_resource set name = 'before'")
    watched.execute("set constraints all immediate")
    watched.execute(OTHERS)
    watched.execute("update marketplace_resource set state = state + 1")
    assert look(watched) == WHOLE
    assert len(written(watched)) == 1200


def test_what_goes_wrong_does_not_break_waldurs_write(watched: psycopg.Connection[Any]) -> None:
    said: list[str] = []
    watched.add_notice_handler(lambda notice: said.append(str(notice.message_primary)))
    id_ = first(watched)[0]
    watched.execute("drop table gateway.resource_event")
    watched.execute("update marketplace_resource set name = 'kept' where id = %s", [id_])
    kept = watched.execute("select name from marketplace_resource where id = %s", [id_])
    assert kept.fetchone() == ("kept",)
    assert len(said) == 1
    assert "an event of a resource is lost" in said[0]
    assert look(watched).whole is False


def test_a_database_without_resources_is_refused(empty_database: str) -> None:
    with psycopg.connect(empty_database) as connection:
        with pytest.raises(SourceError, match="marketplace_resource"):
            install(connection)
        connection.execute("create view marketplace_resource as select 1 id")
        with pytest.raises(SourceError, match="marketplace_resource"):
            install(connection)


def test_who_waits_for_a_busy_table_gives_up(
    waldur_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(triggers, "_PATIENCE", "100ms")
    with psycopg.connect(waldur_url) as busy, psycopg.connect(waldur_url) as connection:
        busy.execute("update marketplace_resource set name = 'x'")
        with pytest.raises(SourceError, match="try again"):
            install(connection)
        busy.rollback()
