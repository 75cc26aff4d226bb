"""Grouped aggregates, loaded in batches by the key of the object that they belong to.

They compute REST's derived fields (domain.md §3.2, §3.5). An aggregate is visible to everyone
who sees its object; those named `VIEWER_…`, and the counts of resources by state, cover
only the viewer's own or visible rows.
"""

from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Integer,
    Numeric,
    Text,
    and_,
    any_,
    bindparam,
    cast,
    func,
    or_,
)

from gateway.db import tables
from gateway.db.driver.encoding import inline_literal
from gateway.db.installation.placeholders import content_type_placeholder
from gateway.db.query_spec import Access, ColumnRef, Expression
from gateway.db.sql.aggregate import Aggregate
from gateway.db.sql.checked_casts import is_older_than_days, null_if_nan
from gateway.db.sql.filters import equals_constant, equals_viewer, in_constants, is_null
from gateway.db.tables.codes import (
    BLOCKING_ORDER_STATES,
    FIXED_PRICE_TYPES,
    BillingType,
    OrderState,
    OrderType,
    PolicyAction,
    PolicyScope,
    ResourceState,
)
from gateway.db.views import registry


def _count_live(state: ColumnElement[int]) -> ColumnElement[Any]:
    return func.count().filter(state != inline_literal(ResourceState.TERMINATED))


