"""Test the event triggers: their events, installation, privileges, and safety for Waldur."""

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
from gateway.db.events.source import explain_source
from gateway.db.events.tracked_tables import RESOURCES
from gateway.db.events.triggers import (
    EventSourceError,
    TriggerStatus,
    install_triggers,
    load_trigger_status,
    uninstall_triggers,
)

INSTALLED = TriggerStatus(is_complete=True, is_current=True, is_readable=True)
NOT_INSTALLED = TriggerStatus(is_complete=False, is_current=False, is_readable=False)
EVENTS_SQL = """
select kind, (row_before ->> 'state')::int, (row_after ->> 'state')::int,
    (row_before ->> 'project_id')::int, (row_after ->> 'project_id')::int,
    (row_before ->> 'offering_id')::int, (row_after ->> 'offering_id')::int, changed,
    (coalesce(row_after, row_before) ->> 'id')::int, object_uuid
from gateway.marketplace_event where object_type = 'resource' order by xid, id
"""
COUNT_TRIGGERS_SQL = "select count(*) from pg_trigger where tgname like 'gateway_%'"
MIGRATION_SQL = """
alter table marketplace_resource alter column name type varchar(500);
alter table marketplace_resource alter column state type bigint;
alter table marketplace_resource drop column paused cascade;
alter table marketplace_resource add column fresh text
"""
"""Changes of the table as in a migration of Waldur."""
OTHER_VALUES_SQL: dict[type, str] = {
    String: "{0} || 'x'",
    Text: "{0} || 'x'",
    Boolean: "not {0}",
    JSONB: "jsonb_build_object('other', 1)",
    Date: "date '2031-01-31'",
    DateTime: "now()",
}
"""Expressions for a different value of a column, by the column's type."""


@pytest.fixture
def roles(waldur_url: str) -> Iterator[list[str]]:
    """Yield two roles that may only read and update resources."""
    names = [f"r{uuid4().hex}" for _ in range(2)]
    with psycopg.connect(waldur_url, autocommit=True) as root:
        for name in names:
            root.execute(f"create role {name} login".encode())
            root.execute(f"grant select, update on marketplace_resource to {name}".encode())
        yield names
        for name in names:
            root.execute(f"drop owned by {name} cascade; drop role {name}".encode())


def connect_as(url: str, role: str) -> psycopg.Connection[Any]:
    """Return a connection of a role."""
    return psycopg.connect(url.replace("postgres@", f"{role}@"), autocommit=True)


def load_events(connection: psycopg.Connection[Any]) -> list[Any]:
    """Return all events."""
    return connection.execute(EVENTS_SQL.encode()).fetchall()


def find_leaf_resource(connection: psycopg.Connection[Any]) -> tuple[Any, ...]:
    """Return id, UUID, state, project and offering of a resource without child resources."""
    row = connection.execute(
        "select id, uuid::text, state, project_id, offering_id from marketplace_resource r"
        " where not exists (select from marketplace_resource c where c.parent_id = r.id)"
        " order by id limit 1"
    ).fetchone()
    assert row
    return (*row,)


def test_state_change_lists_changed_columns(
    watched_connection: psycopg.Connection[Any],
) -> None:
    id_, uuid, state, project, offering = find_leaf_resource(watched_connection)
    watched_connection.execute(
        "update marketplace_resource set state = state + 1, name = 'x', modified = now()"
        " where id = %s",
        [id_],
    )
    (event,) = load_events(watched_connection)
    assert event[:7] == ("STATE_CHANGED", state, state + 1, project, project, offering, offering)
    assert event[7:] == (["name", "state"], id_, uuid)


def test_move_has_old_and_new_project(watched_connection: psycopg.Connection[Any]) -> None:
    id_, _, state, project, offering = find_leaf_resource(watched_connection)
    watched_connection.execute(
        "update marketplace_resource set project_id ="
        " (select min(id) from structure_project where id <> project_id) where id = %s",
        [id_],
    )
    (event,) = load_events(watched_connection)
    assert event[:4] == ("UPDATED", state, state, project)
    assert event[4] not in (None, project)
    assert event[5:8] == (offering, offering, ["project_id"])


@pytest.mark.parametrize("name", sorted(RESOURCES.published_columns))
def test_each_published_column_is_watched(
    watched_connection: psycopg.Connection[Any], name: str
) -> None:
    column_type = type(tables.resource.c[name].type)
    other_value_sql = OTHER_VALUES_SQL.get(column_type, "coalesce({0}, 0) + 100000").format(name)
    id_ = find_leaf_resource(watched_connection)[0]
    if name == "end_date_updated_at":
        watched_connection.execute(
            "alter table marketplace_resource add end_date_updated_at timestamptz"
        )
    watched_connection.execute(
        f"update marketplace_resource set {name} = {other_value_sql} where id = {id_}".encode()
    )
    (event,) = load_events(watched_connection)
    assert event[7] == [name]


