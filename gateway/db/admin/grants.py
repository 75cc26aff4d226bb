"""Privileges that the gateway's database role needs, as GRANT statements.

The role reads the declared tables that this version of Waldur has. Of tables with secret columns,
such as the hashes of passwords, it reads the other columns only. After `gateway events install`
it reads and deletes events, too.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import psycopg
from psycopg.sql import SQL, Composable, Identifier
from psycopg.types.json import Json

from gateway.db import tables
from gateway.db.installation.installation import NoMarketplaceError
from gateway.db.tables.columns import is_secret

OWN_SCHEMA = "gateway"
OWN_TABLE_PRIVILEGES: Mapping[str, str] = {
    "marketplace_event": "SELECT, UPDATE, DELETE",
    "event_horizon": "SELECT, UPDATE, DELETE",
    "idempotency_key": "SELECT, INSERT, UPDATE, DELETE",
}
"""Privileges on the tables of `gateway events install`, as far as they exist."""

DEFAULT_ROLE = "gateway_reader"
_MARKER_TABLE = "marketplace_resource"
_COLUMNS_SQL = """
select nsp.nspname, rel.relname, att.attname,
    coalesce(has_column_privilege(role.oid, rel.oid, att.attnum, 'select'), false)
from pg_class rel join pg_namespace nsp on nsp.oid = rel.relnamespace
join pg_attribute att on att.attrelid = rel.oid and att.attnum > 0 and not att.attisdropped
left join pg_roles role on role.rolname = %(role)s
where rel.relkind in ('r', 'p', 'v', 'm', 'f') and rel.relname = any(%(tables)s)
    and nsp.nspname = (
        select place.nspname from pg_class marker
        join pg_namespace place on place.oid = marker.relnamespace
        where marker.relname = %(marker)s and marker.relkind in ('r', 'p', 'v', 'm', 'f')
        order by array_position(current_schemas(false), place.nspname) limit 1)
order by rel.relname, att.attnum
"""
"""The columns of the declared tables in the marketplace's schema, and whether a role reads them.

It is the first schema of the search path that has a marketplace, else any that has one.
"""
_ELSEWHERE_SQL = """
select min(nsp.nspname) from pg_class rel join pg_namespace nsp on nsp.oid = rel.relnamespace
where rel.relname = %(marker)s and rel.relkind in ('r', 'p', 'v', 'm', 'f')
having not bool_or(nsp.nspname = 'public' or nsp.nspname = any(current_schemas(false)))
"""
"""The schema of the marketplace, if it is not in the search path."""
_OWN_TABLES_SQL = """
select rel.relname, coalesce(bool_and(has_table_privilege(role.oid, rel.oid, privilege)), false)
from pg_class rel join pg_namespace nsp on nsp.oid = rel.relnamespace and nsp.nspname = %(schema)s
cross join unnest(string_to_array(%(privileges)s::jsonb ->> rel.relname, ', ')) privilege
left join pg_roles role on role.rolname = %(role)s
where rel.relkind = 'r' group by rel.relname order by rel.relname
"""
_ADMINISTRATOR_SQL = """
select current_user, rolsuper or exists (
    select from pg_class where relname = %(marker)s and pg_has_role(relowner, 'usage'))
from pg_roles where rolname = current_user
"""
_PLACE_SQL = """
select current_database(), coalesce(has_database_privilege(role.oid, current_database(), 'connect'),
    false), array(
        select nspname from pg_namespace where has_schema_privilege(role.oid, oid, 'usage'))
from (select) one left join pg_roles role on role.rolname = %(role)s
"""


@dataclass(frozen=True)
class Grant:
    """One privilege that the role needs."""

    privilege: str
    """Privileges as in GRANT, without columns."""
    target: Composable
    """What it is on, as in GRANT."""
    is_granted: bool
    columns: tuple[str, ...] = ()
    """The columns it is on; empty for the whole table."""

    def render_statement(self, role: str, *other_targets: Composable) -> str:
        """Return the GRANT statement, also for other targets."""
        columns = SQL(", ").join(map(Identifier, self.columns))
        column_list = SQL(" ({})").format(columns) if self.columns else SQL("")
        statement = SQL("GRANT {}{} ON {} TO {};").format(
            SQL(self.privilege),
            column_list,
            SQL(", ").join([self.target, *other_targets]),
            Identifier(role),
        )
        return statement.as_string(None)


def load_grants(connection: psycopg.Connection[Any], role: str) -> list[Grant]:
    """Return the privileges that a role needs in this database; the role need not exist.

    The list is empty if the database has no marketplace.
    """
    ((database, connects, used_schemas),) = connection.execute(_PLACE_SQL, {"role": role})
    column_rows = connection.execute(
        _COLUMNS_SQL,
        {"role": role, "tables": list(tables.metadata.tables), "marker": _MARKER_TABLE},
    ).fetchall()
    if not column_rows:
        return []
    schema = column_rows[0][0]
    return [
        Grant("CONNECT", SQL("DATABASE {}").format(Identifier(database)), connects),
        _build_schema_grant(schema, used_schemas),
        *_build_table_grants(schema, [row[1:] for row in column_rows]),
        *_load_own_grants(connection, role, used_schemas),
    ]


def list_missing_grants(connection: psycopg.Connection[Any]) -> list[str]:
    """Return GRANT statements for all that the connection's role lacks, as few as possible."""
    ((role,),) = connection.execute("select current_user")
    missing_grants = [each for each in load_grants(connection, role) if not each.is_granted]
    merged_grants: dict[object, list[Grant]] = {}
    for index, each in enumerate(missing_grants):
        is_mergeable = isinstance(each.target, Identifier) and not each.columns
        merged_grants.setdefault(each.privilege if is_mergeable else index, []).append(each)
    return [
        *(
            first.render_statement(role, *(each.target for each in others))
            for first, *others in merged_grants.values()
        ),
        *_find_path_statement(connection, role),
    ]


