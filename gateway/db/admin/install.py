"""Installer: creates Waldur's marketplace tables in an empty database."""

from collections.abc import Iterable, Iterator
from importlib.metadata import version
from typing import Any

import psycopg
from sqlalchemy import (
    Constraint,
    ForeignKeyConstraint,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)
from sqlalchemy.schema import AddConstraint, CreateColumn

from gateway.db import tables
from gateway.db.admin import indexes
from gateway.db.admin.indexes import DIALECT
from gateway.db.admin.search_index import install_search_index

_MARKER_TABLE = """
create schema if not exists gateway;
create table gateway.marketplace (
    made_at timestamptz not null,
    version text not null,
    seed integer not null,
    resources integer not null
)"""


def list_existing_tables(connection: psycopg.Connection[Any]) -> list[str]:
    """Return the names of the marketplace's tables that the database already has."""
    names = list(tables.metadata.tables)
    rows = connection.execute(
        "select name from unnest(%s::text[]) name where to_regclass(name) is not null", [names]
    )
    return sorted(name for (name,) in rows)


def install_tables(connection: psycopg.Connection[Any]) -> None:
    """Create all tables with constraints and indexes in one transaction."""
    with connection.transaction():
        create_bare_tables(connection)
        add_constraints_and_indexes(connection)


def create_bare_tables(connection: psycopg.Connection[Any]) -> None:
    """Create tables without constraints and indexes, which are faster to load."""
    _run_statements(
        connection, [*map(_render_create_table, tables.metadata.sorted_tables), _MARKER_TABLE]
    )


def add_constraints_and_indexes(connection: psycopg.Connection[Any]) -> None:
    """Create primary and unique keys, then indexes, then foreign keys."""
    statements = [
        *_render_constraints(PrimaryKeyConstraint, UniqueConstraint),
        *indexes.iterate_waldur_statements(),
    ]
    _run_statements(
        connection,
        [
            *statements,
            *indexes.build_gateway_statements().values(),
            *_render_constraints(ForeignKeyConstraint),
        ],
    )
    install_search_index(connection)


def insert_marker(connection: psycopg.Connection[Any], *, seed: int, resources: int) -> None:
    """Insert the row that marks the marketplace as created by the gateway, with its parameters."""
    connection.execute(
        "insert into gateway.marketplace values (now(), %s, %s, %s)",
        [version("marketplace-gateway"), seed, resources],
    )


def _render_create_table(table: Table[Any]) -> str:
    columns = (CreateColumn(each) for each in table.c if not each.system)
    column_list = ", ".join(str(each.compile(dialect=DIALECT)) for each in columns)
    return f"CREATE TABLE {table.name} ({column_list})"


def _render_constraints(*constraint_types: type[Constraint]) -> Iterator[str]:
    for table in tables.metadata.sorted_tables:
        for constraint in sorted(table.constraints, key=lambda constraint: str(constraint.name)):
            if isinstance(constraint, constraint_types) and not _has_system_column(constraint):
                add_statement = AddConstraint(constraint, isolate_from_table=False)
                yield str(add_statement.compile(dialect=DIALECT))


def _has_system_column(constraint: Any) -> bool:
    """Return whether a constraint is on a PostgreSQL system column, which is not created."""
    return any(column.system for column in constraint.columns)


def _run_statements(connection: psycopg.Connection[Any], statements: Iterable[str]) -> None:
    connection.execute(";\n".join(statements).encode())