def test_untracked_columns_make_no_event(watched_connection: psycopg.Connection[Any]) -> None:
    watched_connection.execute("alter table marketplace_resource add last_sync timestamptz")
    watched_connection.execute(
        "update marketplace_resource set modified = now(), last_sync = now(), name = name"
    )
    assert load_events(watched_connection) == []


def test_unpublished_columns_are_recorded(watched_connection: psycopg.Connection[Any]) -> None:
    watched_connection.execute("alter table marketplace_resource add fresh text")
    watched_connection.execute("update marketplace_resource set fresh = 'x', state = state + 1")
    assert {(each[0], *sorted(each[7])) for each in load_events(watched_connection)} == {
        ("STATE_CHANGED", "fresh", "state")
    }


INSERT_AND_DELETE_SQL = """
create temporary table copied on commit drop as
    select * from marketplace_resource where id = {id};
update copied set id = 0, uuid = '00000000-0000-4000-8000-00000000000a', object_id = null,
    content_type_id = null;
insert into marketplace_resource overriding system value select * from copied;
delete from marketplace_resource where id = 0
"""


def test_insert_and_delete_make_events(watched_connection: psycopg.Connection[Any]) -> None:
    id_, _, state, project, offering = find_leaf_resource(watched_connection)
    watched_connection.execute(INSERT_AND_DELETE_SQL.format(id=id_).encode())
    created_event, deleted_event = load_events(watched_connection)
    assert created_event[:8] == ("CREATED", None, state, None, project, None, offering, [])
    assert deleted_event[:8] == ("DELETED", state, None, project, None, offering, None, [])
    assert {*created_event[8:], *deleted_event[8:]} == {0, "00000000-0000-4000-8000-00000000000a"}


def test_delete_by_other_trigger_makes_event(watched_connection: psycopg.Connection[Any]) -> None:
    watched_connection.execute("create temporary table owner (id int primary key) on commit drop")
    watched_connection.execute("insert into owner select id from marketplace_offering")
    id_ = find_leaf_resource(watched_connection)[0]
    watched_connection.execute(
        "create function pg_temp.delete_resource() returns trigger language plpgsql as $$ begin"
        " set constraints all deferred;"
        f" delete from marketplace_resource where id = {id_}; return null; end $$;"
        "create trigger delete_resource after delete on owner"
        " execute function pg_temp.delete_resource()".encode()
    )
    watched_connection.execute("delete from owner")
    assert [(each[0], each[8]) for each in load_events(watched_connection)] == [("DELETED", id_)]


def test_bulk_update_makes_one_event_per_row(watched_connection: psycopg.Connection[Any]) -> None:
    watched_connection.execute("update marketplace_resource set state = state + 1")
    assert len(load_events(watched_connection)) == 600


def test_rollback_makes_no_event(watched_connection: psycopg.Connection[Any]) -> None:
    with watched_connection.transaction(force_rollback=True):
        watched_connection.execute("update marketplace_resource set state = state + 1")
    assert load_events(watched_connection) == []


def test_installing_again_changes_nothing(watched_connection: psycopg.Connection[Any]) -> None:
    watched_connection.execute("update marketplace_resource set state = state + 1")
    trigger_oids = watched_connection.execute("select oid from pg_trigger order by oid").fetchall()
    horizon = watched_connection.execute("select * from gateway.event_horizon").fetchall()
    install_triggers(watched_connection)
    assert (
        watched_connection.execute("select oid from pg_trigger order by oid").fetchall()
        == trigger_oids
    )
    assert watched_connection.execute("select * from gateway.event_horizon").fetchall() == horizon
    assert len(load_events(watched_connection)) == 600
    assert load_trigger_status(watched_connection) == INSTALLED


def test_a_function_of_another_version_is_replaced(
    watched_connection: psycopg.Connection[Any],
) -> None:
    watched_connection.execute(
        "create or replace function gateway.note_marketplace_event() returns trigger"
        " language plpgsql as $$ begin return null; end $$;"
        "comment on function gateway.note_marketplace_event() is 'another'"
    )
    status = load_trigger_status(watched_connection)
    assert status == TriggerStatus(is_complete=True, is_current=False, is_readable=True)
    assert status.installed_version == "another"
    message = explain_source(status, "auto")
    assert "version another" in message
    assert triggers.FUNCTION_VERSION in message
    install_triggers(watched_connection)
    watched_connection.execute("update marketplace_resource set state = state + 1")
    assert load_trigger_status(watched_connection) == INSTALLED
    assert len(load_events(watched_connection)) == 600


@pytest.mark.parametrize(
    "break_sql",
    ["drop trigger gateway_delete on", "alter table {} disable trigger gateway_update"],
)
def test_reinstall_repairs_triggers_and_moves_horizon(
    watched_connection: psycopg.Connection[Any], break_sql: str
) -> None:
    watched_connection.execute("update gateway.event_horizon set xid = '0'")
    table = "marketplace_resource"
    watched_connection.execute(
        (break_sql.format(table) if "{" in break_sql else f"{break_sql} {table}").encode()
    )
    assert load_trigger_status(watched_connection).is_complete is False
    install_triggers(watched_connection)
    assert load_trigger_status(watched_connection) == INSTALLED
    horizon_sql = "select xid > '0' from gateway.event_horizon"
    assert watched_connection.execute(horizon_sql).fetchone() == (True,)


