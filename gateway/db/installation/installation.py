"""Inspection of an installation: its tables, columns, content types and version rules.

Waldur's tables differ by version. The database's catalogue is read at start, and again while
serving; a declared column or table that the database lacks is replaced by NULL or an empty
list when statements are compiled, so it costs nothing per request.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from sqlalchemy import Column, FromClause, Table, cast, null

from gateway.db import tables
from gateway.db.driver.database import Database, Rows
from gateway.db.driver.statement import Statement
from gateway.db.installation.placeholders import resolve_placeholder
from gateway.db.installation.version_rules import RULES_BY_YEAR, RULES_NEWEST, VersionRules
from gateway.db.tables.columns import BASE_TABLE, SOURCE_COLUMN, is_secret

_COLUMNS_STATEMENT = Statement(f"""
select rel.relname, att.attname, has_column_privilege(rel.oid, att.attnum, 'select'),
    att.attnotnull
from pg_class rel join pg_namespace nsp on nsp.oid = rel.relnamespace
    and nsp.nspname = any(current_schemas(false))
join pg_attribute att on att.attrelid = rel.oid and att.attnum > 0 and not att.attisdropped
where rel.relkind in ('r', 'p', 'v', 'm', 'f')
    and rel.relname = any('{{{",".join(tables.metadata.tables)}}}')
""")  # noqa: S608 - the names of declared tables
_OWNERSHIP_STATEMENT = Statement("""
select coalesce(bool_or(has_table_privilege(to_regclass('authtoken_token'), 'update')), false),
    count(*) > 0
from pg_class rel join pg_namespace nsp on nsp.oid = rel.relnamespace
where nsp.nspname = 'gateway' and rel.relname = 'marketplace' and rel.relkind = 'r'
""")
_SERVER_VERSION_STATEMENT = Statement("show server_version")
_CATALOGUE_STATEMENTS = (_COLUMNS_STATEMENT, _OWNERSHIP_STATEMENT, _SERVER_VERSION_STATEMENT)
"""Statements that succeed in any database."""
_CONTENT_TYPES_STATEMENT = Statement("select app_label, model, id from django_content_type")
_MAX_NAMED_TABLES = 3
_REQUIRED_TABLES = (
    "core_user",
    "authtoken_token",
    "django_content_type",
    "marketplace_resource",
    "structure_project",
)


class NoMarketplaceError(Exception):
    """The database contains no marketplace, or no readable one; the message names the remedy."""


@dataclass(frozen=True, eq=False)
class Installation:
    """The database of one marketplace at the time of its inspection."""

    missing_tables: frozenset[Table[Any]]
    """Declared tables that the database lacks."""
    missing_columns: frozenset[Column[Any]]
    """Declared columns that existing tables lack."""
    unreadable_columns: frozenset[Column[Any]]
    """Those of them that the tables have, but the database's role may not read.

    A later version may have added them to a table with secret columns, of which the role reads
    single columns (`gateway.db.admin.grants`).
    """
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

    def is_same_as(self, other: "Installation") -> bool:
        """Return whether two inspections have found the same."""
        return vars(self) == vars(other)

    def list_missing(self) -> list[str]:
        """Return the names of missing tables and columns, sorted, for logs and `gateway check`."""
        names = [each.name for each in self.missing_tables]
        missing_columns = [
            each
            for each in self.missing_columns
            if "until" not in each.info and not is_secret(each)
        ]
        return sorted([*names, *(f"{each.table.name}.{each.name}" for each in missing_columns)])


def inspect_installation(
    connection: psycopg.Connection[Any], year: int | None = None
) -> Installation:
    """Inspect the database; `year` selects the version rules, which are detected without it.

    Raises NoMarketplaceError if a required table is missing or a table is not readable.
    """
    catalogue = _parse_catalogue(
        [connection.execute(each.sql.encode()).fetchall() for each in _CATALOGUE_STATEMENTS]
    )
    type_rows = connection.execute(_CONTENT_TYPES_STATEMENT.sql.encode()).fetchall()
    return _build_installation(catalogue, type_rows, year)


async def inspect_again(
    database: Database, earlier: Installation, year: int | None = None
) -> Installation:
    """Inspect the database like `inspect_installation`, while its requests are served.

    Raises NoMarketplaceError also if a table is gone that an earlier inspection has found, or
    a column that each supported version has; UnavailableError and others as the database does.
    """
    requests = [(statement, ()) for statement in _CATALOGUE_STATEMENTS]
    catalogue = _parse_catalogue(await database.fetch_rows(requests))
    (type_rows,) = await database.fetch_rows([(_CONTENT_TYPES_STATEMENT, ())])
    installation = _build_installation(catalogue, type_rows, year)
    lost_names = sorted(_iterate_lost_names(earlier, installation))
    if lost_names:
        raise NoMarketplaceError(
            f"The database no longer has {_join_names(lost_names)}, or its role may not read that:"
            " restore it, or restart the gateway if it was removed on purpose."
        )
    return installation


_NotNullByColumn = dict[str, dict[str, bool]]
"""The readable columns by table, and whether each is NOT NULL."""


@dataclass(frozen=True)
class _Catalogue:
    """What the database's catalogue says about the declared tables."""

    columns: _NotNullByColumn
    unreadable_columns: frozenset[Column[Any]]
    is_own: bool
    is_writable: bool
    postgres_version: str


