"""Source of events in the database: triggers on the resources that write to an event table.

The schema `gateway` with these is all that the gateway ever adds to Waldur's
database, and only if an operator runs `gateway events install`. They do not affect
Waldur:

* The function is SECURITY DEFINER, so that Waldur's role needs no privileges on the
  schema. That is safe: its only arguments are the rows, it runs no dynamic SQL,
  qualifies its tables with their schema, resolves all other names in `pg_catalog`
  only, where only superusers create objects, and other roles can't attach it to
  a table of their own, as they lack EXECUTE.
* It records the names of all changed columns except `UNTRACKED_COLUMNS`, also of those that
  the gateway does not publish; the feed leaves these out. So a column that is published later
  needs no other function.
* It refers to columns only as keys of JSON, and the triggers refer to none. PostgreSQL
  refuses `alter column type` on a column that a trigger refers to, and Django drops
  columns with CASCADE, which would drop such triggers; so column names in WHEN or
  UPDATE OF are impossible. A column that this Waldur lacks is null.
* An error in it is a warning and never fails Waldur's write. For updates of single
  rows that costs nothing measurable; for one of 10,000 rows, which then has as many
  subtransactions, at most 10 %.
* It is a row-level trigger: a statement-level one with transition tables took 100
  times as long for 10,000 rows, since the planner has no statistics of these tables.

Triggers do not fire on TRUNCATE, nor on writes with `session_replication_role` set
to `replica`. A transaction that has notified can't be prepared (PREPARE TRANSACTION).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from uuid import uuid4

import psycopg
from psycopg import errors

from gateway.db import tables
from gateway.db.driver.database import Rows
from gateway.db.driver.statement import Statement
from gateway.db.tables.codes import ResourceEventKind

NOTIFY_CHANNEL = "gateway_resource_event"
"""Channel that is notified, without a payload, when events were written."""
UNTRACKED_COLUMNS = frozenset({"id", "uuid", "created", "modified", "last_sync"})
"""Columns of a resource whose change is not an event: its keys, and times of maintenance.

Waldur writes `modified` with each save and `last_sync` with each report of an
agent, whether something changed or not. Another set takes another function in the
database. Of columns that hold secrets (`attributes`) an event reports only that they
changed, never a value.
"""
PUBLISHED_COLUMNS = frozenset(each.name for each in tables.resource.c) - UNTRACKED_COLUMNS
"""Columns of a resource whose change is published: fields of the type Resource are made from them.

Waldur's table may have others; an update of these only is recorded but not delivered.
"""
_INSTALL_LOCK_KEY = 0x6761_7466
_LOCK_TIMEOUT = "5s"
"""Longest wait for a lock on the resources; later writers wait behind us as long."""

_TABLES_SQL = """
create table if not exists gateway.resource_event (
    xid xid8 not null default pg_current_xact_id(),
    id bigint generated always as identity,
    resource_id integer,
    resource_uuid text,
    kind text not null,
    old_state integer,
    new_state integer,
    project_id_before integer,
    project_id_after integer,
    offering_id_before integer,
    offering_id_after integer,
    changed text[] not null,
    at timestamptz not null default clock_timestamp(),
    primary key (xid, id)
);
create table if not exists gateway.event_horizon (
    xid xid8 not null,
    id bigint not null,
    one boolean primary key default true check (one)
)
"""
"""The primary key is the only index: events are read and deleted in the order (xid, id)."""

_UNTRACKED_ARRAY_SQL = f"'{{{','.join(sorted(UNTRACKED_COLUMNS))}}}'::text[]"
_FUNCTION_SQL = f"""
create or replace function gateway.note_resource_event() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    before jsonb;
    after jsonb;
    changed_columns text[] := '{{}}';
    event_kind text := case tg_op
        when 'INSERT' then '{ResourceEventKind.CREATED}' else '{ResourceEventKind.DELETED}' end;
