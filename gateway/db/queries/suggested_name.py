"""What the name of a new resource is made of: a project, an offering, perhaps a plan (§5.19).

The statement starts at the project. `offering` and `plan` are its parameters:
uuids, that of the plan may be null. What is read here has no rule of its own:
`SEEN` goes with it.
"""

from typing import Any

from sqlalchemy import Column, ColumnElement, Uuid, bindparam, exists, func, or_, select

from gateway.db import tables
from gateway.db.query_spec import At, Condition, Of
from gateway.db.sql.filters import equal

_offering, _plan, _resource = tables.offering.c, tables.plan.c, tables.resource.c


def _seen(table: Any, name: str) -> Condition:
    """Have the viewer see the row of the uuid that a parameter gives."""
    return lambda rules: exists().where(equal(table.c.uuid, name), rules(table))


def _or_none(name: str, condition: Condition) -> Condition:
    """Have a condition hold if a parameter is given."""
    return lambda rules: or_(bindparam(name, type_=Uuid()).is_(None), condition(rules))


SEEN = (_seen(tables.offering, "offering"), _or_none("plan", _seen(tables.plan, "plan")))
"""The viewer sees what the parameters name."""


def _named(column: Column[Any], name: str) -> Of:
    """Give a column of the row of the uuid that a parameter gives."""
    return Of(lambda: select(column).where(equal(column.table.c.uuid, name)).scalar_subquery())


def _there(project: ColumnElement[Any]) -> ColumnElement[Any]:
    """Count the resources of the offering in a project, whoever sees them and in any state."""
    offering = select(_offering.id).where(equal(_offering.uuid, "offering")).scalar_subquery()
    found = select(func.count()).where(
        _resource.project_id == project, _resource.offering_id == offering
    )
    return found.select_from(tables.resource).scalar_subquery()


OFFERING_NAME = _named(_offering.name, "offering")
OFFERING_SLUG = _named(_offering.slug, "offering")
PLUGIN_OPTIONS = _named(_offering.plugin_options, "offering")
PLAN_NAME = _named(_plan.name, "plan")
THERE = Of(_there, (At(tables.project.c.id),))
