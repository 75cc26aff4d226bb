"""What this installation has: tables and columns, content types, its maker, its rules."""

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
select held.relname, part.attname, has_column_privilege(held.oid, part.attnum, 'select'),
    part.attnotnull
from pg_class held join pg_namespace space on space.oid = held.relnamespace
    and space.nspname = any(current_schemas(false))
join pg_attribute part on part.attrelid = held.oid and part.attnum > 0 and not part.attisdropped
where held.relkind in ('r', 'p', 'v', 'm', 'f')
"""
_OWNERSHIP_SQL = """
select coalesce(bool_or(has_table_privilege('authtoken_token', 'update')), false), count(*) > 0
from pg_class mark join pg_namespace space on space.oid = mark.relnamespace
where space.nspname = 'gateway' and mark.relname = 'marketplace'
"""
_REQUIRED_TABLES = ("core_user", "authtoken_token", "marketplace_resource", "structure_project")


class NoMarketplaceError(Exception):
    """The database holds no marketplace, or none that can be read; the text says what to do."""


@dataclass(frozen=True, eq=False)
class Installation:
    """One marketplace's database, as it was found at start."""

    missing_tables: frozenset[Table[Any]]
    """The tables that it lacks."""
    missing_columns: frozenset[Column[Any]]
    """The columns that it lacks of the tables that it has."""
    nullable_columns: frozenset[Column[Any]]
    """The columns that never hold a null by our tables, and may by its own."""
    content_types: dict[tuple[str, str], int]
    """Ids of content types by (app label, model)."""
    postgres_version: str
    """PostgreSQL's."""
    is_own: bool
    """Whether `gateway init` made it."""
    is_writable: bool
    """Whether the tokens of a marketplace of our own can be kept alive."""
    version_rules: VersionRules

    def lacks_table(self, table: FromClause) -> bool:
        """Say whether the installation has no `table`; of a view, nothing that it shows."""
        return isinstance(table, Table) and table.info.get(BASE_TABLE, table) in self.missing_tables

    def find_column(self, column: Column[Any]) -> Column[Any] | None:
        """Give `column` if the installation has it."""
        is_missing = column.info.get(SOURCE_COLUMN, column) in self.missing_columns
        return None if is_missing or self.lacks_table(column.table) else column

    def is_nullable(self, column: Column[Any]) -> bool:
        """Say whether a row of this installation may hold no value of `column`."""
        base_column = column.info.get(SOURCE_COLUMN, column)
        return (
            bool(base_column.nullable)
            or base_column in self.nullable_columns
            or base_column in self.missing_columns
        )

    def replace_element(self, element: Any) -> Any:
        """Give what stands for `element` in a statement; None if it can stay."""
        if isinstance(element, Column) and self.find_column(element) is None:
            return cast(null(), element.type)
        return resolve_placeholder(element, self.version_rules, self.content_types)

    def content_type_id(self, app_label: str, model: str) -> int:
        """Give the id of a content type; one that no row has if there is none."""
        return self.content_types.get((app_label, model), -1)

    def list_missing(self) -> list[str]:
        """Name the tables and columns that the installation lacks, for people."""
        names = [each.name for each in self.missing_tables]
        missing_columns = [each for each in self.missing_columns if "until" not in each.info]
        return sorted([*names, *(f"{each.table.name}.{each.name}" for each in missing_columns)])


def inspect_installation(
    connection: psycopg.Connection[Any], year: int | None = None
) -> Installation:
    """Read what the database has; `year` states the rules, which it shows otherwise.

    NoMarketplaceError if it lacks what every marketplace has, or does not show it.
    """
    columns = _load_readable_columns(connection)
    missing_names = [name for name in _REQUIRED_TABLES if name not in columns]
    if missing_names:
        raise NoMarketplaceError(
            f"The database holds no marketplace: it has no table {missing_names[0]}."
        )
    declared_tables = tables.metadata.tables.values()
    is_2026 = "last_sync" in columns["marketplace_resource"]
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
        version_rules=RULES_BY_YEAR[year or (2026 if is_2026 else 2024)],
    )


_NotNullByColumn = dict[str, dict[str, bool]]
"""By table and column, what may be read, and whether the database promises a value."""


def _load_readable_columns(connection: psycopg.Connection[Any]) -> _NotNullByColumn:
    """Give the tables and those of their columns that may be read; of ours at least one each."""
    columns: _NotNullByColumn = {}
    for table, column, is_readable, is_not_null in connection.execute(_COLUMNS_SQL):
        columns.setdefault(table, {}).update({column: is_not_null} if is_readable else {})
    unreadable_tables = sorted(name for name in tables.metadata.tables if columns.get(name) == {})
    if unreadable_tables:
        raise NoMarketplaceError(
            f"The database's role may not read {', '.join(unreadable_tables[:3])}"
            f"{' and others' if len(unreadable_tables) > 3 else ''}: grant it SELECT."  # noqa: PLR2004
        )
    return columns


def _select_columns(
    declared_tables: Iterable[Table[Any]],
    columns: _NotNullByColumn,
    column_filter: Callable[[bool | None], bool],
) -> Iterable[Column[Any]]:
    """Give the columns, of tables that are there, that promise a value as is `wanted`."""
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