def _count_option_changes(attributes: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the number of orders that change options (domain.md §5.9)."""
    conditions = [
        attributes.has_key(inline_literal(each)) for each in ("new_options", "old_options")
    ]
    return func.count().filter(or_(*conditions))


def _count_pending_terminations(
    order_type: ColumnElement[int], state: ColumnElement[int]
) -> ColumnElement[Any]:
    """Return the number of terminations that wait for the consumer (rules.md §1)."""
    return func.count().filter(
        order_type == inline_literal(OrderType.TERMINATE),
        state == inline_literal(OrderState.PENDING_CONSUMER),
    )


def _is_consent_overdue(
    requires_reconsent: Any, created: Any, grace_days: Any
) -> ColumnElement[Any]:
    """Return whether the grace period for accepting the terms is over (domain.md §4.12)."""
    return func.bool_or(and_(requires_reconsent, is_older_than_days(created, grace_days)))


def _sum_prices(billing_type: BillingType) -> Expression:
    """Return the sum of price times amount of the plan's components of a billing type."""
    plan_component = tables.plan_component.c
    columns = (
        ColumnRef(plan_component.price),
        ColumnRef(plan_component.amount),
        ColumnRef(tables.component.c.billing_type, (plan_component.component_id,)),
    )
    expected_type = inline_literal(billing_type)
    return Expression(
        lambda price, amount, kind: func.sum(price * amount).filter(kind == expected_type), columns
    )


def _has_billing_type(billing_type: BillingType) -> Expression:
    expected_type = inline_literal(billing_type)
    return Expression(
        lambda kind: func.bool_or(kind == expected_type),
        (ColumnRef(tables.component.c.billing_type),),
    )


def _aggregate_arrays(*columns: ColumnElement[Any]) -> Any:
    """Return a JSON array of rows by name and key; the key, the last column, is omitted."""
    *values, sort_key = columns
    arrays = func.jsonb_agg(func.jsonb_build_array(*values))
    return arrays.aggregate_order_by(values[1], sort_key)


def _aggregate_by_name(name: ColumnElement[str], value: ColumnElement[Any]) -> Any:
    """Return a JSON object of numbers as text, which keeps them exact.

    Those without a name are left out: a JSON key can't be null.
    """
    return func.jsonb_object_agg(name, cast(value, Text)).filter(name.is_not(None))


def _aggregate_usages(component_type: ColumnElement[str], usage: ColumnElement[Any]) -> Any:
    """Return a JSON object of usages; null for one that is not a number."""
    return func.jsonb_object_agg(component_type, null_if_nan(usage))


def _count_by_state(state: ColumnElement[int]) -> ColumnElement[Any]:
    """Return a JSON object of the number of resources in each state (domain.md §2.1)."""
    counts = ((each, func.count().filter(state == inline_literal(each))) for each in ResourceState)
    return func.jsonb_build_object(
        *(part for number, count in counts for part in (inline_literal(str(number)), count))
    )


def _count_visible_by_state(key_column: Column[Any], *path: Column[Any]) -> Aggregate:
    """Return an aggregate of the visible resources' number by state."""
    states = {"all": Expression(_count_by_state, (ColumnRef(tables.resource.c.state),))}
    return Aggregate(key_column, states, path=path, access=Access.ROW_FILTER)


RESOURCE_STATES_BY_OFFERING = _count_visible_by_state(tables.resource.c.offering_id)
RESOURCE_STATES_BY_PLAN = _count_visible_by_state(tables.resource.c.plan_id)
RESOURCE_STATES_BY_PROJECT = _count_visible_by_state(tables.resource.c.project_id)
RESOURCE_STATES_BY_CUSTOMER = _count_visible_by_state(
    tables.project.c.customer_id, tables.resource.c.project_id
)
"""Number of resources visible to the viewer, as JSON by the state's number."""


def _aggregate_records(kind: Any, sort_key: Any, content: Any) -> Any:
    """Return a JSON array of pairs of kind and content, ordered by kind and sort key."""
    return func.json_agg(func.json_build_array(kind, content)).aggregate_order_by(kind, sort_key)


RESOURCE_COUNTS_BY_PLAN = Aggregate(
    tables.resource.c.plan_id,
    {
        "all": Expression(func.count),
        "live": Expression(_count_live, (ColumnRef(tables.resource.c.state),)),
    },
)
"""Number of a plan's resources: all, and those that are not terminated."""

PRICES_BY_PLAN = Aggregate(
    tables.plan_component.c.plan_id,
    {each.value: _sum_prices(each) for each in FIXED_PRICE_TYPES},
)
"""Prices of a plan: for each period, once, and on each switch to it."""

BILLING_TYPES_BY_OFFERING = Aggregate(
    tables.component.c.offering_id,
    {
        "usage": _has_billing_type(BillingType.USAGE),
        "limit": _has_billing_type(BillingType.LIMIT),
        "prepaid": Expression(func.bool_or, (ColumnRef(tables.component.c.is_prepaid),)),
    },
)
"""Whether an offering has components billed by usage, by limit, and prepaid ones."""

_component = tables.component.c
LIMIT_PERIODS_BY_OFFERING = Aggregate(
    _component.offering_id,
    {
        "all": Expression(
            func.jsonb_object_agg, (ColumnRef(_component.type), ColumnRef(_component.limit_period))
        )
    },
    (equals_constant(_component.billing_type, BillingType.LIMIT),),
)
"""Limit periods of an offering by component type, as JSON."""

RENEWAL_COLUMNS = (
    _component.type,
    _component.name,
    _component.measured_unit,
    _component.billing_type,
    _component.limit_period,
    _component.is_prepaid,
    _component.min_renewal_duration,
    _component.max_renewal_duration,
    _component.renewal_duration_step,
)
"""Columns of a component that renewals need."""
RENEWAL_COMPONENTS_BY_OFFERING = Aggregate(
    _component.offering_id,
    {
        "all": Expression(
            _aggregate_arrays, tuple(map(ColumnRef, (*RENEWAL_COLUMNS, _component.id)))
        )
    },
    (
        lambda _rules: or_(
            _component.billing_type == inline_literal(BillingType.LIMIT), _component.is_prepaid
        ),
    ),
)
"""Limited and prepaid components of an offering, as JSON arrays of `RENEWAL_COLUMNS`."""

_plan_component = tables.plan_component.c
COMPONENT_PRICES_BY_PLAN = Aggregate(
    _plan_component.plan_id,
    {
        "all": Expression(
            _aggregate_by_name,
            (
                ColumnRef(tables.component.c.type, (_plan_component.component_id,)),
                ColumnRef(_plan_component.price),
            ),
        )
    },
    (lambda _rules: _plan_component.component_id.is_not(None),),
)
"""Prices of a plan by component type, as JSON with numbers as text."""

_limit_usage = registry.limit_usage.c
LIMIT_USAGE_BY_RESOURCE = Aggregate(
    _limit_usage.resource_id,
    {
        "all": Expression(
            _aggregate_usages, (ColumnRef(_limit_usage.type), ColumnRef(_limit_usage.usage))
        )
    },
)
"""Usage that counts towards a resource's limits by component type, as JSON."""

_glauth_record = registry.glauth_record.c
GLAUTH_RECORDS_BY_RESOURCE = Aggregate(
    _glauth_record.resource_id,
    {
        "all": Expression(
            _aggregate_records,
            (
                ColumnRef(_glauth_record.kind),
                ColumnRef(_glauth_record.sort_key),
                ColumnRef(_glauth_record.content),
            ),
        )
    },
)
"""GLauth's records of a resource as JSON pairs of kind and content; null without accounts."""

_order = tables.order.c
BLOCKING_ORDERS_BY_RESOURCE = Aggregate(
    _order.resource_id,
    {
        "count": Expression(func.count),
        "option_changes": Expression(_count_option_changes, (ColumnRef(_order.attributes),)),
        "pending_terminations": Expression(
            _count_pending_terminations, (ColumnRef(_order.type), ColumnRef(_order.state))
        ),
    },
    (in_constants(_order.state, BLOCKING_ORDER_STATES),),
)
"""Number of a resource's orders that block new ones, and of some of those.

That is, of those that change its options, and of terminations that wait for the consumer.
"""

RESTRICTION_BY_RESOURCE = Aggregate(
    registry.restricted_resource.c.resource_id, {"count": Expression(func.count)}
)
"""1 if a resource's offering is restricted to other organisations; no row if it is not."""

_policy = registry.cost_policy.c


def _is_exceeded(action: PolicyAction, added_cost: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return the condition that a policy has an action and its limit is exceeded."""
    actions = func.string_to_array(_policy.actions, inline_literal(","))
    return and_(
        inline_literal(action) == any_(actions), _policy.cost + added_cost > _policy.limit_cost
    )


def _aggregate_policies(*columns: ColumnElement[Any]) -> Any:
    """Return a JSON array of the columns of policies, in a fixed order."""
    return func.json_agg(func.json_build_array(*columns)).aggregate_order_by(*columns)


POLICY_COLUMNS = (_policy.scope, _policy.period, _policy.limit_cost, _policy.resource_id)
"""Columns of a cost policy that describe it."""
MODIFICATION_POLICIES_BY_PROJECT = Aggregate(
    _policy.project_id,
    {"all": Expression(_aggregate_policies, tuple(map(ColumnRef, POLICY_COLUMNS)))},
    (
        lambda _rules: _policy.scope != inline_literal(PolicyScope.OFFERING),
        lambda _rules: _is_exceeded(PolicyAction.BLOCK_MODIFICATION, inline_literal(0)),
    ),
)
"""Cost policies that forbid to change a project's resources, as JSON arrays of `POLICY_COLUMNS`.

A policy of an offering can forbid only the creation of resources.
"""
CREATION_POLICIES_BY_PROJECT = Aggregate(
    _policy.project_id,
    {"all": Expression(_aggregate_policies, tuple(map(ColumnRef, POLICY_COLUMNS)))},
    (
        lambda _rules: or_(
            _policy.offering_id.is_(None),
            _policy.offering_id == bindparam("offering_id", type_=Integer),
        ),
        lambda _rules: _is_exceeded(
            PolicyAction.BLOCK_CREATION, bindparam("added_cost", type_=Numeric)
        ),
    ),
)
"""Cost policies that forbid a new resource of `offering_id`, as JSON arrays of `POLICY_COLUMNS`.

A limit is exceeded if it is less than the cost so far and `added_cost` together.
"""

_quota = tables.quota_usage.c
ORDER_COUNT_BY_OFFERING = Aggregate(
    _quota.object_id,
    {"count": Expression(func.sum, (ColumnRef(_quota.delta),))},
    (
        equals_constant(_quota.name, "order_count"),
        lambda _rules: (
            _quota.content_type_id == content_type_placeholder("marketplace", "offering")
        ),
    ),
)
"""Number of an offering's orders, as counted by Waldur's quotas."""

PACKAGE_COUNT_BY_CATALOG = Aggregate(
    tables.software_package.c.catalog_id, {"count": Expression(func.count)}
)
"""Number of packages in a software catalogue."""

_account = tables.offering_user.c
VIEWER_ACCOUNT_BY_OFFERING = Aggregate(
    _account.offering_id,
    {"username": Expression(func.min, (ColumnRef(_account.username),))},
    (equals_viewer(_account.user_id),),
)
"""The viewer's username in an offering."""

_terms, _consent = tables.terms_of_service.c, tables.consent.c
TERMS_BY_OFFERING = Aggregate(
    _terms.offering_id,
    {
        "version": Expression(func.max, (ColumnRef(_terms.version),)),
        "requires_reconsent": Expression(func.bool_or, (ColumnRef(_terms.requires_reconsent),)),
        "overdue": Expression(
            _is_consent_overdue,
            (
                ColumnRef(_terms.requires_reconsent),
                ColumnRef(_terms.created),
                ColumnRef(_terms.grace_period_days),
            ),
        ),
    },
    (
        lambda _rules: _terms.is_active,
        lambda _rules: or_(
            _terms.terms_of_service != inline_literal(""),
            _terms.terms_of_service_link != inline_literal(""),
        ),
    ),
)
"""Active terms of service of an offering."""
VIEWER_CONSENT_BY_OFFERING = Aggregate(
    _consent.offering_id,
    {"version": Expression(func.max, (ColumnRef(_consent.version),))},
    (equals_viewer(_consent.user_id), is_null(_consent.revocation_date)),
)
"""Version of an offering's terms of service that the viewer accepted."""
