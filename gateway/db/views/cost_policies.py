"""Cost policies that apply to projects, with the cost that counts towards their limits.

A policy limits the total of the invoice items of its scope in a period: of a project, of an
organisation, or of an offering as far as it is used by some organisations. Credits reduce it as
items with a negative price. Invoices that are cancelled, or of organisations that are blocked or
archived, do not count (rules.md §0).
"""

from collections.abc import Collection, Iterator
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Integer,
    Join,
    Numeric,
    Select,
    Table,
    and_,
    case,
    cast,
    exists,
    false,
    func,
    null,
    or_,
    select,
    true,
    union_all,
)

from gateway.db import tables
from gateway.db.driver.encoding import inline_literal
from gateway.db.tables.codes import InvoiceState, PolicyPeriod, PolicyScope
from gateway.db.views.restricted_resources import is_group_member

_project, _resource, _customer = tables.project.c, tables.resource.c, tables.customer.c
_invoice, _item = tables.invoice.c, tables.invoice_item.c
_project_policy, _customer_policy = tables.project_cost_policy.c, tables.customer_cost_policy.c
_offering_policy, _policy_group = (
    tables.offering_cost_policy.c,
    tables.offering_cost_policy_group.c,
)
_PERIOD_MONTHS = {PolicyPeriod.MONTH: 1, PolicyPeriod.QUARTER: 3, PolicyPeriod.YEAR: 12}
_CENTS_PER_UNIT, _PERCENT, _MONTHS_PER_YEAR = (inline_literal(each) for each in (100, 100, 12))


def select_cost_policies(absent: Collection[Table[Any]]) -> Select[Any] | CompoundSelect[Any]:
    """Return a select of the policies of each project; `absent` are missing tables."""
    branches = (
        [] if {tables.invoice, tables.invoice_item} & {*absent} else [*_list_branches(absent)]
    )
    return union_all(*branches) if branches else _select_nothing()


def _list_branches(absent: Collection[Table[Any]]) -> Iterator[Select[Any]]:
    """Yield a select for each kind of policy whose table exists."""
    if tables.project_cost_policy not in absent:
        yield _select_project_policies()
    if tables.customer_cost_policy not in absent:
        yield _select_customer_policies()
    if tables.offering_cost_policy not in absent:
        yield _select_offering_policies(absent)


def _select_nothing() -> Select[Any]:
    no_cost = cast(null(), Numeric)
    return _select_policies(PolicyScope.PROJECT, _project_policy, no_cost, _project.id).where(
        false()
    )


def _select_policies(
    scope: PolicyScope,
    policy: Any,
    cost: ColumnElement[Any],
    project_id: ColumnElement[int],
) -> Select[Any]:
    """Return a select of policies with the columns of the view `cost_policy`."""
    resource_id = policy.get("resource_id", cast(null(), Integer))
    return select(
        project_id.label("project_id"),
        (policy.scope_id if scope is PolicyScope.OFFERING else cast(null(), Integer)).label(
            "offering_id"
        ),
        resource_id.label("resource_id"),
        inline_literal(scope.value).label("scope"),
        policy.actions.label("actions"),
        policy.period.label("period"),
        policy.limit_cost.label("limit_cost"),
        cost.label("cost"),
    )


def _select_project_policies() -> Select[Any]:
    narrowed_resource = _project_policy.resource_id
    cost = _sum_items(
        _project_policy,
        _item.project_id == _project_policy.scope_id,
        or_(narrowed_resource.is_(None), _item.resource_id == narrowed_resource),
    )
    return _select_policies(PolicyScope.PROJECT, _project_policy, cost, _project_policy.scope_id)


def _select_customer_policies() -> Select[Any]:
    cost = _sum_items(_customer_policy, _invoice.customer_id == _customer_policy.scope_id)
    policies = _select_policies(PolicyScope.CUSTOMER, _customer_policy, cost, _project.id)
    is_of_customer = _customer_policy.scope_id == _project.customer_id
    return policies.select_from(tables.project.join(tables.customer_cost_policy, is_of_customer))


def _select_offering_policies(absent: Collection[Table[Any]]) -> Select[Any]:
    is_of_offering = exists().where(
        _resource.id == _item.resource_id, _resource.offering_id == _offering_policy.scope_id
    )
    cost = _sum_items(
        _offering_policy,
        is_of_offering.correlate_except(tables.resource),
        _applies_to_customer(_invoice.customer_id, absent),
    )
    policies = _select_policies(PolicyScope.OFFERING, _offering_policy, cost, _project.id)
    applies_to_project = _applies_to_customer(_project.customer_id, absent)
    return policies.select_from(
        tables.project.join(tables.offering_cost_policy, applies_to_project)
    )


def _applies_to_customer(
    customer_id: ColumnElement[int], absent: Collection[Table[Any]]
) -> ColumnElement[bool]:
    """Return the condition that an offering's policy applies to an organisation."""
    applies_to_all: ColumnElement[bool] = _offering_policy.apply_to_all
    if tables.offering_cost_policy_group in absent:
        return applies_to_all
    is_member = is_group_member(
        customer_id,
        _policy_group.organizationgroup_id,
        has_group_links=tables.customer_organization_group not in absent,
    )
    is_of_policy = _policy_group.offeringestimatedcostpolicy_id == _offering_policy.id
    has_group = exists().where(is_of_policy, is_member)
    return or_(applies_to_all, has_group.correlate_except(tables.offering_cost_policy_group))


def _sum_items(policy: Any, *conditions: ColumnElement[bool]) -> ColumnElement[Any]:
    """Return the total of the invoice items in a policy's period that meet the conditions.

    Items whose price is not a number are left out.
    """
    item_total = _compute_item_total()
    total = func.coalesce(func.sum(item_total), inline_literal(0))
    statement = (
        select(total)
        .select_from(_join_items())
        .where(
            _invoice.state != inline_literal(InvoiceState.CANCELED),
            ~_customer.blocked,
            ~_customer.archived,
            _is_in_period(policy.period),
            item_total != cast(inline_literal("NaN"), Numeric),
            *conditions,
        )
    )
    return statement.correlate_except(
        tables.invoice_item, tables.invoice, tables.customer
    ).scalar_subquery()


def _join_items() -> Join:
    return tables.invoice_item.join(tables.invoice, _invoice.id == _item.invoice_id).join(
        tables.customer, _customer.id == _invoice.customer_id
    )


def _compute_item_total() -> ColumnElement[Any]:
    """Return an item's price, rounded away from zero to cents, with its tax."""
    price = _item.unit_price * _item.quantity
    rounded_price = (
        func.sign(price) * func.ceil(func.abs(price) * _CENTS_PER_UNIT) / _CENTS_PER_UNIT
    )
    return rounded_price * (_PERCENT + _invoice.tax_percent) / _PERCENT


def _is_in_period(period: ColumnElement[int]) -> ColumnElement[bool]:
    """Return the condition that the invoice's month counts in a period."""
    age = _count_months(
        *(func.date_part(inline_literal(part), _today()) for part in ("year", "month"))
    ) - _count_months(_invoice.year, _invoice.month)
    months = [
        (
            period == inline_literal(each),
            and_(age >= inline_literal(0), age < inline_literal(count)),
        )
        for each, count in _PERIOD_MONTHS.items()
    ]
    return case(*months, else_=true())


def _today() -> ColumnElement[Any]:
    return func.timezone(inline_literal("UTC"), func.now())


def _count_months(year: ColumnElement[Any], month: ColumnElement[Any]) -> ColumnElement[Any]:
    return year * _MONTHS_PER_YEAR + month
