"""Indexes: those that a Waldur has, and those that the gateway's lists want besides."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, String, Table, UniqueConstraint
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex

from gateway.db import tables

DIALECT = postgresql.psycopg.dialect()  # type: ignore[no-untyped-call]
_QUOTED = DIALECT.identifier_preparer.quote

_resource, _order = tables.resource.c, tables.order.c
_offering, _project, _customer = tables.offering.c, tables.project.c, tables.customer.c


@dataclass(frozen=True)
class Keys:
    """What an index of one table is made of."""

    columns: tuple[Column[Any], ...]
    upper: bool = False
    """Whether texts are in it in upper case."""

    @property
    def table(self) -> str:
        """Name the table."""
        return str(self.columns[0].table.name)

    @property
    def written(self) -> tuple[str, ...]:
        """Write each key as SQL."""
        names = (_QUOTED(each.name) for each in self.columns)
        return tuple(f"upper({each})" if self.upper else each for each in names)

    @property
    def name(self) -> str:
        """Name the index as we do, in as many letters as PostgreSQL keeps of a name."""
        marks = ["upper"] if self.upper else []
        return "_".join(["gateway", self.table, *(each.name for each in self.columns), *marks])[:63]

    @property
    def definition(self) -> str:
        """Write what follows `create index`."""
        return f"{self.name} on {self.table} ({', '.join(self.written)})"


def _keys(*columns: Column[Any]) -> Keys:
    return Keys(columns)


OWN: tuple[Keys, ...] = (
    _keys(_resource.created, _resource.id),
    _keys(_resource.modified, _resource.id),
    _keys(_resource.name, _resource.id),
    _keys(_resource.state, _resource.id),
    _keys(_resource.end_date, _resource.id),
    _keys(_resource.project_id, _resource.created, _resource.id),
    _keys(_resource.offering_id, _resource.created, _resource.id),
    _keys(_resource.plan_id, _resource.created, _resource.id),
    _keys(_resource.plan_id, _resource.state),
    _keys(_resource.backend_id),
    Keys((_resource.backend_id,), upper=True),
    Keys((_resource.effective_id,), upper=True),
    _keys(_offering.created, _offering.id),
    _keys(_offering.name, _offering.id),
    _keys(_project.created, _project.id),
    _keys(_project.name, _project.id),
    _keys(_customer.created, _customer.id),
    _keys(_customer.name, _customer.id),
    _keys(_order.created, _order.id),
    _keys(_order.consumer_reviewed_at, _order.id),
    _keys(_order.cost, _order.id),
    _keys(_order.state, _order.id),
    _keys(_order.resource_id, _order.created),
)
"""Those by which pages are read in order, plans' resources counted, and rows found by what a
backend calls them."""


def wanted() -> Iterator[Keys]:
    """Give what the gateway wants indexed: its own, then what rows are looked up by.

    A Waldur has the latter; a copy of its database may not.
    """
    yield from OWN
    for table in tables.metadata.sorted_tables:
        for column in table.c:
            if column.primary_key or column.unique or column.index:
                yield _keys(column)


def own() -> dict[str, str]:
    """Give the statements that make the gateway's own indexes, by the index's name."""
    return {each.name: f"create index {each.definition}" for each in OWN}


def waldurs() -> Iterator[str]:
    """Give the statements that make a Waldur's indexes, but for those that constraints bring."""
    for table in tables.metadata.sorted_tables:
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            if not any("until" in column.info for column in index.columns):
                yield str(CreateIndex(index).compile(dialect=DIALECT))
        yield from (_like(column) for column in _searched_by_prefix(table))


def _like(column: Column[Any]) -> str:
    """Make the index for prefixes: an index in the order of words can't serve LIKE."""
    table = column.table.name
    return f"CREATE INDEX {table}_{column.name}_like ON {table} ({column.name} varchar_pattern_ops)"


def _searched_by_prefix(table: Table[Any]) -> Iterator[Column[Any]]:
    """Give the texts with an index of their own, each of which Django indexes a second time."""
    alone = [*table.indexes, *_unique(table)]
    indexed = {each.columns[0].name for each in alone if len(each.columns) == 1}
    return (
        column for column in table.c if isinstance(column.type, String) and column.name in indexed
    )


def _unique(table: Table[Any]) -> Iterator[Any]:
    yield table.primary_key
    yield from (each for each in table.constraints if isinstance(each, UniqueConstraint))