def test_uninstalling_leaves_nothing(watched_connection: psycopg.Connection[Any]) -> None:
    for _ in range(2):
        uninstall_triggers(watched_connection)
        assert load_trigger_status(watched_connection) == NOT_INSTALLED
        assert watched_connection.execute(COUNT_TRIGGERS_SQL.encode()).fetchone() == (0,)
        schema_sql = "select from pg_namespace where nspname = 'gateway'"
        assert watched_connection.execute(schema_sql.encode()).fetchall() == []


def test_uninstalling_keeps_other_objects_of_the_schema(
    watched_connection: psycopg.Connection[Any],
) -> None:
    watched_connection.execute("create table gateway.other ()")
    uninstall_triggers(watched_connection)
    assert load_trigger_status(watched_connection) == NOT_INSTALLED
    assert watched_connection.execute("select * from gateway.other").fetchall() == []


def test_listed_grants_suffice_to_install(waldur_url: str, roles: list[str]) -> None:
    installer, writer = roles
    with (
        psycopg.connect(waldur_url, autocommit=True) as root,
        connect_as(waldur_url, installer) as connection,
        connect_as(waldur_url, writer) as writer_connection,
    ):
        message = str(expect_install_error(connection))
        assert 'with the database URL of "postgres", who owns the tables' in message
        grants = re.findall(r"GRANT [^;]+", message)
        assert len(grants) == 2
        for grant in grants:
            expect_install_error(connection)
            root.execute(grant.encode())
        install_triggers(connection)
        assert load_trigger_status(connection) == INSTALLED
        assert load_trigger_status(writer_connection) == TriggerStatus(
            is_complete=True, is_current=True, is_readable=False
        )
        writer_connection.execute("update marketplace_resource set name = name || 'x'")
        assert len(load_events(connection)) == 600
        with pytest.raises(EventSourceError):
            uninstall_triggers(writer_connection)
        uninstall_triggers(connection)
        assert load_trigger_status(connection) == NOT_INSTALLED


def expect_install_error(connection: psycopg.Connection[Any]) -> EventSourceError:
    """Return the error of an installation without privileges, which leaves nothing behind."""
    with pytest.raises(EventSourceError) as raised:
        install_triggers(connection)
    assert load_trigger_status(connection) == NOT_INSTALLED
    return raised.value


def test_other_roles_may_not_attach_the_function(waldur_url: str, roles: list[str]) -> None:
    with psycopg.connect(waldur_url) as connection:
        connection.execute("select 1")
        install_triggers(connection)
        connection.execute(f"grant usage on schema gateway to {roles[1]}".encode())
        connection.execute(f"set local role {roles[1]}".encode())
        connection.execute("create temporary table mine (id int)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(
                "create trigger forged after insert on mine"
                " execute function gateway.note_marketplace_event()"
            )
        connection.rollback()


def test_waldur_migrations_keep_triggers(
    watched_connection: psycopg.Connection[Any],
) -> None:
    watched_connection.execute("update marketplace_resource set name = 'before'")
    watched_connection.execute("set constraints all immediate")
    watched_connection.execute(MIGRATION_SQL)
    watched_connection.execute("update marketplace_resource set state = state + 1")
    assert load_trigger_status(watched_connection) == INSTALLED
    assert len(load_events(watched_connection)) == 1200


def test_trigger_error_does_not_break_write(watched_connection: psycopg.Connection[Any]) -> None:
    notices: list[str] = []
    watched_connection.add_notice_handler(
        lambda notice: notices.append(str(notice.message_primary))
    )
    id_ = find_leaf_resource(watched_connection)[0]
    watched_connection.execute("drop table gateway.marketplace_event")
    watched_connection.execute(
        "update marketplace_resource set name = 'saved' where id = %s", [id_]
    )
    cursor = watched_connection.execute(
        "select name from marketplace_resource where id = %s", [id_]
    )
    assert cursor.fetchone() == ("saved",)
    assert len(notices) == 1
    assert "an event of marketplace_resource is lost" in notices[0]
    assert load_trigger_status(watched_connection).is_complete is False


def test_database_without_resources_is_rejected(empty_database: str) -> None:
    with psycopg.connect(empty_database) as connection:
        with pytest.raises(EventSourceError, match="marketplace_resource"):
            install_triggers(connection)
        connection.execute("create view marketplace_resource as select 1 id")
        with pytest.raises(EventSourceError, match="marketplace_resource"):
            install_triggers(connection)


def test_install_times_out_on_busy_table(waldur_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(triggers, "_LOCK_ATTEMPTS", 2)
    with psycopg.connect(waldur_url) as busy_connection, psycopg.connect(waldur_url) as connection:
        busy_connection.execute("update marketplace_resource set name = 'x'")
        with pytest.raises(EventSourceError, match="try again"):
            install_triggers(connection)
        busy_connection.rollback()
