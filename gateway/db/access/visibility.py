"""Who may see which rows: every table is declared here once, and a table that is not can't be read.

A rule is a condition on a row's own columns; the viewer enters as named
parameters, so that a statement's text is the same for all viewers of one
`Sight`. Staff and support see everything: their statements are made without
rules. The rules are those of domain.md §4.4-4.10; which ids a viewer's roles
give is worked out in `expansion`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
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
from gateway.db.access.viewer import Viewer
from gateway.db.driver.encoding import constant
from gateway.db.query_spec import Door, Read, Side
from gateway.db.views import registry


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


_resource = tables.resource.c
_PUBLIC = [constant(state) for state in (2, 3)]
"""The states of offerings in the catalogue: active and paused (domain.md §4.7)."""


def _offered(offering: Table[Any]) -> ColumnElement[bool]:
    """See the offerings in the catalogue, and the viewer's own (domain.md §4.7)."""
    return or_(
        and_(
            offering.c.shared,
            offering.c.state.in_(_PUBLIC),
            _is("catalogue"),
            not_(_among(offering.c.id, "hidden_offerings")),
        ),
        _among(offering.c.id, "own_offerings"),
    )


_AMONG: Mapping[Side, Mapping[str, str]] = {
    Side.CONSUMER: {"project_id": "consumer_projects", "id": "resources"},
    Side.PROVIDER: {"offering_id": "provided_offerings"},
}
"""Resources as consumers (domain.md §4.4) and as providers (§4.5) see them.

A resource is seen if one of these columns is among the viewer's ids of that name.
"""

SIDES: Mapping[Side, ColumnElement[bool]] = {
    side: or_(*[_among(_resource[column], ids) for column, ids in among.items()])
    for side, among in _AMONG.items()
}


def sees_resource(viewer: Viewer, **columns: int | None) -> bool:
    """Say whether a viewer sees a resource whose `id`, `project_id` and `offering_id` are known.

    It is the rule that statements have, for what is told without one.
    """
    return viewer.everything or any(
        columns[column] in getattr(viewer, ids)
        for among in _AMONG.values()
        for column, ids in among.items()
    )


RULES: Mapping[Table[Any], ColumnElement[bool]] = {
    tables.resource: or_(*SIDES.values()),
    tables.offering: _offered(tables.offering),
    tables.order: or_(
        _among(tables.order.c.project_id, "order_projects"),
        _among(tables.order.c.offering_id, "order_offerings"),
    ),
    tables.category: _is("categories"),
    tables.software_catalog: false(),
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


def _open_plans(plan: Table[Any]) -> ColumnElement[bool]:
    """See the plans that are not for other organisations alone (§3.5)."""
    return and_(_is("plans"), not_(_among(plan.c.id, "hidden_plans")))


PARTS: Mapping[Table[Any], Part] = {
    tables.component: Part(tables.component.c.offering_id),
    tables.partition: Part(tables.partition.c.offering_id),
    tables.offering_endpoint: Part(tables.offering_endpoint.c.offering_id),
    tables.offering_user_role: Part(tables.offering_user_role.c.offering_id),
    tables.offering_software_catalog: Part(tables.offering_software_catalog.c.offering_id),
    tables.plan_period: Part(tables.plan_period.c.resource_id),
    tables.component_usage: Part(tables.component_usage.c.resource_id),
    tables.resource_endpoint: Part(tables.resource_endpoint.c.resource_id),
    tables.plan: Part(tables.plan.c.offering_id, _open_plans(tables.plan)),
    registry.effective_component: Part(registry.effective_component.c.of_offering_id),
    registry.effective_plan: Part(
        registry.effective_plan.c.of_offering_id, _open_plans(registry.effective_plan)
    ),
    registry.team_member: Part(registry.team_member.c.resource_id),
    registry.backend: Part(registry.backend.c.resource_id),
    registry.subresource_offering: Part(
        registry.subresource_offering.c.of_resource_id, _offered(registry.subresource_offering)
    ),
    registry.history_entry: Part(registry.history_entry.c.resource_id, false()),
    tables.plan_component: Part(tables.plan_component.c.plan_id),
}
"""What belongs to another row; plans may be for some organisations only (§3.5).

REST tells whoever sees a resource the uuids and types of all its offerings of
subresources (§5.20), drafts and other customers' private ones too. Offerings are
shown here as a whole, so only those are that the viewer sees anyway.
Histories are for staff and support, whom no rule holds (§4.11).
"""

EMBEDDED: Mapping[Table[Any], Column[Any]] = {
    tables.order: tables.order.c.resource_id,
    tables.component_usage: tables.component_usage.c.plan_period_id,
}
"""By what else rows are shown to whoever sees what they refer to, unlike in lists (§4.9, §5.20)."""

OPEN = frozenset(
    {
        tables.offering,
        tables.category,
        tables.plan,
        tables.component,
        tables.partition,
        tables.order,
        tables.software_catalog,
    }
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
    if read.door is Door.REFERENCED or read.grouped:
        return true()
    part = PARTS.get(read.table)
    owners = [EMBEDDED.get(read.table), part and part.owner]
    if read.match is None or read.match.path or read.match.column not in set(owners):
        raise ValueError(f"{read.table.name} is read as a part, but not by its owner.")
    return true() if part is None else _of_part(part, everything=everything)


def seen(table: Table[Any], *, everything: bool) -> ColumnElement[bool]:
    """Give the condition under which a row of `table` that was referred to is seen as a whole."""
    return true() if table in OPEN else visible(table, everything=everything)
