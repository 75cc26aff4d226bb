"""The gateway's own tables, in the schema `gateway`.

A marketplace that the gateway created has all of them. In the database of a real Waldur,
`gateway events install` creates the table of idempotency keys, next to the events.
"""

from typing import Any

import psycopg
from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.sql.schema import Index

from gateway.db.admin.indexes import DIALECT
from gateway.db.events import triggers

metadata = MetaData(schema="gateway")


def _timestamp_column(name: str) -> Column[Any]:
    return Column(name, DateTime(timezone=True), nullable=False)


def _integer_column(name: str, **options: Any) -> Column[Any]:
    return Column(name, Integer, nullable=False, **options)


pull = Table(
    "pull",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _integer_column("resource_id"),
    _integer_column("requested_by_id"),
    _timestamp_column("requested_at"),
    Index(None, "requested_at"),
)
"""Queue of requested pulls."""

idempotency_key = Table(
    "idempotency_key",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _integer_column("user_id"),
    Column("key", String(255), nullable=False),
    Column("request_digest", Text, nullable=False),
    Column("result", Text, nullable=True),
    _timestamp_column("claimed_at"),
    Index("idempotency_key_by_user", "user_id", "key", unique=True),
    Index(None, "claimed_at"),
)
"""Idempotency keys, each with the digest of its request and the result of its mutation in JSON."""

attachment = Table(
    "attachment",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("path", String(100), nullable=False, unique=True),
    Column("content", LargeBinary, nullable=False),
)
"""Files attached to orders, by the path that the order stores."""

_ADVISORY_LOCK_KEY = 0x6761_7465


def ensure_own_tables(connection: psycopg.Connection[Any]) -> None:
    """Create the missing tables, indexes and event triggers.

    An advisory lock lets several processes call it at the same time.
    """
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(%s)", [_ADVISORY_LOCK_KEY])
        connection.execute("create schema if not exists gateway")
        for table in metadata.sorted_tables:
            _create_table(connection, table)
        triggers.install_triggers(connection)


def install_event_schema(connection: psycopg.Connection[Any]) -> None:
    """Install the event triggers, and the table of idempotency keys.

    Raises EventSourceError like `triggers.install_triggers`.
    """
    triggers.run_with_locks(connection, _create_event_schema)


def _create_event_schema(connection: psycopg.Connection[Any]) -> None:
    triggers.replace_triggers(connection)
    if not _has_table(connection, idempotency_key):
        _create_table(connection, idempotency_key)


def uninstall_event_schema(connection: psycopg.Connection[Any]) -> None:
    """Remove what `install_event_schema` has installed, but the keys of our own marketplace.

    Raises EventSourceError like `triggers.uninstall_triggers`.
    """
    triggers.run_with_locks(connection, _drop_event_schema)


def _drop_event_schema(connection: psycopg.Connection[Any]) -> None:
    if not _has_table(connection, attachment):
        connection.execute("drop table if exists gateway.idempotency_key")
    triggers.drop_triggers(connection)


def _has_table(connection: psycopg.Connection[Any], table: Table[Any]) -> bool:
    """Return whether a table exists; needs no privileges."""
    cursor = connection.execute(
        "select 1 from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where n.nspname = %s and c.relname = %s",
        [table.schema, table.name],
    )
    return cursor.rowcount > 0


def _create_table(connection: psycopg.Connection[Any], table: Table[Any]) -> None:
    connection.execute(_compile_ddl(CreateTable(table, if_not_exists=True)))
    for index in sorted(table.indexes, key=lambda each: str(each.name)):
        connection.execute(_compile_ddl(CreateIndex(index, if_not_exists=True)))


def _compile_ddl(element: Any) -> bytes:
    return str(element.compile(dialect=DIALECT)).encode()