def _parse_catalogue(results: Sequence[Rows]) -> _Catalogue:
    """Parse the results of `_CATALOGUE_STATEMENTS`.

    Raises NoMarketplaceError if a required table is missing or a table is not readable.
    """
    column_rows, ((is_writable, is_own),), ((postgres_version,),) = results
    columns: _NotNullByColumn = {}
    unreadable_columns: set[Column[Any]] = set()
    for table, column, is_readable, is_not_null in column_rows:
        columns.setdefault(table, {}).update({column: is_not_null} if is_readable else {})
        declared_column = tables.metadata.tables[table].c.get(column)
        if not is_readable and declared_column is not None and not is_secret(declared_column):
            unreadable_columns.add(declared_column)
    missing_names = [name for name in _REQUIRED_TABLES if name not in columns]
    if missing_names:
        raise NoMarketplaceError(
            f"The database contains no marketplace: it has no table {missing_names[0]}."
        )
    unreadable_tables = sorted(name for name, readable in columns.items() if not readable)
    names = unreadable_tables or sorted(
        f"{each.table.name}.{each.name}" for each in unreadable_columns if _is_required(each)
    )
    if names:
        raise NoMarketplaceError(
            f"The database's role may not read {_join_names(names)}:"
            " grant it SELECT on all tables of the marketplace."
        )
    return _Catalogue(columns, frozenset(unreadable_columns), is_own, is_writable, postgres_version)


def _is_in_each_version(column: Column[Any]) -> bool:
    """Return whether a column is read, and all supported versions have it."""
    return not is_secret(column) and not {"since", "until"} & column.info.keys()


def _is_required(column: Column[Any]) -> bool:
    """Return whether the role has to read a column if the database has it."""
    return _is_in_each_version(column) or not any(map(is_secret, column.table.c))


def _join_names(names: Sequence[str]) -> str:
    suffix = " and others" if len(names) > _MAX_NAMED_TABLES else ""
    return f"{', '.join(names[:_MAX_NAMED_TABLES])}{suffix}"


def _build_installation(catalogue: _Catalogue, type_rows: Rows, year: int | None) -> Installation:
    columns, declared_tables = catalogue.columns, tables.metadata.tables.values()
    return Installation(
        missing_tables=frozenset(each for each in declared_tables if each.name not in columns),
        missing_columns=frozenset(
            _select_columns(declared_tables, columns, lambda is_not_null: is_not_null is None)
        ),
        unreadable_columns=catalogue.unreadable_columns,
        nullable_columns=frozenset(
            each
            for each in _select_columns(
                declared_tables, columns, lambda is_not_null: is_not_null is False
            )
            if not each.nullable
        ),
        content_types={(app_label, model): id_ for app_label, model, id_ in type_rows},
        postgres_version=catalogue.postgres_version,
        is_own=catalogue.is_own,
        is_writable=catalogue.is_writable,
        version_rules=RULES_BY_YEAR[year] if year else _detect_rules(columns),
    )


def _detect_rules(columns: _NotNullByColumn) -> VersionRules:
    """Return the rules of the version that has the columns."""
    if "limit_decimal_places" in columns.get("marketplace_offeringcomponent", {}):
        return RULES_NEWEST
    return RULES_BY_YEAR[2026 if "last_sync" in columns["marketplace_resource"] else 2024]


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


def _iterate_lost_names(earlier: Installation, current: Installation) -> Iterable[str]:
    """Yield tables that are missing now and were not, and such columns of each version."""
    yield from (each.name for each in current.missing_tables - earlier.missing_tables)
    for column in current.missing_columns - earlier.missing_columns:
        if _is_in_each_version(column) and not column.nullable:
            yield f"{column.table.name}.{column.name}"
