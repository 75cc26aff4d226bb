"""The gateway's own tables, in the schema `gateway` of a marketplace that it created."""

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
            connection.execute(_compile_ddl(CreateTable(table, if_not_exists=True)))
            for index in sorted(table.indexes, key=lambda each: str(each.name)):
                connection.execute(_compile_ddl(CreateIndex(index, if_not_exists=True)))
        triggers.install_triggers(connection)


def _compile_ddl(element: Any) -> bytes:
    return str(element.compile(dialect=DIALECT)).encode()
