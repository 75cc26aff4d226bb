"""The tables of one statement: the one it starts at, and those that references lead to."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import Column, ColumnElement, FromClause, Select, Table, cast, null, select, true
from sqlalchemy.sql.util import ClauseAdapter
from sqlalchemy.sql.visitors import iterate

from gateway.db.access.visibility import seen
from gateway.db.driver.encoding import constant
from gateway.db.installation.installation import Installation
from gateway.db.query_spec import At, Nested, Of, Seen, Wanted

Path = tuple[Column[Any], ...]


class Sources:
    """Makes one alias and one join for each path; outer where a reference on it may be null.

    All joins are `outer` where what is joined is only shown: then a row stays
    even if what it refers to is gone. Where few rows are joined, `looked` says
    what will be wanted of them: then each is looked up by its key, while the
    planner, which takes small tables for free, would read and sort those first.
    The aliases' `names` must differ from those of a statement around this one.
    """

    def __init__(  # noqa: PLR0913 - each says another thing
        self,
        installation: Installation,
        start: FromClause,
        joined: FromClause | None = None,
        *,
        everything: bool,
        outer: bool = False,
        looked: Iterable[Wanted] | None = None,
        names: str = "t",
    ) -> None:
        self.joined = start if joined is None else joined
        self._installation, self._everything = installation, everything
        self._names = names
        self._looked = None if looked is None else self._columns(looked)
        self._at: dict[Path, tuple[FromClause, bool]] = {(): (start, outer)}

    def wanted(self, wanted: At | Of | Seen) -> ColumnElement[Any]:
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
        rule = self._rule(path)
        if rule is true():
            return rule
        table, _ = self._table(path)
        adapt: Callable[[Any], ColumnElement[bool]] = ClauseAdapter(table).traverse
        return adapt(rule)

    def _table(self, path: Path) -> tuple[FromClause, bool]:
        if path not in self._at:
            start, outer = self._table(path[:-1])
            reference = path[-1]
            (foreign_key,) = reference.foreign_keys
            name, key = f"{self._names}{len(self._at)}", foreign_key.column
            outer = outer or self._installation.nullable(reference)
            if self._looked is None:
                target: FromClause = key.table.alias(name)
                on = start.c[reference.key] == target.c[key.key]
            else:
                target = self._lookup(path, start.c[reference.key], key).lateral(name)
                on = true()
            self.joined = self.joined.join(target, on, isouter=outer)
            self._at[path] = target, outer
        return self._at[path]

    def _lookup(self, path: Path, value: ColumnElement[Any], key: Column[Any]) -> Select[Any]:
        """Give the select of the one row whose `key` has a value."""
        assert self._looked is not None
        table = key.table.alias("x")
        wanted = [each for each in key.table.c if each in self._looked[path]]
        known = [each for each in wanted if self._installation.known(each) is not None]
        found = select(*[table.c[each.key] for each in known])
        return found.where(table.c[key.key] == value).limit(constant(1))

    def _columns(self, wanted: Iterable[Wanted]) -> dict[Path, set[Column[Any]]]:
        """Give the columns that are read of what each path leads to."""
        found: dict[Path, set[Column[Any]]] = defaultdict(set)
        for each in wanted:
            if isinstance(each, Seen):
                _along(each.path, found).update(_mentioned(self._rule(each.path)))
            for at in each.columns if isinstance(each, Of | Nested) else (each,):
                if isinstance(at, At):
                    _along(at.path, found).add(at.column)
        return found

    def _rule(self, path: Path) -> ColumnElement[bool]:
        """Give the rule of the table that `path` leads to; true without one."""
        return seen(_target(path), everything=self._everything) if path else true()


def _along(path: Path, found: dict[Path, set[Column[Any]]]) -> set[Column[Any]]:
    """Give the columns read at the end of a path, having added those that lead there."""
    for i, reference in enumerate(path):
        found[path[:i]].add(reference)
    return found[path]


def _target(path: Path) -> Table[Any]:
    (foreign_key,) = path[-1].foreign_keys
    return foreign_key.column.table


def _mentioned(rule: ColumnElement[bool]) -> set[Column[Any]]:
    """Give the columns of the tables themselves that stand in a rule."""
    return {each for each in iterate(rule) if isinstance(each, Column)}
