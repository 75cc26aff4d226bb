"""From a `Read` to SQL: the only way there is, and the one that puts the viewer's rule in.

A statement's first column is the key that its rows were found by, null where
there is none.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    FromClause,
    Select,
    Table,
    any_,
    bindparam,
    func,
    null,
    select,
    true,
)
from sqlalchemy.sql.visitors import replacement_traverse

from gateway.db.access.viewer import Sight
from gateway.db.access.visibility import condition, seen, unseen, visible
from gateway.db.access.visible_to_user import visible_to
from gateway.db.driver.encoding import constant
from gateway.db.driver.statement import DIALECT, Statement
from gateway.db.installation.installation import Installation
from gateway.db.query_spec import At, Door, Nested, Read, Seen, Stretch, Through, Wanted
from gateway.db.sql.joins import Sources
from gateway.db.sql.json_rows import listed
from gateway.db.sql.keyset import bounds
from gateway.db.sql.planner_hints import beside
from gateway.db.views.registry import ctes

_NO_KEY = null().label("key")


class Statements:
    """Makes the statements for one installation; those made last are kept."""

    def __init__(self, installation: Installation, kept: int = 1000) -> None:
        self.installation = installation
        self.of = lru_cache(kept)(self.made)
        """Give the statement of a read, and remember it by the read."""

    def made(self, read: Read, sight: Sight) -> Statement | None:
        """Make the statement of a read, for all viewers of such sight.

        There is none if this installation has nothing to read.
        """
        if any(self.installation.lacks(each) for each in _tables(read)):
            return None
        found = _Selecting(self.installation, read, everything=sight.everything).select()

        def replaced(element: Any, **_: Any) -> Any:
            """Give a null for a column that this installation lacks, a no for what none sees."""
            missing = self.installation.replacement(element)
            return unseen(element, sight.nothing) if missing is None else missing

        nested = [each.read.table for each in read.columns if isinstance(each, Nested)]
        absent, rules = self.installation.absent, self.installation.rules
        found = found.add_cte(*ctes([read.table, *nested], absent, rules))
        known: Any = replacement_traverse(found, {}, replaced)
        compiled = known.compile(dialect=DIALECT)
        return Statement(str(compiled), tuple(compiled.positiontup or ()))


class _Selecting:
    """Makes the select of one read."""

    def __init__(self, installation: Installation, read: Read, *, everything: bool) -> None:
        self._installation, self._read, self._everything = installation, read, everything
        wanted = [each(self._rule) for each in read.where]
        found = [read.match.column] if read.stretch and read.match and not read.match.path else []
        self._conditions = [beside(self._rule(read.table), wanted, *found), *wanted]
        if read.visible_to:
            self._conditions.append(visible_to(installation))

    def select(self) -> Select[Any]:
        """Give the select."""
        if self._read.stretch is not None:
            return self._page(self._read.stretch)
        return self._grouped() if self._read.grouped else self._rows()

    def _rule(self, table: Table[Any]) -> ColumnElement[bool]:
        """Give the rule under which rows of `table` are seen; of the read's own, by its door."""
        if table is self._read.table:
            return condition(self._read, everything=self._everything)
        return visible(table, everything=self._everything)

    def _sources(self, start: FromClause, joined: FromClause | None = None, **how: Any) -> Sources:
        return Sources(self._installation, start, joined, everything=self._everything, **how)

    def _rows(self) -> Select[Any]:
        match, wanted = self._read.match, self._read.columns
        looked = (match, *wanted) if self._read.single and match is not None else None
        sources = self._sources(self._read.table, outer=True, looked=looked)
        key = _NO_KEY if match is None else sources.column(match)
        columns = [self._column(sources, each) for each in self._read.columns]
        found = select(key, *columns).where(*self._conditions, *self._matching(sources))
        return found.select_from(sources.joined).order_by(*self._order())

    def _order(self) -> Sequence[ColumnElement[Any]]:
        """Give what rows are sorted by; one row needs no order."""
        match, read = self._read.match, self._read
        if read.single and read.through is None and match is not None and match.column.unique:
            return ()
        return (*read.order, *read.table.primary_key)

    def _grouped(self) -> Select[Any]:
        sources = self._sources(self._read.table)
        keys = [] if self._read.match is None else [sources.column(self._read.match)]
        groups = [sources.column(each) for each in self._read.columns if isinstance(each, At)]
        columns = [self._column(sources, each) for each in self._read.columns]
        found = select(*(keys or [_NO_KEY]), *columns).where(
            *self._conditions, *self._matching(sources)
        )
        return found.select_from(sources.joined).group_by(*keys, *groups).order_by(*groups)

    def _column(self, sources: Sources, wanted: Wanted) -> ColumnElement[Any]:
        """Give a column's SQL; the row's own rule where it asks whether the row itself is seen."""
        if isinstance(wanted, Seen) and not wanted.path:
            if self._read.door is not Door.REFERENCED:
                return true()
            return seen(self._read.table, everything=self._everything)
        if isinstance(wanted, Nested):
            return self._nested(wanted.read, sources.column(wanted.key))
        return sources.wanted(wanted)

    def _nested(self, read: Read, key: ColumnElement[Any]) -> ColumnElement[Any]:
        """Give the rows that another read finds under a key, as one value."""
        if self._installation.lacks(read.table):
            return null()
        return _Selecting(self._installation, read, everything=self._everything).listed(key)

    def listed(self, key: ColumnElement[Any]) -> ColumnElement[Any]:
        """Give the rows under a key of a statement around this one, as one value."""
        match, wanted = self._read.match, self._read.columns
        assert match is not None
        sources = self._sources(self._read.table, outer=True, looked=(match, *wanted), names="n")
        column = sources.column(match)
        columns = [column, *(self._column(sources, each) for each in wanted)]
        rows = select(listed(columns, [*self._order()])).select_from(sources.joined)
        return rows.where(*self._conditions, column == key).scalar_subquery()

    def _matching(self, sources: Sources) -> list[ColumnElement[bool]]:
        match = self._read.match
        if match is None:
            return []
        column = sources.column(match)
        if not self._read.single:
            return [column == any_(self._keys(match))]
        through = self._read.through
        if through is None:
            return [column == bindparam("keys", type_=match.column.type)]
        return [column == self._found(through).scalar_subquery()]

    def _keys(self, match: At) -> ColumnElement[Any]:
        """Give the array of keys."""
        if self._read.through is None:
            return bindparam("keys", type_=ARRAY(match.column.type))
        return func.array(self._found(self._read.through).scalar_subquery())

    def _found(self, through: Through) -> Select[Any]:
        above = _Selecting(self._installation, through.read, everything=self._everything)
        return above.keys(through.key)

    def keys(self, at: At) -> Select[Any]:
        """Give the select of one column, for another statement."""
        sources = self._sources(self._read.table)
        column = sources.column(at)
        found = select(column).where(*self._conditions, *self._matching(sources))
        return found.select_from(sources.joined).correlate(None)

    def _page(self, stretch: Stretch) -> Select[Any]:
        """Find the page first, and join only its rows with what they refer to."""
        (primary,) = self._read.table.primary_key
        inner = self._sources(self._read.table)
        places = [*(inner.column(at) for at in stretch.order.by), primary]
        downward = stretch.order.descending != stretch.backward
        page = (
            select(*self._needed(), *[c.label(f"order{i}") for i, c in enumerate(places)])
            .where(*self._conditions, *bounds(stretch, places))
            .order_by(*_ordered(places, downward=downward))
            .limit(constant(stretch.limit))
        )
        key, found, joined = self._places(page, inner)
        sources = self._sources(found, joined, outer=True, looked=self._read.columns)
        columns = [self._column(sources, each) for each in self._read.columns]
        ordered = [found.c[f"order{i}"] for i in range(len(places))]
        return (
            select(key, *columns, *(ordered if self._read.placed else ()))
            .select_from(sources.joined)
            .order_by(*_ordered(ordered, downward=downward))
        )

    def _needed(self) -> Sequence[ColumnElement[Any]]:
        """Give the columns of the page itself that its rows are joined and shown by."""
        ats = [
            each
            for wanted in self._read.columns
            for each in ((wanted,) if isinstance(wanted, At) else getattr(wanted, "columns", ()))
        ]
        first = [each.path[0] if each.path else each.column for each in ats]
        first += [
            each.path[0] for each in self._read.columns if isinstance(each, Seen) and each.path
        ]
        known = [
            each for each in dict.fromkeys(first) if self._installation.known(each) is not None
        ]
        return [self._read.table.c[each.key] for each in known]

    def _places(self, page: Select[Any], inner: Sources) -> tuple[Any, FromClause, FromClause]:
        """Give each row's key, where the page's rows come from, and the same joined to the keys."""
        match = self._read.match
        if match is None:
            found: FromClause = page.select_from(inner.joined).subquery("page")
            return _NO_KEY, found, found
        keys = func.unnest(self._keys(match)).table_valued("key", name="keys").render_derived()
        column = inner.column(match)
        lateral = page.where(column == keys.c.key).select_from(inner.joined).lateral("page")
        return keys.c.key, lateral, keys.join(lateral, true())


def _ordered(places: Sequence[Any], *, downward: bool) -> list[Any]:
    return [each.desc() if downward else each for each in places]


def _tables(read: Read) -> Iterator[Any]:
    """Give the tables that a statement starts from."""
    yield read.table
    if read.through is not None:
        yield from _tables(read.through.read)
