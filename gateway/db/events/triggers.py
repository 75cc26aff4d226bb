"""The source of events in the database: a table that triggers on the resources write to.

Both are the gateway's own, and all that it ever adds to a Waldur's database,
where an operator asks for them. Waldur works on as if they were not there:

* The function runs as who installed it (SECURITY DEFINER), so that Waldur's role
  needs no rights to the schema. That is safe: it takes no argument but the rows,
  runs no text as SQL, names its tables with their schema, looks up all else in
  `pg_catalog` alone, where nobody but a superuser makes anything, and nobody else may
  attach it to a table of their own, which takes EXECUTE.
* It names no column but as a key of JSON, and its triggers none at all. PostgreSQL
  refuses `alter column type` of a column that a trigger names, and Django drops a
  column with CASCADE, and with it such triggers; so neither WHEN nor UPDATE OF can
  be used. A column that this Waldur lacks is null.
* What goes wrong in it is a warning, and never breaks Waldur's write. Of single
  updates that costs nothing that could be measured; of one of 10,000 rows, which
  then has as many subtransactions, at most a tenth.
* It is called for each row: one that is called for a statement, with all its rows
  in tables of transition, took 100 times as long over 10,000 rows, since PostgreSQL
  knows nothing of such tables when it plans.

No trigger sees TRUNCATE, nor what is written with `session_replication_role`
set to `replica`. A transaction that notified can't be prepared (PREPARE TRANSACTION).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import psycopg
from psycopg import errors

from gateway.db import tables

NOTIFY_CHANNEL = "gateway_resource_event"
"""What is notified, with nothing in it, when events were written."""
UNTRACKED_COLUMNS = frozenset({"id", "uuid", "created", "modified", "last_sync"})
"""The columns of a resource that are no change to tell of: its names, and when it was looked after.

A Waldur writes `modified` with each save and `last_sync` with each look of an
agent, whether they found anything or not. All others that we know are what the
type Resource shows, or what it is made from; of those that hold secrets
(`attributes`) an event says that they changed, and never what they hold.
"""
TRACKED_COLUMNS = tuple(
    each.name for each in tables.resource.c if each.name not in UNTRACKED_COLUMNS
)
"""The columns of a resource whose change is an event."""
_INSTALL_LOCK_KEY = 0x6761_7466
_LOCK_TIMEOUT = "5s"
"""How long to wait for who writes resources; who comes after us waits as long."""

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
"""One index serves all: events are read, and in the end removed, in the order (xid, id)."""

_TRACKED_ARRAY_SQL, _UNTRACKED_ARRAY_SQL = (
    f"'{{{','.join(sorted(names))}}}'::text[]" for names in (TRACKED_COLUMNS, UNTRACKED_COLUMNS)
)
_FUNCTION_SQL = f"""
create or replace function gateway.note_resource_event() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    before jsonb;
    after jsonb;
    changes text[] := '{{}}';
    what text := case tg_op when 'INSERT' then 'CREATED' else 'DELETED' end;
begin
    before := to_jsonb(old);
    after := to_jsonb(new);
    if tg_op = 'UPDATE' then
        if before - {_UNTRACKED_ARRAY_SQL} = after - {_UNTRACKED_ARRAY_SQL} then
            return null;  -- most saves, and quicker than to look at each column
        end if;
        changes := array(
            select name from unnest({_TRACKED_ARRAY_SQL}) name
            where before -> name is distinct from after -> name
        );
        if changes = '{{}}' then
            return null;
        end if;
        what := case when 'state' = any(changes) then 'STATE_CHANGED' else 'UPDATED' end;
    end if;
    insert into gateway.resource_event (
        resource_id, resource_uuid, kind, old_state, new_state, project_id_before,
        project_id_after, offering_id_before, offering_id_after, changed
    ) values (
        (coalesce(after, before) ->> 'id')::integer, coalesce(after, before) ->> 'uuid', what,
        (before ->> 'state')::integer, (after ->> 'state')::integer,
        (before ->> 'project_id')::integer, (after ->> 'project_id')::integer,
        (before ->> 'offering_id')::integer, (after ->> 'offering_id')::integer, changes
    );
    perform pg_notify('{NOTIFY_CHANNEL}', '');
    return null;
exception when others then
    raise warning 'gateway: an event of a resource is lost: %', sqlerrm;
    return null;