begin  -- only errors below are caught: declarations must not fail
    before := to_jsonb(old);
    after := to_jsonb(new);
    if tg_op = 'UPDATE' then
        if before - {_UNTRACKED_ARRAY_SQL} = after - {_UNTRACKED_ARRAY_SQL} then
            return null;  -- most saves, and quicker than a comparison of each column
        end if;
        changed_columns := array(
            select name from jsonb_object_keys(after) name
            where before -> name is distinct from after -> name
                and name <> all({_UNTRACKED_ARRAY_SQL})
        );
        event_kind := case when 'state' = any(changed_columns)
            then '{ResourceEventKind.STATE_CHANGED}' else '{ResourceEventKind.UPDATED}' end;
    end if;
    insert into gateway.resource_event (
        resource_id, resource_uuid, kind, old_state, new_state, project_id_before,
        project_id_after, offering_id_before, offering_id_after, changed
    ) values (
        (coalesce(after, before) ->> 'id')::integer, coalesce(after, before) ->> 'uuid',
        event_kind, (before ->> 'state')::integer, (after ->> 'state')::integer,
        (before ->> 'project_id')::integer, (after ->> 'project_id')::integer,
        (before ->> 'offering_id')::integer, (after ->> 'offering_id')::integer,
        changed_columns
    );
    perform pg_notify('{NOTIFY_CHANNEL}', '');
    return null;
exception when others then
    raise warning 'gateway: an event of a resource is lost: %', sqlerrm;
    return null;
end $$;
revoke all on function gateway.note_resource_event() from public
"""  # noqa: S608 - made from constants

FUNCTION_VERSION = sha256(_FUNCTION_SQL.encode()).hexdigest()[:16]
"""Version of the function: a hash of its text, stored as the comment on it in the database.

The text has no list of the published columns, so it stays the same when one is added.
"""

_TRIGGERS_SQL = """
create trigger gateway_insert after insert on marketplace_resource
    for each row execute function gateway.note_resource_event();
create trigger gateway_update after update on marketplace_resource
    for each row when (old.* is distinct from new.*)
    execute function gateway.note_resource_event();
create trigger gateway_delete after delete on marketplace_resource
    for each row execute function gateway.note_resource_event()
"""

_HORIZON_SQL = """
insert into gateway.event_horizon (xid, id) values (pg_snapshot_xmin(pg_current_snapshot()), 0)
on conflict (one) do update set xid = excluded.xid, id = excluded.id
"""
"""Sets the horizon to the installation of the triggers: earlier events are not known."""


def _build_comment_sql() -> str:
    """Return a statement that stores the random id of an installation (`source_watch`)."""
    return f"comment on table gateway.event_horizon is 'installation {uuid4()}'"


STATUS_STATEMENT = Statement("""
select
    count(*) filter (where trig.tgenabled in ('O', 'A')) = 3,
    max(obj_description(proc.oid, 'pg_proc')),
    coalesce(bool_and(has_table_privilege(proc.proowner, event_table.oid, 'insert')
        and horizon.oid is not null), false),
    coalesce(bool_and(has_schema_privilege(namespace.oid, 'usage')
        and has_table_privilege(event_table.oid, 'select')
        and has_table_privilege(horizon.oid, 'select')), false)
from pg_proc proc
join pg_namespace namespace on namespace.oid = proc.pronamespace and namespace.nspname = 'gateway'
left join pg_trigger trig on trig.tgfoid = proc.oid
    and trig.tgrelid = to_regclass('marketplace_resource')
left join pg_class event_table on event_table.relnamespace = namespace.oid
    and event_table.relname = 'resource_event'
left join pg_class horizon on horizon.relnamespace = namespace.oid
    and horizon.relname = 'event_horizon'
