"""Indexes: those of Waldur's schema, and additional ones for the gateway's lists."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from sqlalchemy import Column, ColumnElement, String, Table, UniqueConstraint
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex

from gateway.db import tables
from gateway.db.sql.filters import upper_text

DIALECT = postgresql.psycopg.dialect()  # type: ignore[no-untyped-call]
_MAX_NAME_LENGTH, _CHECKSUM_LENGTH = 63, 8

_resource, _order = tables.resource.c, tables.order.c
_offering, _project, _customer = tables.offering.c, tables.project.c, tables.customer.c


@dataclass(frozen=True)
class IndexSpec:
    """Specification of a B-tree index on one table."""

    columns: tuple[Column[Any], ...]
    is_upper: bool = False
    """Whether the index is on the upper case of the columns."""

    @property
    def table_name(self) -> str:
        """Name of the table."""
        return str(self.columns[0].table.name)

    @property
    def key_expressions(self) -> tuple[str, ...]:
        """SQL expression of each key."""
        return tuple(
            render_key(upper_text(each) if self.is_upper else each) for each in self.columns
        )

    @property
    def name(self) -> str:
        """Name of the gateway's index; PostgreSQL's limit is 63 characters.

        A longer name is cut, and ends with a checksum of the whole.
        """
        suffixes = ["upper"] if self.is_upper else []
        full_name = "_".join(
            ["gateway", self.table_name, *(each.name for each in self.columns), *suffixes]
        )
        if len(full_name) <= _MAX_NAME_LENGTH:
            return full_name
        cut_name = full_name[: _MAX_NAME_LENGTH - _CHECKSUM_LENGTH - 1]
        return f"{cut_name}_{crc32(full_name.encode()):0{_CHECKSUM_LENGTH}x}"

    @property
    def definition(self) -> str:
        """SQL after `create index`."""
        return f"{self.name} on {self.table_name} ({', '.join(self.key_expressions)})"


def render_key(key: ColumnElement[Any]) -> str:
    """Return the SQL of an index's key, in which columns have no table."""
    return str(key.compile(dialect=DIALECT, compile_kwargs={"include_table": False}))


def normalise_key(key: str | None) -> str:
    """Return a key without the quotes and casts that `pg_get_indexdef` adds."""
    return re.sub(r'::[a-z ]+|"', "", key or "")


def _build_index_spec(*columns: Column[Any]) -> IndexSpec:
    return IndexSpec(columns)


GATEWAY_INDEXES: tuple[IndexSpec, ...] = (
    _build_index_spec(_resource.created, _resource.id),
    _build_index_spec(_resource.modified, _resource.id),
    _build_index_spec(_resource.name, _resource.id),
    _build_index_spec(_resource.state, _resource.id),
    _build_index_spec(_resource.end_date, _resource.id),
    _build_index_spec(_resource.project_id, _resource.created, _resource.id),
    _build_index_spec(_resource.offering_id, _resource.created, _resource.id),
    _build_index_spec(_resource.plan_id, _resource.created, _resource.id),
    _build_index_spec(_resource.plan_id, _resource.state),
    _build_index_spec(_resource.backend_id),
    IndexSpec((_resource.backend_id,), is_upper=True),
    IndexSpec((_resource.effective_id,), is_upper=True),
    _build_index_spec(_offering.created, _offering.id),
    _build_index_spec(_offering.name, _offering.id),
    _build_index_spec(_project.created, _project.id),
    _build_index_spec(_project.name, _project.id),
    _build_index_spec(_customer.created, _customer.id),
    _build_index_spec(_customer.name, _customer.id),
    _build_index_spec(_order.created, _order.id),
    _build_index_spec(_order.modified, _order.id),
    _build_index_spec(_order.consumer_reviewed_at, _order.id),
    _build_index_spec(_order.cost, _order.id),
    _build_index_spec(_order.state, _order.id),
    _build_index_spec(_order.resource_id, _order.created),
)
"""Additional indexes: for ordered pages, counts of plans' resources, searches by backend id."""


def iterate_index_specs() -> Iterator[IndexSpec]:
    """Yield all indexes that the gateway needs: additional ones, then those of lookup columns.

    Waldur's schema has the latter; a copy of its database may lack them.
    """
    yield from GATEWAY_INDEXES
    for table in tables.metadata.sorted_tables:
        for column in table.c:
            if column.primary_key or column.unique or column.index:
                yield _build_index_spec(column)


def build_gateway_statements() -> dict[str, str]:
    """Return the statements that create the gateway's additional indexes, by index name."""
    return {each.name: f"create index {each.definition}" for each in GATEWAY_INDEXES}


def iterate_waldur_statements() -> Iterator[str]:
    """Yield the statements that create Waldur's indexes, except those behind constraints."""
    for table in tables.metadata.sorted_tables:
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            if not any("until" in column.info for column in index.columns):
                yield str(CreateIndex(index).compile(dialect=DIALECT))
        yield from (_build_prefix_index(column) for column in _find_prefix_columns(table))


def _build_prefix_index(column: Column[Any]) -> str:
    """Return the statement for a prefix index: an index by collation can't serve LIKE."""
    table = column.table.name
    return f"CREATE INDEX {table}_{column.name}_like ON {table} ({column.name} varchar_pattern_ops)"


def _find_prefix_columns(table: Table[Any]) -> Iterator[Column[Any]]:
    """Yield the text columns with a single-column index; Django adds a prefix index to each."""
    candidates = [*table.indexes, *_iterate_unique_constraints(table)]
    indexed_names = {each.columns[0].name for each in candidates if len(each.columns) == 1}
    return (
        column
        for column in table.c
        if isinstance(column.type, String) and column.name in indexed_names
    )


def _iterate_unique_constraints(table: Table[Any]) -> Iterator[Any]:
    yield table.primary_key
    yield from (each for each in table.constraints if isinstance(each, UniqueConstraint))