end $$;
revoke all on function gateway.note_resource_event() from public
"""  # noqa: S608 - of our own names

_VERSION_MARK = sha256(_FUNCTION_SQL.encode()).hexdigest()[:16]
"""What the function's comment says, so that one of another version is known."""

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
"""What happened before there were triggers is not known."""

_STATUS_SQL = """
select
    count(*) filter (where made.tgenabled in ('O', 'A')) = 3,
    coalesce(bool_and(obj_description(done.oid, 'pg_proc') = %s), false),
    count(kept.oid) > 0,
    coalesce(bool_and(has_schema_privilege(space.oid, 'usage')
        and has_table_privilege(kept.oid, 'select')), false)
from pg_proc done
join pg_namespace space on space.oid = done.pronamespace and space.nspname = 'gateway'
left join pg_trigger made on made.tgfoid = done.oid
    and made.tgrelid = to_regclass('marketplace_resource')
left join pg_class kept on kept.relnamespace = space.oid and kept.relname = 'resource_event'
where done.proname = 'note_resource_event'
"""


class EventSourceError(Exception):
    """The source of events can't be had; the text says what to do."""


@dataclass(frozen=True)
class TriggerStatus:
    """What a database has of the source of events."""

    is_complete: bool
    """Whether all triggers are there, and none is switched off."""
    is_current: bool
    """Whether they write as this version has them write."""
    is_readable: bool
    """Whether the database's role may read what they write."""


def load_trigger_status(connection: psycopg.Connection[Any]) -> TriggerStatus:
    """Tell what there is of the source; any role may look."""
    row = connection.execute(_STATUS_SQL, [_VERSION_MARK]).fetchone()
    has_triggers, is_current, has_table, is_readable = row or (False, False, False, False)
    return TriggerStatus(has_triggers and has_table, is_current, is_readable)


def install_triggers(connection: psycopg.Connection[Any]) -> None:
    """Have all changes of resources written down from now on; once more does nothing.

    What another version installed is replaced. SourceError if the role may not.
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
            *([] if status.is_complete else [_TRIGGERS_SQL, _HORIZON_SQL]),
        ]
        statements.append(f"comment on function gateway.note_resource_event() is '{_VERSION_MARK}'")
        connection.execute(";\n".join(statements).encode())


def uninstall_triggers(connection: psycopg.Connection[Any]) -> None:
    """Remove the source, and the schema if nothing else is in it; SourceError if not ours."""
    with _locked_transaction(connection):
        if not connection.execute("select 1 from pg_namespace where nspname = 'gateway'").rowcount:
            return
        # Whoever owns the function may drop its triggers; else that takes the table's owner.
        connection.execute("drop function if exists gateway.note_resource_event() cascade")
        connection.execute("drop table if exists gateway.resource_event, gateway.event_horizon")
        try:
            with connection.transaction():
                connection.execute("drop schema gateway")
        except errors.DependentObjectsStillExist:
            return  # a marketplace that `gateway init` made has more in it


@contextmanager
def _locked_transaction(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Do all or nothing, alone, and without holding up Waldur for long."""
    try:
        with connection.transaction():
            connection.execute(f"set local lock_timeout = '{_LOCK_TIMEOUT}'".encode())
            connection.execute("select pg_advisory_xact_lock(%s)", [_INSTALL_LOCK_KEY])
            yield
    except errors.InsufficientPrivilege as error:
        raise EventSourceError(_describe_missing_grants(connection, error)) from error
    except (errors.UndefinedTable, errors.WrongObjectType) as error:
        raise EventSourceError(
            f"There is nothing to watch: {error.diag.message_primary}."
        ) from error
    except errors.LockNotAvailable as error:
        raise EventSourceError(
            f"Others write resources, or hold them, for over {_LOCK_TIMEOUT}: try again."
        ) from error


def _describe_missing_grants(connection: psycopg.Connection[Any], error: psycopg.Error) -> str:
    role, database = connection.info.user, connection.info.dbname
    return (
        f"The database's role may not change the source of events "
        f"({error.diag.message_primary}). It needs: "
        f'GRANT CREATE ON DATABASE "{database}" TO "{role}"; '
        f'GRANT TRIGGER ON marketplace_resource TO "{role}"; '
        "and what another role made in the schema gateway, only that role can change."
    )
