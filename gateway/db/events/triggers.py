"""Source of events in the database: triggers on the tracked tables that write to an event table.

The schema `gateway` with these is all that the gateway ever adds to Waldur's
database, and only if an operator runs `gateway events install`. They do not affect
Waldur:

* The function is SECURITY DEFINER, so that Waldur's role needs no privileges on the
  schema. That is safe: its only arguments are the rows and the type of object, it runs no
  dynamic SQL, qualifies its tables with their schema, resolves all other names in `pg_catalog`
  only, where only superusers create objects, and other roles can't attach it to
  a table of their own, as they lack EXECUTE.
* One function serves all tables: what differs between them is generated from `TRACKED_TABLES`
  into its text. So another version of it replaces the function only, without a lock on a table
  of Waldur.
* It records the names of all changed columns except untracked ones, also of those that
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

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from time import sleep
from typing import Any
from uuid import uuid4

import psycopg
from psycopg import errors

from gateway.db.driver.database import Rows
from gateway.db.driver.statement import Statement
from gateway.db.events.tracked_tables import TRACKED_TABLES, TrackedTable
from gateway.db.tables.codes import EventKind

NOTIFY_CHANNEL = "gateway_marketplace_event"
"""Channel that is notified, without a payload, when events were written."""
_INSTALL_LOCK_KEY = 0x6761_7466
_LOCK_TIMEOUT, _LOCK_ATTEMPTS, _LOCK_RETRY_SECONDS = "300ms", 15, 0.05
"""Longest wait for a lock on a tracked table; number of attempts, and seconds between them.

