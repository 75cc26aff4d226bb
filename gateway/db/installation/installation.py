"""Inspection of an installation: its tables, columns, content types and version rules.

Waldur's tables differ by version. The catalogue is read once at start; a declared
column or table that the database lacks is replaced by NULL or an empty list when
statements are compiled, so it costs nothing per request.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import psycopg
from sqlalchemy import Column, FromClause, Table, cast, null

from gateway.db import tables
from gateway.db.installation.placeholders import resolve_placeholder
from gateway.db.installation.version_rules import RULES_BY_YEAR, VersionRules
from gateway.db.tables.columns import BASE_TABLE, SOURCE_COLUMN

_COLUMNS_SQL = """
select rel.relname, att.attname, has_column_privilege(rel.oid, att.attnum, 'select'),
    att.attnotnull
from pg_class rel join pg_namespace nsp on nsp.oid = rel.relnamespace
    and nsp.nspname = any(current_schemas(false))
join pg_attribute att on att.attrelid = rel.oid and att.attnum > 0 and not att.attisdropped
where rel.relkind in ('r', 'p', 'v', 'm', 'f')
"""
_OWNERSHIP_SQL = """
select coalesce(bool_or(has_table_privilege('authtoken_token', 'update')), false), count(*) > 0
from pg_class rel join pg_namespace nsp on nsp.oid = rel.relnamespace
where nsp.nspname = 'gateway' and rel.relname = 'marketplace' and rel.relkind = 'r'
"""
_MAX_NAMED_TABLES = 3
_REQUIRED_TABLES = ("core_user", "authtoken_token", "marketplace_resource", "structure_project")


class NoMarketplaceError(Exception):
    """The database contains no marketplace, or no readable one; the message names the remedy."""


@dataclass(frozen=True, eq=False)
class Installation:
    """The database of one marketplace, as inspected at start."""

    missing_tables: frozenset[Table[Any]]
    """Declared tables that the database lacks."""
    missing_columns: frozenset[Column[Any]]
    """Declared columns that existing tables lack."""
    nullable_columns: frozenset[Column[Any]]
    """Columns that are declared NOT NULL and are nullable in the database."""
    content_types: dict[tuple[str, str], int]
    """Ids of content types by (app label, model)."""
    postgres_version: str
    """The version of the PostgreSQL server."""
    is_own: bool
    """Whether the marketplace was created by `gateway init`."""
    is_writable: bool
    """Whether the database's role may update tokens, to refresh those that are in use."""
    version_rules: VersionRules

    def lacks_table(self, table: FromClause) -> bool:
        """Return whether the installation lacks a table or, for a view, its base table."""
        return isinstance(table, Table) and table.info.get(BASE_TABLE, table) in self.missing_tables

    def find_column(self, column: Column[Any]) -> Column[Any] | None:
        """Return the column; None if the installation lacks it."""
        is_missing = column.info.get(SOURCE_COLUMN, column) in self.missing_columns
        return None if is_missing or self.lacks_table(column.table) else column

    def is_nullable(self, column: Column[Any]) -> bool:
        """Return whether a column can be null in this installation."""
        base_column = column.info.get(SOURCE_COLUMN, column)
        return (
            bool(base_column.nullable)
            or base_column in self.nullable_columns
            or base_column in self.missing_columns
        )

    def replace_element(self, element: Any) -> Any:
        """Return the replacement of an element of a statement; None if the element stays.

        Missing columns become NULL, placeholders the installation's constants.
        """
        if isinstance(element, Column) and self.find_column(element) is None:
            return cast(null(), element.type)
        return resolve_placeholder(element, self.version_rules, self.content_types)

    def content_type_id(self, app_label: str, model: str) -> int:
        """Return the id of a content type; -1, which no row has, if there is no such type."""
        return self.content_types.get((app_label, model), -1)

    def list_missing(self) -> list[str]:
        """Return the names of missing tables and columns, sorted, for logs and `gateway check`."""
        names = [each.name for each in self.missing_tables]
        missing_columns = [each for each in self.missing_columns if "until" not in each.info]
        return sorted([*names, *(f"{each.table.name}.{each.name}" for each in missing_columns)])


def inspect_installation(
    connection: psycopg.Connection[Any], year: int | None = None
) -> Installation:
    """Inspect the database; `year` selects the version rules, which are detected without it.

    Raises NoMarketplaceError if a required table is missing or a table is not readable.
    """
    columns = _load_readable_columns(connection)
    missing_names = [name for name in _REQUIRED_TABLES if name not in columns]
    if missing_names:
        raise NoMarketplaceError(
            f"The database contains no marketplace: it has no table {missing_names[0]}."
        )
    declared_tables = tables.metadata.tables.values()
    detected_year = 2026 if "last_sync" in columns["marketplace_resource"] else 2024
    is_writable, is_own = connection.execute(_OWNERSHIP_SQL).fetchone() or (False, False)
    return Installation(
        missing_tables=frozenset(each for each in declared_tables if each.name not in columns),
        missing_columns=frozenset(
            _select_columns(declared_tables, columns, lambda is_not_null: is_not_null is None)
        ),
        nullable_columns=frozenset(
            each
            for each in _select_columns(
                declared_tables, columns, lambda is_not_null: is_not_null is False
            )
            if not each.nullable
        ),
        content_types=_load_content_types(connection),
        postgres_version=_fetch_value(connection, "show server_version"),
        is_own=is_own,
        is_writable=is_writable,
        version_rules=RULES_BY_YEAR[year or detected_year],
    )


_NotNullByColumn = dict[str, dict[str, bool]]
"""The readable columns by table, and whether each is NOT NULL."""


def _load_readable_columns(connection: psycopg.Connection[Any]) -> _NotNullByColumn:
    """Return all tables with their readable columns.

    Raises NoMarketplaceError if no column of a declared table is readable.
    """
    columns: _NotNullByColumn = {}
    for table, column, is_readable, is_not_null in connection.execute(_COLUMNS_SQL):
        columns.setdefault(table, {}).update({column: is_not_null} if is_readable else {})
    unreadable_tables = sorted(name for name in tables.metadata.tables if columns.get(name) == {})
    if unreadable_tables:
        raise NoMarketplaceError(
            f"The database's role may not read {', '.join(unreadable_tables[:_MAX_NAMED_TABLES])}"
            f"{' and others' if len(unreadable_tables) > _MAX_NAMED_TABLES else ''}:"
            " grant it SELECT on all tables of the marketplace."
        )
    return columns


def _select_columns(
    declared_tables: Iterable[Table[Any]],
    columns: _NotNullByColumn,
    column_filter: Callable[[bool | None], bool],
) -> Iterable[Column[Any]]:
    """Yield the columns of existing tables whose NOT NULL flag (None: missing) passes a filter."""
    for table in declared_tables:
        if table.name in columns:
            not_null = columns[table.name]
            yield from (each for each in table.c if column_filter(not_null.get(each.name)))


def _load_content_types(connection: psycopg.Connection[Any]) -> dict[tuple[str, str], int]:
    rows = connection.execute("select app_label, model, id from django_content_type")
    return {(app_label, model): id_ for app_label, model, id_ in rows}


def _fetch_value(connection: psycopg.Connection[Any], sql: str) -> Any:
    row = connection.execute(sql).fetchone()
    return row and row[0]
