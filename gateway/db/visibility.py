"""Who may see which rows: every table is declared here once, and a table that is not can't be read.

A rule is a condition on a row's own columns; the viewer enters as named
parameters, so that a statement's text is the same for all viewers of one
`Sight`. Staff and support see everything: their statements are made without
rules. The rules are those of domain.md §4.4-4.10; which ids a viewer's roles
give is worked out in `expansion`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import (
    ARRAY,
    BinaryExpression,
    BindParameter,
    Boolean,
    CollectionAggregate,
    Column,
    ColumnElement,
    Integer,
    Table,
    and_,
    any_,
    bindparam,
    exists,
    false,
    not_,
    or_,
    true,
)

from gateway.db import tables
from gateway.db.read import Door, Read, Side
from gateway.db.values import constant, text


@dataclass(frozen=True)
class Sight:
    """What of a viewer decides the text of statements; all else are parameters."""

    everything: bool = False
    """Whether there are no rules."""
    nothing: frozenset[str] = frozenset()
    """The names of ids that the viewer has none of: by these nothing is seen."""


EVERYTHING = Sight(everything=True)


@dataclass(frozen=True)
class Viewer:
    """On whose behalf the database is read, and the ids that their roles give."""

    user_id: int | None = None
    username: str | None = None
    staff: bool = False
    support: bool = False
    consumer_projects: frozenset[int] = frozenset()
    """Projects whose resources the viewer sees as a consumer."""
    resources: frozenset[int] = frozenset()
    """Resources that the viewer has a role on."""
    provided_offerings: frozenset[int] = frozenset()
    """Offerings whose resources the viewer sees as a provider."""
    own_offerings: frozenset[int] = frozenset()
    """Offerings that the viewer sees in whatever state."""
    hidden_offerings: frozenset[int] = frozenset()
    """Offerings of the catalogue that the viewer may not see."""
    hidden_plans: frozenset[int] = frozenset()
    """Plans that are for other organisations."""
    projects: frozenset[int] = frozenset()
    customers: frozenset[int] = frozenset()
    categories: bool = False
    """Whether the viewer sees the kinds of offerings."""
    catalogue: bool = False
    """Whether the viewer sees the catalogue of shared offerings."""
    plans: bool = False
    """Whether the viewer sees the plans of what is in the catalogue."""

    @property
    def everything(self) -> bool:
        """Whether the viewer sees all rows: staff and support do (domain.md §4.4)."""
        return self.staff or self.support

    @cached_property
    def sight(self) -> Sight:
        """What of the viewer decides the text of statements."""
        if self.everything:
            return EVERYTHING
        return Sight(nothing=frozenset(name for name in _IDS if not getattr(self, name)))

    @cached_property
    def parameters(self) -> dict[str, str | None]:
        """What the rules need to know of the viewer, as the database reads it."""
        ids = {name: getattr(self, name) for name in _IDS}
        return {
            "viewer": text(self.user_id),
            "categories": text(self.categories),
            "catalogue": text(self.catalogue),
            "plans": text(self.plans),
            **{name: text(sorted(each)) for name, each in ids.items()},
        }


_IDS = (
    "consumer_projects",
    "resources",
    "provided_offerings",
    "own_offerings",
    "hidden_offerings",
    "hidden_plans",
    "projects",
    "customers",
)


def _among(column: Column[Any], ids: str) -> ColumnElement[bool]:
    """See the rows whose `column` is among the viewer's ids of that name."""
    return column == any_(bindparam(ids, type_=ARRAY(Integer)))


def unseen(element: Any, nothing: frozenset[str]) -> ColumnElement[bool] | None:
    """Give a plain no for a condition that some column is among `nothing`; None for all else."""
    if isinstance(element, BinaryExpression) and isinstance(element.right, CollectionAggregate):
        ids = getattr(element.right.element, "element", None)
        if isinstance(ids, BindParameter) and ids.key in nothing:
            return false()
    return None


def _is(name: str) -> ColumnElement[bool]:
    return bindparam(name, type_=Boolean)


_resource, _offering = tables.resource.c, tables.offering.c
_PUBLIC = [constant(state) for state in (2, 3)]
"""The states of offerings in the catalogue: active and paused (domain.md §4.7)."""

