"""Index advice: statements that create the indexes that a marketplace's database lacks."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

import psycopg

from gateway.db.admin.indexes import IndexSpec, iterate_index_specs, normalise_key
from gateway.db.admin.search_index import build_search_index_advice

_CURRENT_SCHEMAS_JOIN = """
from pg_class t join pg_namespace s on s.oid = t.relnamespace
    and s.nspname = any(current_schemas(false))
"""
_INDEXABLE_COLUMNS = f"""
select t.relname, a.attname {_CURRENT_SCHEMAS_JOIN}
join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
where t.relkind in ('r', 'm')
"""
"""Columns that can be indexed: those of tables and materialized views."""

_EXISTING_INDEXES = f"""
select t.relname, array_agg(
    case when o.opcdefault and k.indcollation in (0, coalesce(a.attcollation, k.indcollation))
        then pg_get_indexdef(i.indexrelid, n, true) end order by n
), array_agg(i.indoption[n - 1]::int order by n) {_CURRENT_SCHEMAS_JOIN}
join pg_index i on i.indrelid = t.oid and i.indisvalid and i.indpred is null
join pg_class c on c.oid = i.indexrelid
join pg_am m on m.oid = c.relam and m.amname = 'btree'
cross join generate_series(1, i.indnkeyatts) n
cross join lateral (values (i.indcollation[n - 1])) k(indcollation)
join pg_opclass o on o.oid = i.indclass[n - 1]
left join pg_attribute a on a.attrelid = t.oid and a.attnum = i.indkey[n - 1]
    and a.attnum <> 0
group by i.indexrelid, t.relname
"""
"""Keys and directions of valid B-tree indexes on all rows.

A key is NULL if its operator class or collation is not the column's default, as in prefix indexes.
"""

_INVALID_INDEXES = f"""
select c.relname {_CURRENT_SCHEMAS_JOIN} join pg_index i on i.indrelid = t.oid and not i.indisvalid
join pg_class c on c.oid = i.indexrelid
"""
"""Names of invalid indexes, which a failed CREATE INDEX CONCURRENTLY leaves behind."""
_UNIFORM_DIRECTIONS = {0}, {3}
"""Option bits of ascending keys with nulls last, and of the reverse, for a backward scan."""

ExistingIndex = tuple[list[str], list[int]]
"""Normalised keys of an index, and their direction bits."""


def build_index_advice(connection: psycopg.Connection[Any]) -> list[str]:
    """Return the statements that create the missing indexes.

    An index is not missing if its keys are the first keys of an existing one. An invalid index
    of the same name is dropped first.
    """
    columns = set(connection.execute(_INDEXABLE_COLUMNS.encode()))
    existing_indexes: dict[str, list[ExistingIndex]] = {}
    for table, keys, directions in connection.execute(_EXISTING_INDEXES.encode()):
        existing_indexes.setdefault(table, []).append(
            ([normalise_key(each) for each in keys], directions)
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
        *chain.from_iterable(
            _render_statements(index_spec, invalid_names)
            for index_spec in _remove_prefixes(missing_specs)
        ),
        *build_search_index_advice(connection, columns),
    ]


def _covers_spec(index: ExistingIndex, index_spec: IndexSpec) -> bool:
    """Return whether an index starts with the specified keys, all in the same direction."""
    keys, directions = index
    key_count = len(index_spec.key_expressions)
    return (
        keys[:key_count] == [normalise_key(each) for each in index_spec.key_expressions]
        and set(directions[:key_count]) in _UNIFORM_DIRECTIONS
    )


def _remove_prefixes(missing_specs: list[IndexSpec]) -> Iterator[IndexSpec]:
    """Yield the specifications whose keys are not the first keys of another one."""
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
