"""Making the marketplace's tables in an empty database, just as a Waldur has them."""

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

_MARKER_TABLE = """
create schema if not exists gateway;
create table gateway.marketplace (
    made_at timestamptz not null,
    version text not null,
    seed integer not null,
    resources integer not null
)"""


def list_existing_tables(connection: psycopg.Connection[Any]) -> list[str]:
    """Name the marketplace's tables that the database has already."""
    names = list(tables.metadata.tables)
    rows = connection.execute(
        "select name from unnest(%s::text[]) name where to_regclass(name) is not null", [names]
    )
    return sorted(name for (name,) in rows)


def install_tables(connection: psycopg.Connection[Any]) -> None:
    """Make all tables with their constraints and indexes, or nothing."""
    with connection.transaction():
        create_bare_tables(connection)
        add_constraints_and_indexes(connection)


def create_bare_tables(connection: psycopg.Connection[Any]) -> None:
    """Make bare tables, which are loaded faster than such with constraints and indexes."""
    _run_statements(
        connection, [*map(_render_create_table, tables.metadata.sorted_tables), _MARKER_TABLE]
    )


def add_constraints_and_indexes(connection: psycopg.Connection[Any]) -> None:
    """Make all that holds the rows together: keys, then indexes, then references."""
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


def insert_marker(connection: psycopg.Connection[Any], *, seed: int, resources: int) -> None:
    """Note that the marketplace was made by us, and of what."""
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
    """Tell whether the constraint is of a column that we don't make."""
    return any(column.system for column in constraint.columns)


def _run_statements(connection: psycopg.Connection[Any], statements: Iterable[str]) -> None:
    connection.execute(";\n".join(statements).encode())
