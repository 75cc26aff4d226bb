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

_MARK = """
create schema if not exists gateway;
create table gateway.marketplace (
    made_at timestamptz not null,
    version text not null,
    seed integer not null,
    resources integer not null
)"""


def occupied(connection: psycopg.Connection[Any]) -> list[str]:
    """Name the marketplace's tables that the database has already."""
    names = list(tables.metadata.tables)
    rows = connection.execute(
        "select name from unnest(%s::text[]) name where to_regclass(name) is not null", [names]
    )
    return sorted(name for (name,) in rows)


def install(connection: psycopg.Connection[Any]) -> None:
    """Make all tables with their constraints and indexes, or nothing."""
    with connection.transaction():
        tables_only(connection)
        constraints_and_indexes(connection)


def tables_only(connection: psycopg.Connection[Any]) -> None:
    """Make bare tables, which are loaded faster than such with constraints and indexes."""
    _run(connection, [*map(_table, tables.metadata.sorted_tables), _MARK])


def constraints_and_indexes(connection: psycopg.Connection[Any]) -> None:
    """Make all that holds the rows together: keys, then indexes, then references."""
    made = [*_constraints(PrimaryKeyConstraint, UniqueConstraint), *indexes.waldurs()]
    _run(connection, [*made, *indexes.own().values(), *_constraints(ForeignKeyConstraint)])


def mark(connection: psycopg.Connection[Any], *, seed: int, resources: int) -> None:
    """Note that the marketplace was made by us, and of what."""
    connection.execute(
        "insert into gateway.marketplace values (now(), %s, %s, %s)",
        [version("marketplace-gateway"), seed, resources],
    )


def _table(table: Table[Any]) -> str:
    columns = (CreateColumn(each) for each in table.c if not each.system)
    listed = ", ".join(str(each.compile(dialect=DIALECT)) for each in columns)
    return f"CREATE TABLE {table.name} ({listed})"


def _constraints(*kinds: type[Constraint]) -> Iterator[str]:
    for table in tables.metadata.sorted_tables:
        for each in sorted(table.constraints, key=lambda each: str(each.name)):
            if isinstance(each, kinds) and not _gone(each):
                added = AddConstraint(each, isolate_from_table=False)
                yield str(added.compile(dialect=DIALECT))


def _gone(constraint: Any) -> bool:
    """Tell whether the constraint is of a column that we don't make."""
    return any(column.system for column in constraint.columns)


def _run(connection: psycopg.Connection[Any], statements: Iterable[str]) -> None:
    connection.execute(";\n".join(statements).encode())
