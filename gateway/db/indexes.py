"""Indexes: those that a Waldur has, and those that the gateway's orders want besides."""

from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
from sqlalchemy import Column, String, Table, UniqueConstraint
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex

from gateway.db import tables

DIALECT = postgresql.psycopg.dialect()  # type: ignore[no-untyped-call]

_resource, _order = tables.resource.c, tables.order.c
_offering, _project, _customer = tables.offering.c, tables.project.c, tables.customer.c

OWN: Sequence[Sequence[Column[Any]]] = (
    (_resource.created, _resource.id),
    (_resource.modified, _resource.id),
    (_resource.name, _resource.id),
    (_resource.state, _resource.id),
    (_resource.end_date, _resource.id),
    (_resource.project_id, _resource.created, _resource.id),
    (_resource.offering_id, _resource.created, _resource.id),
    (_resource.plan_id, _resource.created, _resource.id),
    (_offering.created, _offering.id),
    (_offering.name, _offering.id),
    (_project.created, _project.id),
    (_project.name, _project.id),
    (_customer.created, _customer.id),
    (_customer.name, _customer.id),
    (_order.created, _order.id),
    (_order.resource_id, _order.created),
)
"""The columns of indexes by which pages are read in order; no Waldur has them."""

_KEYED = """
select held.relname, array_agg(part.attname::text order by place.n)
from pg_index made join pg_class held on held.oid = made.indrelid
join pg_namespace space on space.oid = held.relnamespace
    and space.nspname = any(current_schemas(false))
cross join lateral unnest(made.indkey::int[]) with ordinality place(number, n)
join pg_attribute part on part.attrelid = made.indrelid and part.attnum = place.number
where made.indpred is null
group by made.indexrelid, held.relname
"""


def own() -> dict[str, str]:
    """Give the statements that make the gateway's own indexes, by the index's name."""
    return {_own_name(columns): _own_statement(columns) for columns in OWN}


def waldurs() -> Iterator[str]:
    """Give the statements that make a Waldur's indexes, but for those that constraints bring."""
    for table in tables.metadata.sorted_tables:
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            if not any("until" in column.info for column in index.columns):
                yield str(CreateIndex(index).compile(dialect=DIALECT))
        yield from (_like(column) for column in _searched_by_prefix(table))


def _own_name(columns: Sequence[Column[Any]]) -> str:
    return "_".join(["gateway", columns[0].table.name, *(column.name for column in columns)])


def _own_statement(columns: Sequence[Column[Any]]) -> str:
    listed = ", ".join(column.name for column in columns)
    return f"CREATE INDEX {_own_name(columns)} ON {columns[0].table.name} ({listed})"


def _like(column: Column[Any]) -> str:
    """Make the index for prefixes: an index in the order of words can't serve LIKE."""
    table = column.table.name
    return f"CREATE INDEX {table}_{column.name}_like ON {table} ({column.name} varchar_pattern_ops)"


def _searched_by_prefix(table: Table[Any]) -> Iterator[Column[Any]]:
    """Give the texts with an index of their own, each of which Django indexes a second time."""
    alone = [*table.indexes, *_keys(table)]
    indexed = {each.columns[0].name for each in alone if len(each.columns) == 1}
    return (
        column for column in table.c if isinstance(column.type, String) and column.name in indexed
    )


def _keys(table: Table[Any]) -> Iterator[Any]:
    yield table.primary_key
    yield from (each for each in table.constraints if isinstance(each, UniqueConstraint))


def missing(connection: psycopg.Connection[Any]) -> list[str]:
    """Give the statements that make the gateway's indexes of which a database has no like."""
    rows = connection.execute(_KEYED)
    have = {(table, tuple(columns)) for table, columns in rows}
    return [
        _own_statement(each).replace("INDEX", "INDEX CONCURRENTLY")
        for each in OWN
        if (each[0].table.name, tuple(column.name for column in each)) not in have
    ]
