"""Inputs of suggested resource names: project, offering and optional plan (domain.md §5.19).

The statement selects from the project; `offering` and `plan` are parameters with uuids, of which
the plan's may be NULL. The expressions have no row-level predicates of their own, so the
statement must include `VISIBILITY_CONDITIONS`.
"""

from typing import Any

from sqlalchemy import Column, ColumnElement, Uuid, bindparam, exists, func, or_, select

from gateway.db import tables
from gateway.db.query_spec import ColumnRef, Expression, RowCondition
from gateway.db.sql.filters import equals_value

_offering, _plan, _resource = tables.offering.c, tables.plan.c, tables.resource.c


def _is_row_visible(table: Any, parameter: str) -> RowCondition:
    """Return the condition that the viewer sees the row with a parameter's uuid."""
    return lambda rules: exists().where(equals_value(table.c.uuid, parameter), rules(table))


def _is_null_or(parameter: str, condition: RowCondition) -> RowCondition:
    """Return a condition that holds, too, if a parameter is NULL."""
    return lambda rules: or_(bindparam(parameter, type_=Uuid()).is_(None), condition(rules))


VISIBILITY_CONDITIONS = (
    _is_row_visible(tables.offering, "offering"),
    _is_null_or("plan", _is_row_visible(tables.plan, "plan")),
)
"""Conditions that the viewer sees the offering and, if there is one, the plan."""


def _select_by_uuid(column: Column[Any], parameter: str) -> Expression:
    """Return an expression for a column of the row with a parameter's uuid."""
    return Expression(
        lambda: select(column).where(equals_value(column.table.c.uuid, parameter)).scalar_subquery()
    )


def _count_resources(project_id: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the number of all resources of the offering in a project, in any state."""
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
