"""The tables of one statement: the one it starts at, and those that references lead to."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Column, ColumnElement, FromClause, cast, null, true
from sqlalchemy.sql.util import ClauseAdapter

from gateway.db.installation import Installation
from gateway.db.read import At, Of, Seen, Wanted
from gateway.db.visibility import seen

Path = tuple[Column[Any], ...]


class Sources:
    """Makes one alias and one join for each path; outer where a reference on it may be null.

    All joins are `outer` where what is joined is only shown: then a row stays
    even if what it refers to is gone.
    """

    def __init__(
        self,
        installation: Installation,
        start: FromClause,
        joined: FromClause | None = None,
        *,
        everything: bool,
        outer: bool = False,
    ) -> None:
        self.joined = start if joined is None else joined
        self._installation, self._everything = installation, everything
        self._at: dict[Path, tuple[FromClause, bool]] = {(): (start, outer)}

    def wanted(self, wanted: Wanted) -> ColumnElement[Any]:
        """Give what `wanted` says, in SQL."""
        if isinstance(wanted, Of):
            return wanted.function(*map(self.column, wanted.columns))
        if isinstance(wanted, Seen):
            return self._seen(wanted.path)
        return self.column(wanted)

    def column(self, at: At) -> ColumnElement[Any]:
        """Give the column; null where this installation lacks it or what leads to it."""
        column = self._installation.known(at.column)
        if column is None or any(self._installation.known(each) is None for each in at.path):
            return cast(null(), at.column.type)
        table, _ = self._table(at.path)
        return table.c.get(column.key, column)

    def _seen(self, path: Path) -> ColumnElement[bool]:
        (foreign_key,) = path[-1].foreign_keys
        target = foreign_key.column.table
        table, _ = self._table(path)
        adapt: Callable[[Any], Any] = ClauseAdapter(table).traverse
        rule = seen(target, everything=self._everything)
        return true() if rule is true() else adapt(rule)

    def _table(self, path: Path) -> tuple[FromClause, bool]:
        if path not in self._at:
            start, outer = self._table(path[:-1])
            reference = path[-1]
            (foreign_key,) = reference.foreign_keys
            target = foreign_key.column.table.alias(f"t{len(self._at)}")
            outer = outer or self._installation.nullable(reference)
            on = start.c[reference.key] == target.c[foreign_key.column.key]
            self.joined = self.joined.join(target, on, isouter=outer)
            self._at[path] = target, outer
        return self._at[path]
