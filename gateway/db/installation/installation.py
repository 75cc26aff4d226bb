"""What this installation has: tables and columns, content types, its maker, its rules."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import psycopg
from sqlalchemy import Column, FromClause, Table, cast, null

from gateway.db import tables
from gateway.db.installation.placeholders import meaning
from gateway.db.installation.version_rules import BY_YEAR, Rules
from gateway.db.tables.columns import BASE, OF

_COLUMNS = """
select held.relname, part.attname, has_column_privilege(held.oid, part.attnum, 'select'),
    part.attnotnull
from pg_class held join pg_namespace space on space.oid = held.relnamespace
    and space.nspname = any(current_schemas(false))
join pg_attribute part on part.attrelid = held.oid and part.attnum > 0 and not part.attisdropped
where held.relkind in ('r', 'p', 'v', 'm', 'f')
"""
_OWN = """
select coalesce(bool_or(has_table_privilege('authtoken_token', 'update')), false), count(*) > 0
from pg_class mark join pg_namespace space on space.oid = mark.relnamespace
where space.nspname = 'gateway' and mark.relname = 'marketplace'
"""
ESSENTIAL = ("core_user", "authtoken_token", "marketplace_resource", "structure_project")


class NoMarketplaceError(Exception):
    """The database holds no marketplace, or none that can be read; the text says what to do."""


@dataclass(frozen=True, eq=False)
class Installation:
    """One marketplace's database, as it was found at start."""

    absent: frozenset[Table[Any]]
    """The tables that it lacks."""
    lacking: frozenset[Column[Any]]
    """The columns that it lacks of the tables that it has."""
    loose: frozenset[Column[Any]]
    """The columns that never hold a null by our tables, and may by its own."""
    content_types: dict[tuple[str, str], int]
    """Ids of content types by (app label, model)."""
    version: str
    """PostgreSQL's."""
    own: bool
    """Whether `gateway init` made it."""
    writable: bool
    """Whether the tokens of a marketplace of our own can be kept alive."""
    rules: Rules

    def lacks(self, table: FromClause) -> bool:
        """Say whether the installation has no `table`; of a view, nothing that it shows."""
        return isinstance(table, Table) and table.info.get(BASE, table) in self.absent

    def known(self, column: Column[Any]) -> Column[Any] | None:
        """Give `column` if the installation has it."""
        lacking = column.info.get(OF, column) in self.lacking
        return None if lacking or self.lacks(column.table) else column

    def nullable(self, column: Column[Any]) -> bool:
        """Say whether a row of this installation may hold no value of `column`."""
        stored = column.info.get(OF, column)
        return bool(stored.nullable) or stored in self.loose or stored in self.lacking

    def replacement(self, element: Any) -> Any:
        """Give what stands for `element` in a statement; None if it can stay."""
        if isinstance(element, Column) and self.known(element) is None:
            return cast(null(), element.type)
        return meaning(element, self.rules, self.content_types)

    def content_type(self, app_label: str, model: str) -> int:
        """Give the id of a content type; one that no row has if there is none."""
        return self.content_types.get((app_label, model), -1)

    def missing(self) -> list[str]:
        """Name the tables and columns that the installation lacks, for people."""
        names = [each.name for each in self.absent]
        lacking = [each for each in self.lacking if "until" not in each.info]
        return sorted([*names, *(f"{each.table.name}.{each.name}" for each in lacking)])


def found(connection: psycopg.Connection[Any], year: int | None = None) -> Installation:
    """Read what the database has; `year` states the rules, which it shows otherwise.

    NoMarketplaceError if it lacks what every marketplace has, or does not show it.
    """
    have = _readable(connection)
    lost = [name for name in ESSENTIAL if name not in have]
    if lost:
        raise NoMarketplaceError(f"The database holds no marketplace: it has no table {lost[0]}.")
    known = tables.metadata.tables.values()
    newer = "last_sync" in have["marketplace_resource"]
    writable, own = connection.execute(_OWN).fetchone() or (False, False)
    return Installation(
        absent=frozenset(each for each in known if each.name not in have),
        lacking=frozenset(_columns(known, have, lambda promise: promise is None)),
        loose=frozenset(
            each
            for each in _columns(known, have, lambda promise: promise is False)
            if not each.nullable
        ),
        content_types=_content_types(connection),
        version=_one(connection, "show server_version"),
        own=own,
        writable=writable,
        rules=BY_YEAR[year or (2026 if newer else 2024)],
    )


Have = dict[str, dict[str, bool]]
"""By table and column, what may be read, and whether the database promises a value."""


def _readable(connection: psycopg.Connection[Any]) -> Have:
    """Give the tables and those of their columns that may be read; of ours at least one each."""
    have: Have = {}
    for table, column, readable, promised in connection.execute(_COLUMNS):
        have.setdefault(table, {}).update({column: promised} if readable else {})
    hidden = sorted(name for name in tables.metadata.tables if have.get(name) == {})
    if hidden:
        raise NoMarketplaceError(
            f"The database's role may not read {', '.join(hidden[:3])}"
            f"{' and others' if len(hidden) > 3 else ''}: grant it SELECT."  # noqa: PLR2004
        )
    return have


def _columns(
    known: Iterable[Table[Any]], have: Have, wanted: Callable[[bool | None], bool]
) -> Iterable[Column[Any]]:
    """Give the columns, of tables that are there, that promise a value as is `wanted`."""
    for table in known:
        if table.name in have:
            promises = have[table.name]
            yield from (each for each in table.c if wanted(promises.get(each.name)))


def _content_types(connection: psycopg.Connection[Any]) -> dict[tuple[str, str], int]:
    rows = connection.execute("select app_label, model, id from django_content_type")
    return {(app_label, model): id_ for app_label, model, id_ in rows}


def _one(connection: psycopg.Connection[Any], sql: str) -> Any:
    row = connection.execute(sql).fetchone()
    return row and row[0]