Later writers wait behind us as long.
"""

_TABLES_SQL = """
create table if not exists gateway.marketplace_event (
    xid xid8 not null default pg_current_xact_id(),
    id bigint generated always as identity,
    object_type text not null,
    object_uuid text,
    kind text not null,
    row_before jsonb,
    row_after jsonb,
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
"""The primary key is the only index: events are read and deleted in the order (xid, id).

`row_before` and `row_after` hold the recorded columns; null where the row did not exist.
"""
_DROP_EARLIER_SQL = """
drop function if exists gateway.note_resource_event() cascade;
drop table if exists gateway.resource_event
"""
"""Drops the triggers and the table of earlier gateways, which had events of resources only."""


def _build_case(build_expression: Callable[[TrackedTable], str]) -> str:
    """Return SQL that selects an expression by the type of object, the trigger's argument."""
    branches = " ".join(
        f"when '{name}' then {build_expression(tracked_table)}"
        for name, tracked_table in TRACKED_TABLES.items()
    )
    return f"case tg_argv[0] {branches} end"


def _build_untracked_array(tracked_table: TrackedTable) -> str:
    return f"'{{{','.join(sorted(tracked_table.untracked_columns))}}}'::text[]"


def _build_recorded_object(row: str) -> str:
    """Return SQL of the recorded columns of `row`, a variable of the function; null without it."""

    def build_object(tracked_table: TrackedTable) -> str:
        pairs = ", ".join(f"'{name}', {row} -> '{name}'" for name in tracked_table.recorded_columns)
        return f"jsonb_build_object({pairs})"

    return f"case when {row} is not null then {_build_case(build_object)} end"


_FUNCTION_SQL = f"""
create or replace function gateway.note_marketplace_event() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    before jsonb;
    after jsonb;
    untracked text[] := {_build_case(_build_untracked_array)};
    changed_columns text[] := '{{}}';
    event_kind text := case tg_op
        when 'INSERT' then '{EventKind.CREATED}' else '{EventKind.DELETED}' end;
begin  -- only errors below are caught: declarations must not fail
    before := to_jsonb(old);
    after := to_jsonb(new);
    if tg_op = 'UPDATE' then
        if before - untracked = after - untracked then
            return null;  -- most saves, and quicker than a comparison of each column
        end if;
        changed_columns := array(
            select name from jsonb_object_keys(after) name
            where before -> name is distinct from after -> name and name <> all(untracked)
        );
        event_kind := case when 'state' = any(changed_columns)
            then '{EventKind.STATE_CHANGED}' else '{EventKind.UPDATED}' end;
    end if;
    insert into gateway.marketplace_event (
        object_type, object_uuid, kind, row_before, row_after, changed
    ) values (
        tg_argv[0], coalesce(after, before) ->> 'uuid', event_kind,
        {_build_recorded_object("before")}, {_build_recorded_object("after")}, changed_columns
    );
    perform pg_notify('{NOTIFY_CHANNEL}', '');
    return null;
exception when others then
    raise warning 'gateway: an event of % is lost: %', tg_table_name, sqlerrm;
    return null;
end $$;
revoke all on function gateway.note_marketplace_event() from public
"""  # noqa: S608 - made from constants

FUNCTION_VERSION = sha256(_FUNCTION_SQL.encode()).hexdigest()[:16]
"""Version of the function: a hash of its text, stored as the comment on it in the database.

The text has no list of the published columns, so it stays the same when one is added.
"""


def _build_triggers(tracked_table: TrackedTable) -> str:
    table = tracked_table.table.name
    call = f"gateway.note_marketplace_event('{tracked_table.object_type}')"
    return f"""
create trigger gateway_insert after insert on {table} for each row execute function {call};
create trigger gateway_update after update on {table}
    for each row when (old.* is distinct from new.*) execute function {call};
create trigger gateway_delete after delete on {table} for each row execute function {call}
"""


_TRIGGERS_SQL = ";".join(map(_build_triggers, TRACKED_TABLES.values()))
_TABLE_NAMES = tuple(each.table.name for each in TRACKED_TABLES.values())

_HORIZON_SQL = """
insert into gateway.event_horizon (xid, id) values (pg_snapshot_xmin(pg_current_snapshot()), 0)
on conflict (one) do update set xid = excluded.xid, id = excluded.id
"""
"""Sets the horizon to the installation of the triggers: earlier events are not known."""


def _build_comment_sql() -> str:
    """Return a statement that stores the random id of an installation (`source_watch`)."""
    return f"comment on table gateway.event_horizon is 'installation {uuid4()}'"


STATUS_STATEMENT = Statement(f"""
select
    count(*) filter (where trig.tgenabled in ('O', 'A')) = {3 * len(_TABLE_NAMES)},
    max(obj_description(proc.oid, 'pg_proc')),
    coalesce(bool_and(has_table_privilege(proc.proowner, event_table.oid, 'insert')
        and horizon.oid is not null), false),
    coalesce(bool_and(has_schema_privilege(namespace.oid, 'usage')
        and has_table_privilege(event_table.oid, 'select')
        and has_table_privilege(horizon.oid, 'select')), false)
from pg_proc proc
join pg_namespace namespace on namespace.oid = proc.pronamespace and namespace.nspname = 'gateway'
left join pg_trigger trig on trig.tgfoid = proc.oid
    and trig.tgrelid in ({", ".join(f"to_regclass('{name}')" for name in _TABLE_NAMES)})
left join pg_class event_table on event_table.relnamespace = namespace.oid
    and event_table.relname = 'marketplace_event'
left join pg_class horizon on horizon.relnamespace = namespace.oid
    and horizon.relname = 'event_horizon'
where proc.proname = 'note_marketplace_event'
""")  # noqa: S608 - made from constants
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

    Triggers that have another version are replaced; so is the event table of earlier gateways,
    whose events are dropped. Raises EventSourceError if the role lacks privileges, the database
    has no marketplace, or a table is locked for too long.
    """
    run_with_locks(connection, replace_triggers)


def replace_triggers(connection: psycopg.Connection[Any]) -> None:
    """Install the event table and the triggers, in the transaction of `run_with_locks`."""
    if not _has_schema(connection):
        connection.execute("create schema gateway")
    status = load_trigger_status(connection)
    if status.is_complete and status.is_current:
        return
    if not status.is_complete:
        connection.execute("drop function if exists gateway.note_marketplace_event() cascade")
    statements = [
        _DROP_EARLIER_SQL,
        _TABLES_SQL,
        _FUNCTION_SQL,
        *([] if status.is_complete else [_TRIGGERS_SQL, _HORIZON_SQL, _build_comment_sql()]),
        f"comment on function gateway.note_marketplace_event() is '{FUNCTION_VERSION}'",
    ]
    connection.execute(";\n".join(statements).encode())


def uninstall_triggers(connection: psycopg.Connection[Any]) -> None:
    """Remove the triggers and tables, and the schema `gateway` if it is empty then.

    Raises EventSourceError if the role lacks privileges, or a table is locked for too long.
    """
    run_with_locks(connection, drop_triggers)


def drop_triggers(connection: psycopg.Connection[Any]) -> None:
    """Remove the triggers and tables, in the transaction of `run_with_locks`."""
    if not _has_schema(connection):
        return
    # CASCADE drops the triggers, too: dropping them directly takes the owner of the tables.
    connection.execute("drop function if exists gateway.note_marketplace_event() cascade")
    connection.execute("drop table if exists gateway.marketplace_event, gateway.event_horizon")
    connection.execute(_DROP_EARLIER_SQL)
    try:
        with connection.transaction():
            connection.execute("drop schema gateway")
    except errors.DependentObjectsStillExist:
        return  # `gateway init` creates other tables in it


def _has_schema(connection: psycopg.Connection[Any]) -> bool:
    cursor = connection.execute("select 1 from pg_namespace where nspname = 'gateway'")
    return cursor.rowcount > 0


def run_with_locks(
    connection: psycopg.Connection[Any], change: Callable[[psycopg.Connection[Any]], None]
) -> None:
    """Run a change in a transaction, again while tables of Waldur are locked by others.

    **No deadlock.** The change locks several tables, one after the other, and a transaction of
    Waldur may lock them in another order. It then waits for us; PostgreSQL looks for a deadlock
    after a second (`deadlock_timeout`) and ends the transaction that waited so long. Before that
    our own wait has timed out, and the rollback has released all our locks.

    Raises EventSourceError like `install_triggers`.
    """
    for _ in range(_LOCK_ATTEMPTS):
        try:
            with _locked_transaction(connection):
                return change(connection)
        except errors.LockNotAvailable:
            sleep(_LOCK_RETRY_SECONDS)
    raise EventSourceError(
        f"Other transactions kept {', '.join(_TABLE_NAMES)} locked during {_LOCK_ATTEMPTS} "
        "attempts: try again."
    )


@contextmanager
def _locked_transaction(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Run a transaction under an advisory lock, with a short lock time-out for Waldur's sake."""
    try:
        with connection.transaction():
            connection.execute("select pg_advisory_xact_lock(%s)", [_INSTALL_LOCK_KEY])
            connection.execute(f"set local lock_timeout = '{_LOCK_TIMEOUT}'".encode())
            yield
    except errors.InsufficientPrivilege as error:
        raise EventSourceError(_describe_missing_grants(connection, error)) from error
    except (errors.UndefinedTable, errors.WrongObjectType) as error:
        raise EventSourceError(
            f"The event triggers can't be installed: {error.diag.message_primary}."
        ) from error


def _describe_missing_grants(connection: psycopg.Connection[Any], error: psycopg.Error) -> str:
    role, database = connection.info.user, connection.info.dbname
    owner = _find_table_owner(connection)
    advice = "It needs"
    if owner not in (role, None):
        advice = (
            f'Run the command with the database URL of "{owner}", who owns the tables. '
            "Otherwise it needs"
        )
    return (
        f"The database role lacks privileges to change the event triggers "
        f"({error.diag.message_primary}). {advice}: "
        f'GRANT CREATE ON DATABASE "{database}" TO "{role}"; '
        f'GRANT TRIGGER ON {", ".join(_TABLE_NAMES)} TO "{role}"; '
        "objects of another role in the schema gateway can be changed by that role only."
    )


def _find_table_owner(connection: psycopg.Connection[Any]) -> str | None:
    """Return the owner of the first of the tables; None if it does not exist."""
    statement = "select pg_get_userbyid(relowner) from pg_class where oid = to_regclass(%s)"
    row = connection.execute(statement, [_TABLE_NAMES[0]]).fetchone()
    return row and str(row[0])