SIDES: Mapping[Side, ColumnElement[bool]] = {
    Side.CONSUMER: or_(
        _among(_resource.project_id, "consumer_projects"), _among(_resource.id, "resources")
    ),
    Side.PROVIDER: _among(_resource.offering_id, "provided_offerings"),
}
"""Resources as consumers (domain.md §4.4) and as providers (§4.5) see them."""

RULES: Mapping[Table[Any], ColumnElement[bool]] = {
    tables.resource: or_(*SIDES.values()),
    tables.offering: or_(
        and_(
            _offering.shared,
            _offering.state.in_(_PUBLIC),
            _is("catalogue"),
            not_(_among(_offering.id, "hidden_offerings")),
        ),
        _among(_offering.id, "own_offerings"),
    ),
    tables.category: _is("categories"),
    tables.project: _among(tables.project.c.id, "projects"),
    tables.customer: _among(tables.customer.c.id, "customers"),
    tables.user: tables.user.c.id == bindparam("viewer", type_=Integer),
}
"""What a viewer sees of each table that has a rule of its own."""

STANDING: Mapping[Table[Any], ColumnElement[bool]] = {
    tables.project: not_(tables.project.c.is_removed),
}
"""What holds for everybody, staff too: removed projects are in no list (domain.md §4.10)."""


@dataclass(frozen=True, eq=False)
class Part:
    """Rows that are seen with the row that `owner` refers to, if `rule` holds too."""

    owner: Column[Any]
    rule: ColumnElement[bool] | None = None


PARTS: Mapping[Table[Any], Part] = {
    tables.component: Part(tables.component.c.offering_id),
    tables.partition: Part(tables.partition.c.offering_id),
    tables.offering_endpoint: Part(tables.offering_endpoint.c.offering_id),
    tables.resource_endpoint: Part(tables.resource_endpoint.c.resource_id),
    tables.plan: Part(
        tables.plan.c.offering_id,
        and_(_is("plans"), not_(_among(tables.plan.c.id, "hidden_plans"))),
    ),
    tables.plan_component: Part(tables.plan_component.c.plan_id),
}
"""What belongs to another row; plans may be for some organisations only (§3.5)."""

OPEN = frozenset(
    {tables.offering, tables.category, tables.plan, tables.component, tables.partition}
)
"""What shows all its fields to whoever is referred to it."""


def _rule(table: Table[Any], *, everything: bool, side: Side | None = None) -> ColumnElement[bool]:
    standing = STANDING.get(table, true())
    if everything:
        return standing
    return and_(standing, RULES[table] if side is None else SIDES[side])


def _of_part(part: Part, *, everything: bool) -> ColumnElement[bool]:
    return true() if everything or part.rule is None else part.rule


def visible(
    table: Table[Any], *, everything: bool, side: Side | None = None
) -> ColumnElement[bool]:
    """Give the condition under which a row of `table` is seen; KeyError if none is declared."""
    part = PARTS.get(table)
    if part is None:
        return _rule(table, everything=everything, side=side)
    (foreign_key,) = part.owner.foreign_keys
    owner: Any = foreign_key.column.table
    seen = visible(owner, everything=everything)
    held = exists().where(foreign_key.column == part.owner, seen).correlate_except(owner)
    return and_(_of_part(part, everything=everything), held)


def condition(read: Read, *, everything: bool) -> ColumnElement[bool]:
    """Give what must hold of the rows of `read` because of the door that they are read by."""
    if read.door is Door.VISIBLE:
        return visible(read.table, everything=everything, side=read.side)
    if read.door is Door.PARTS and read.table in PARTS and not read.grouped:
        part = PARTS[read.table]
        if read.match is None or read.match.column is not part.owner or read.match.path:
            raise ValueError(f"{read.table.name} is read as a part, but not by its owner.")
        return _of_part(part, everything=everything)
    return true()


def seen(table: Table[Any], *, everything: bool) -> ColumnElement[bool]:
    """Give the condition under which a row of `table` that was referred to is seen as a whole."""
    return true() if table in OPEN else visible(table, everything=everything)
