"""The database server as `gateway check` describes it, and what its role may do too much."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from gateway.db import tables
from gateway.db.admin.own_tables import idempotency_key

_STATUS_SQL = """
select current_user, rolsuper, pg_is_in_recovery(),
    extract(epoch from clock_timestamp())::float8,
    case when pg_last_wal_receive_lsn() is distinct from pg_last_wal_replay_lsn()
        then extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())::float8 end,
    array(
        select rel.relname::text from pg_class rel
        join pg_namespace nsp on nsp.oid = rel.relnamespace
        where rel.relname = any(%(tables)s) and nsp.nspname = any(current_schemas(false))
            and has_table_privilege(rel.oid, 'insert, update, delete, truncate')
        order by rel.relname),
    exists (
        select from pg_class rel join pg_namespace nsp on nsp.oid = rel.relnamespace
        where nsp.nspname = %(key_schema)s and rel.relname = %(key_table)s)
from pg_roles where rolname = current_user
"""
_OWNER_SQL = """
select u.username from authtoken_token t join core_user u on u.id = t.user_id where t.key = %s
"""


@dataclass(frozen=True)
class RoleStatus:
    """Status of the database server, and privileges that the gateway does not need."""

    role: str
    is_superuser: bool
    is_replica: bool
    server_seconds: float
    """The server's clock, in seconds since 1970."""
    replay_seconds: float | None
    """Seconds since the last transaction that a replica replayed; None if none is outstanding."""
    writable_tables: Sequence[str]
    """Tables of the marketplace that the role may change, sorted."""
    has_key_table: bool
    """Whether the table of idempotency keys exists."""


def load_role_status(connection: psycopg.Connection[Any]) -> RoleStatus:
    """Return the status of the connection's role and server."""
    parameters = {
        "tables": list(tables.metadata.tables),
        "key_schema": idempotency_key.schema,
        "key_table": idempotency_key.name,
    }
    (row,) = connection.execute(_STATUS_SQL, parameters).fetchall()
    return RoleStatus(*row)


def find_token_owner(connection: psycopg.Connection[Any], key: str) -> str | None:
    """Return the username of a token's owner; None if the database has no such token."""
    rows = connection.execute(_OWNER_SQL, [key]).fetchall()
    return str(rows[0][0]) if rows else None
