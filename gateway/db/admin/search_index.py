"""The index of searches: a GIN index of the trigrams of the texts that a search matches in part.

A B-tree can't find parts of texts. PostgreSQL uses an index on an expression only for conditions on
the same expression, so this index and the search are made from the same expressions. Its operator
class is of PostgreSQL's extension pg_trgm, which a database may lack.
"""

from collections.abc import Iterator
from typing import Any

import psycopg
from sqlalchemy import Column, ColumnElement
from sqlalchemy.sql.visitors import iterate

from gateway.db import tables
from gateway.db.admin.indexes import normalise_key, render_key
from gateway.db.sql.filters import upper_text
from gateway.db.sql.text_search import RESOURCE_SEARCH_TEXTS

SEARCH_INDEX_NAME = "gateway_marketplace_resource_search"
CREATE_EXTENSION = "create extension if not exists pg_trgm"
_OPERATOR_CLASS = "gin_trgm_ops"
_SEARCH_KEYS: tuple[ColumnElement[str], ...] = tuple(map(upper_text, RESOURCE_SEARCH_TEXTS))

_EXTENSION_STATUS = """
select exists (select from pg_available_extensions where name = 'pg_trgm'), (
    select case when pg_opclass_is_visible(o.oid) then '' else quote_ident(s.nspname) || '.' end
        || o.opcname
    from pg_opclass o join pg_namespace s on s.oid = o.opcnamespace
    where o.opcname = 'gin_trgm_ops')
"""
"""Whether pg_trgm can be created, and its operator class if it was."""
_EXISTING_KEYS = """
select c.relname, i.indisvalid and i.indpred is null, array(
    select pg_get_indexdef(i.indexrelid, n, true) from generate_series(1, i.indnkeyatts) n
    join pg_opclass o on o.oid = i.indclass[n - 1] and o.opcname = 'gin_trgm_ops')
from pg_index i join pg_class c on c.oid = i.indexrelid
where i.indrelid = %s::regclass
"""
"""Names of the table's indexes, whether they can be used, and their keys of trigrams."""


def build_search_index_advice(
    connection: psycopg.Connection[Any], existing_columns: set[tuple[str, str]]
) -> Iterator[str]:
    """Yield the statements that create the index of searches, as far as it is missing.

    It is missing if one of its keys is in no other index of trigrams.
    """
    is_available, operator_class = _load_extension_status(connection)
    keys = [each for each in _SEARCH_KEYS if _has_columns(each, existing_columns)]
    if not keys or not (is_available or operator_class):
        return
    indexes = connection.execute(_EXISTING_KEYS.encode(), [tables.resource.name]).fetchall()
    covered_keys = {
        normalise_key(key)
        for _, is_usable, index_keys in indexes
        if is_usable
        for key in index_keys
    }
    if covered_keys >= {normalise_key(render_key(each)) for each in keys}:
        return
    if any(name == SEARCH_INDEX_NAME for name, *_ in indexes):
        yield f"drop index concurrently if exists {SEARCH_INDEX_NAME};"
    if not operator_class:
        yield f"{CREATE_EXTENSION};"
    definition = _render_definition(keys, operator_class or _OPERATOR_CLASS)
    yield f"create index concurrently if not exists {definition};"


def install_search_index(connection: psycopg.Connection[Any]) -> None:
    """Create the index of searches, if the database has pg_trgm and permits its creation."""
    is_available, operator_class = _load_extension_status(connection)
    if not (is_available or operator_class):
        return
    try:
        with connection.transaction():
            if not operator_class:
                connection.execute(CREATE_EXTENSION.encode())
            definition = _render_definition(_SEARCH_KEYS, operator_class or _OPERATOR_CLASS)
            connection.execute(f"create index {definition}".encode())
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.FeatureNotSupported):
        return


def _load_extension_status(connection: psycopg.Connection[Any]) -> tuple[bool, str | None]:
    """Return whether pg_trgm can be created, and its operator class if it was."""
    ((is_available, operator_class),) = connection.execute(_EXTENSION_STATUS.encode())
    return is_available, operator_class


def _has_columns(key: ColumnElement[str], existing_columns: set[tuple[str, str]]) -> bool:
    return all(
        (each.table.name, each.name) in existing_columns
        for each in iterate(key)
        if isinstance(each, Column)
    )


def _render_definition(keys: Any, operator_class: str) -> str:
    """Return SQL after `create index`."""
    key_list = ", ".join(f"({render_key(each)}) {operator_class}" for each in keys)
    return f"{SEARCH_INDEX_NAME} on {tables.resource.name} using gin ({key_list})"