def choose_role(connection: psycopg.Connection[Any]) -> str:
    """Return the connection's role; for an administrator's connection, the usual one.

    An administrator is a superuser, or owns the tables.
    """
    ((role, is_administrator),) = connection.execute(_ADMINISTRATOR_SQL, {"marker": _MARKER_TABLE})
    return DEFAULT_ROLE if is_administrator else role


def render_grants(connection: psycopg.Connection[Any], role: str) -> Iterator[str]:
    """Yield a script that gives a role all privileges that it needs in this database.

    Raises NoMarketplaceError if the database has no marketplace.
    """
    grants = load_grants(connection, role)
    if not grants:
        raise NoMarketplaceError(
            f"The database contains no marketplace: no schema has a table {_MARKER_TABLE}."
        )
    role_name = Identifier(role).as_string(None)
    yield f"-- Privileges of the gateway's role {role_name}, for the tables of this database."
    yield "-- Run them as the owner of the tables, or as a superuser. The role itself:"
    yield f"-- CREATE ROLE {role_name} LOGIN PASSWORD '...';"
    for grant in grants:
        yield grant.render_statement(role)
    yield from _find_path_statement(connection, role)
    if not any(grant.privilege in OWN_TABLE_PRIVILEGES.values() for grant in grants):
        yield (
            "-- The schema gateway has no tables. `gateway events install` creates them, for events"
            " by triggers and for idempotency keys; they need privileges, too: run this again then."
        )


def _find_path_statement(connection: psycopg.Connection[Any], role: str) -> Iterator[str]:
    """Yield the statement that adds the marketplace's schema to the search path, if needed."""
    for (schema,) in connection.execute(_ELSEWHERE_SQL, {"marker": _MARKER_TABLE}).fetchall():
        statement = SQL("ALTER ROLE {} SET search_path = {};")
        yield statement.format(Identifier(role), Identifier(schema)).as_string(None)


def _build_schema_grant(schema: str, used_schemas: Sequence[str]) -> Grant:
    return Grant("USAGE", SQL("SCHEMA {}").format(Identifier(schema)), schema in used_schemas)


def _build_table_grants(schema: str, column_rows: Iterable[Sequence[Any]]) -> Iterator[Grant]:
    """Yield SELECT on each table, or on its columns that are read if it has secret ones."""
    for table_name, rows in groupby(column_rows, lambda row: row[0]):
        declared_columns = tables.metadata.tables[table_name].c
        readable_by_column = {column: is_readable for _, column, is_readable in rows}
        has_secrets = any(
            is_secret(each) and each.name in readable_by_column for each in declared_columns
        )
        needed_columns = tuple(
            each.name
            for each in declared_columns
            if each.name in readable_by_column and not is_secret(each)
        )
        yield Grant(
            "SELECT",
            Identifier(schema, table_name),
            all(readable_by_column[each] for each in needed_columns),
            needed_columns if has_secrets else (),
        )


def _load_own_grants(
    connection: psycopg.Connection[Any], role: str, used_schemas: Sequence[str]
) -> Iterator[Grant]:
    """Yield the privileges on the tables of `gateway events install`, if there are any."""
    rows = connection.execute(
        _OWN_TABLES_SQL,
        {
            "role": role,
            "schema": OWN_SCHEMA,
            "privileges": Json(OWN_TABLE_PRIVILEGES),
        },
    ).fetchall()
    if rows:
        yield _build_schema_grant(OWN_SCHEMA, used_schemas)
    for name, is_granted in rows:
        yield Grant(OWN_TABLE_PRIVILEGES[name], Identifier(OWN_SCHEMA, name), is_granted)
