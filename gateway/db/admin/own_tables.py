"""The gateway's own tables, in a schema of their own, in a marketplace that it made."""

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


def _moment(name: str) -> Column[Any]:
    return Column(name, DateTime(timezone=True), nullable=False)


def _number(name: str, **traits: Any) -> Column[Any]:
    return Column(name, Integer, nullable=False, **traits)


pull = Table(
    "pull",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _number("resource_id"),
    _number("requested_by_id"),
    _moment("requested_at"),
    Index(None, "requested_at"),
)
"""The pulls that are still to be done."""

placed = Table(
    "placed",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _number("user_id"),
    Column("key", String(255), nullable=False),
    Column("asked", Text, nullable=False),
    Column("order_id", Integer, nullable=True),
    _moment("at"),
    Index("placed_by_key", "user_id", "key", unique=True),
    Index(None, "at"),
)
"""The orders that were placed under a key, so that placing them again does nothing."""

attachment = Table(
    "attachment",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("path", String(100), nullable=False, unique=True),
    Column("content", LargeBinary, nullable=False),
)
"""The files that came with orders, by the paths that the orders hold."""

_LOCK = 0x6761_7465


def ensure(connection: psycopg.Connection[Any]) -> None:
    """Make what is missing of the tables and of the source of events.

    Others may do the same meanwhile.
    """
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(%s)", [_LOCK])
        connection.execute("create schema if not exists gateway")
        for table in metadata.sorted_tables:
            connection.execute(_ddl(CreateTable(table, if_not_exists=True)))
            for index in sorted(table.indexes, key=lambda each: str(each.name)):
                connection.execute(_ddl(CreateIndex(index, if_not_exists=True)))
        triggers.install(connection)


def _ddl(element: Any) -> bytes:
    return str(element.compile(dialect=DIALECT)).encode()