where proc.proname = 'note_resource_event'
""")
"""Selects the status of the triggers; needs no privileges."""


class EventSourceError(Exception):
    """The event source is not available; the message says how to repair that."""


@dataclass(frozen=True)
class TriggerStatus:
    """Status of the event triggers in a database."""

    is_complete: bool
    """Whether the tables and all triggers exist, none is disabled, and they can write events."""
    is_current: bool
    """Whether the function is of this version of the gateway."""
    is_readable: bool
    """Whether the database role may read the event tables."""
    installed_version: str | None = field(default=None, compare=False)
    """Version of the installed function; None without one."""


def load_trigger_status(connection: psycopg.Connection[Any]) -> TriggerStatus:
    """Return the status of the triggers; needs no privileges."""
    return parse_trigger_status(connection.execute(STATUS_STATEMENT.sql.encode()).fetchall())


def parse_trigger_status(rows: Rows) -> TriggerStatus:
    """Return the status in the rows of `STATUS_STATEMENT`."""
    ((has_triggers, version, has_table, is_readable),) = rows
    is_current = version == FUNCTION_VERSION
    return TriggerStatus(has_triggers and has_table, is_current, is_readable, version)


def install_triggers(connection: psycopg.Connection[Any]) -> None:
    """Install the event table and the triggers; does nothing if they are current.

    Triggers that have another version are replaced. Raises EventSourceError if the role lacks
    privileges, the database has no resources, or their table is locked for too long.
    """
    with _locked_transaction(connection):
        if not connection.execute("select 1 from pg_namespace where nspname = 'gateway'").rowcount:
            connection.execute("create schema gateway")
        status = load_trigger_status(connection)
        if status.is_complete and status.is_current:
            return
        if not status.is_complete:
            connection.execute("drop function if exists gateway.note_resource_event() cascade")
        statements = [
            _TABLES_SQL,
            _FUNCTION_SQL,
            *([] if status.is_complete else [_TRIGGERS_SQL, _HORIZON_SQL, _build_comment_sql()]),
        ]
        statements.append(
            f"comment on function gateway.note_resource_event() is '{FUNCTION_VERSION}'"
        )
        connection.execute(";\n".join(statements).encode())


def uninstall_triggers(connection: psycopg.Connection[Any]) -> None:
    """Remove the triggers and tables, and the schema `gateway` if it is empty then.

    Raises EventSourceError if the role lacks privileges.
    """
    with _locked_transaction(connection):
        if not connection.execute("select 1 from pg_namespace where nspname = 'gateway'").rowcount:
            return
        # CASCADE drops the triggers, too: dropping them directly takes the owner of the resources.
        connection.execute("drop function if exists gateway.note_resource_event() cascade")
        connection.execute("drop table if exists gateway.resource_event, gateway.event_horizon")
        try:
            with connection.transaction():
                connection.execute("drop schema gateway")
        except errors.DependentObjectsStillExist:
            return  # `gateway init` creates other tables in it


@contextmanager
def _locked_transaction(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Run a transaction under an advisory lock, with a short lock time-out for Waldur's sake."""
    try:
        with connection.transaction():
            connection.execute(f"set local lock_timeout = '{_LOCK_TIMEOUT}'".encode())
            connection.execute("select pg_advisory_xact_lock(%s)", [_INSTALL_LOCK_KEY])
            yield
    except errors.InsufficientPrivilege as error:
        raise EventSourceError(_describe_missing_grants(connection, error)) from error
    except (errors.UndefinedTable, errors.WrongObjectType) as error:
        raise EventSourceError(
            f"The event triggers can't be installed: {error.diag.message_primary}."
        ) from error
    except errors.LockNotAvailable as error:
        raise EventSourceError(
            f"Other transactions have locked the resources for over {_LOCK_TIMEOUT}: try again."
        ) from error


def _describe_missing_grants(connection: psycopg.Connection[Any], error: psycopg.Error) -> str:
    role, database = connection.info.user, connection.info.dbname
    return (
        f"The database role lacks privileges to change the event triggers "
        f"({error.diag.message_primary}). It needs: "
        f'GRANT CREATE ON DATABASE "{database}" TO "{role}"; '
        f'GRANT TRIGGER ON marketplace_resource TO "{role}"; '
        "objects of another role in the schema gateway can be changed by that role only."
    )
