"""How much of their limits resources have used in the present periods (domain.md §3.2, §3.7)."""

from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, select

from gateway.db import tables
from gateway.db.driver.encoding import constant
from gateway.db.installation.version_rules import Rules

_usage, _component = tables.component_usage.c, tables.component.c


def limited_usage(rules: Rules) -> Select[Any]:
    """Select the sums of what counts toward limits of a quarter, of a year, and in total.

    What counts toward limits of a month stands in the resource itself.
    """
    joined = tables.component_usage.join(tables.component, _component.id == _usage.component_id)
    found = (
        select(
            _usage.resource_id.label("resource_id"),
            _component.type.label("type"),
            func.sum(_usage.usage).label("usage"),
        )
        .select_from(joined)
        .where(_component.billing_type == constant("limit"), _counts())
        .group_by(_usage.resource_id, _component.type)
    )
    return found if rules.usage_outside_plans else found.where(_usage.plan_period_id.is_not(None))


def _counts() -> ColumnElement[bool]:
    period = _component.limit_period
    return case(
        (period == constant("quarterly"), _usage.billing_period >= _start_of("quarter")),
        (period == constant("annual"), _usage.billing_period >= _start_of("year")),
        else_=period == constant("total"),
    )


def _start_of(period: str) -> ColumnElement[Any]:
    return func.date_trunc(constant(period), func.timezone(constant("UTC"), func.now()))
