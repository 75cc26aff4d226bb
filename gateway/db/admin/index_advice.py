"""What would make a marketplace's database quicker: the indexes that it lacks, as statements."""

import re
from collections.abc import Iterator
from typing import Any

import psycopg

from gateway.db.admin.indexes import IndexSpec, iterate_index_specs

_CURRENT_SCHEMAS_JOIN = """
from pg_class held join pg_namespace space on space.oid = held.relnamespace
    and space.nspname = any(current_schemas(false))
"""
_INDEXABLE_COLUMNS = f"""
select held.relname, part.attname {_CURRENT_SCHEMAS_JOIN}
join pg_attribute part on part.attrelid = held.oid and part.attnum > 0 and not part.attisdropped
where held.relkind in ('r', 'm')
"""
"""Columns that can be indexed: of tables and of what is kept of a query, not of views."""

_EXISTING_INDEXES = f"""
select held.relname, array_agg(
    case when kind.opcdefault and sort in (0, coalesce(part.attcollation, sort))
        then pg_get_indexdef(made.indexrelid, n, true) end order by n
), array_agg(made.indoption[n - 1]::int order by n) {_CURRENT_SCHEMAS_JOIN}
join pg_index made on made.indrelid = held.oid and made.indisvalid and made.indpred is null
join pg_class itself on itself.oid = made.indexrelid
join pg_am way on way.oid = itself.relam and way.amname = 'btree'
cross join generate_series(1, made.indnkeyatts) n
cross join lateral (values (made.indcollation[n - 1])) collated(sort)
join pg_opclass kind on kind.oid = made.indclass[n - 1]
left join pg_attribute part on part.attrelid = held.oid and part.attnum = made.indkey[n - 1]
    and part.attnum <> 0
group by made.indexrelid, held.relname
"""
"""The keys of whole, valid indexes, and which way each goes; null for one in an order unlike its
column's, such as that for prefixes."""

_INVALID_INDEXES = f"""
select itself.relname {_CURRENT_SCHEMAS_JOIN} join pg_index made on made.indrelid = held.oid and not made.indisvalid
join pg_class itself on itself.oid = made.indexrelid
"""
_UNIFORM_DIRECTIONS = {0}, {3}
"""All keys upward and nulls last, or all the other way, which is read from its end."""

ExistingIndex = tuple[list[str], list[int]]


def build_index_advice(connection: psycopg.Connection[Any]) -> list[str]:
    """Give statements that make the indexes that would help; after them there are none to give.

    An index that has more keys than wanted behind those that are serves as well. What remains of a
    broken try to make one is dropped first.
    """
    columns = set(connection.execute(_INDEXABLE_COLUMNS.encode()))
    existing_indexes: dict[str, list[ExistingIndex]] = {}
    for table, keys, directions in connection.execute(_EXISTING_INDEXES.encode()):
        existing_indexes.setdefault(table, []).append(
            ([_normalise_key(index_spec) for index_spec in keys], directions)
        )
    invalid_names = {name for (name,) in connection.execute(_INVALID_INDEXES.encode())}
    missing_specs = [
        index_spec
        for index_spec in iterate_index_specs()
        if all((index_spec.table_name, column.name) in columns for column in index_spec.columns)
        and not any(
            _covers_spec(index, index_spec)
            for index in existing_indexes.get(index_spec.table_name, ())
        )
    ]
    return [
        line
        for index_spec in _remove_prefixes(missing_specs)
        for line in _render_statements(index_spec, invalid_names)
    ]


def _covers_spec(index: ExistingIndex, index_spec: IndexSpec) -> bool:
    """Say whether an index begins with the wanted keys, in one direction."""
    keys, directions = index
    key_count = len(index_spec.key_expressions)
    return (
        keys[:key_count] == [_normalise_key(each) for each in index_spec.key_expressions]
        and set(directions[:key_count]) in _UNIFORM_DIRECTIONS
    )


def _remove_prefixes(missing_specs: list[IndexSpec]) -> Iterator[IndexSpec]:
    """Leave out those that begin another one."""
    for index_spec in missing_specs:
        key_count = len(index_spec.key_expressions)
        longer_specs = (other for other in missing_specs if len(other.key_expressions) > key_count)
        if not any(
            (other.table_name, other.key_expressions[:key_count])
            == (index_spec.table_name, index_spec.key_expressions)
            for other in longer_specs
        ):
            yield index_spec


def _render_statements(index_spec: IndexSpec, invalid_names: set[str]) -> Iterator[str]:
    if index_spec.name in invalid_names:
        yield f"drop index concurrently if exists {index_spec.name};"
    yield f"create index concurrently if not exists {index_spec.definition};"


def _normalise_key(key: str | None) -> str:
    """Give a key without quotes and casts, which PostgreSQL writes where they are understood."""
    return re.sub(r'::[a-z ]+|"', "", key or "")
