"""What the name of a new resource is made of: a project, an offering, perhaps a plan (§5.19).

The statement starts at the project. `offering` and `plan` are its parameters:
uuids, that of the plan may be null. What is read here has no rule of its own:
`SEEN` goes with it.
"""

from typing import Any

from sqlalchemy import Column, ColumnElement, Uuid, bindparam, exists, func, or_, select

from gateway.db import tables
from gateway.db.query_spec import ColumnRef, Expression, RowCondition
from gateway.db.sql.filters import equals_value

_offering, _plan, _resource = tables.offering.c, tables.plan.c, tables.resource.c


def _is_row_visible(table: Any, parameter: str) -> RowCondition:
    """Have the viewer see the row of the uuid that a parameter gives."""
    return lambda rules: exists().where(equals_value(table.c.uuid, parameter), rules(table))


def _is_null_or(parameter: str, condition: RowCondition) -> RowCondition:
    """Have a condition hold if a parameter is given."""
    return lambda rules: or_(bindparam(parameter, type_=Uuid()).is_(None), condition(rules))


VISIBILITY_CONDITIONS = (
    _is_row_visible(tables.offering, "offering"),
    _is_null_or("plan", _is_row_visible(tables.plan, "plan")),
)
"""The viewer sees what the parameters name."""


def _select_by_uuid(column: Column[Any], parameter: str) -> Expression:
    """Give a column of the row of the uuid that a parameter gives."""
    return Expression(
        lambda: select(column).where(equals_value(column.table.c.uuid, parameter)).scalar_subquery()
    )


def _count_resources(project_id: ColumnElement[Any]) -> ColumnElement[Any]:
    """Count the resources of the offering in a project, whoever sees them and in any state."""
    offering_id = (
        select(_offering.id).where(equals_value(_offering.uuid, "offering")).scalar_subquery()
    )
    count_statement = select(func.count()).where(
        _resource.project_id == project_id, _resource.offering_id == offering_id
    )
    return count_statement.select_from(tables.resource).scalar_subquery()


OFFERING_NAME = _select_by_uuid(_offering.name, "offering")
OFFERING_SLUG = _select_by_uuid(_offering.slug, "offering")
PLUGIN_OPTIONS = _select_by_uuid(_offering.plugin_options, "offering")
PLAN_NAME = _select_by_uuid(_plan.name, "plan")
RESOURCE_COUNT = Expression(_count_resources, (ColumnRef(tables.project.c.id),))
