"""Usage of resources' limits in the current limit periods (domain.md §3.2, §3.7)."""

from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, select

from gateway.db import tables
from gateway.db.driver.encoding import inline_literal
from gateway.db.installation.version_rules import VersionRules
from gateway.db.tables.codes import BillingType, LimitPeriod

_usage, _component = tables.component_usage.c, tables.component.c


def select_limit_usage(rules: VersionRules) -> Select[Any]:
    """Return a select of the usage sums of quarterly, annual and total limits.

    The resource itself stores the usage of monthly limits.
    """
    joined = tables.component_usage.join(tables.component, _component.id == _usage.component_id)
    statement = (
        select(
            _usage.resource_id.label("resource_id"),
            _component.type.label("type"),
            func.sum(_usage.usage).label("usage"),
        )
        .select_from(joined)
        .where(_component.billing_type == inline_literal(BillingType.LIMIT), _is_current_period())
        .group_by(_usage.resource_id, _component.type)
    )
    return (
        statement
        if rules.counts_usage_outside_plans
        else statement.where(_usage.plan_period_id.is_not(None))
    )


def _is_current_period() -> ColumnElement[bool]:
    period = _component.limit_period
    return case(
        (
            period == inline_literal(LimitPeriod.QUARTERLY),
            _usage.billing_period >= _get_period_start("quarter"),
        ),
        (
            period == inline_literal(LimitPeriod.ANNUAL),
            _usage.billing_period >= _get_period_start("year"),
        ),
        else_=period == inline_literal(LimitPeriod.TOTAL),
    )


def _get_period_start(period: str) -> ColumnElement[Any]:
    return func.date_trunc(inline_literal(period), func.timezone(inline_literal("UTC"), func.now()))
