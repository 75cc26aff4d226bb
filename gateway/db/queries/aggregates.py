"""What many rows amount to, by the key of what they are about; whoever sees that is told it.

They are REST's (domain.md §3.2, §3.5). What is the viewer's own is of rows that are theirs, or
that they see.
"""

from typing import Any

from sqlalchemy import Column, ColumnElement, Text, and_, cast, func, or_

from gateway.db import tables
from gateway.db.driver.encoding import constant
from gateway.db.installation.placeholders import content_type
from gateway.db.query_spec import At, Door, Of
from gateway.db.sql.aggregate import Total
from gateway.db.sql.filters import by_viewer, is_value, one_of, unset
from gateway.db.views import registry

TERMINATED = 6
RESOURCE_STATES = range(1, TERMINATED + 1)
BLOCKING = (1, 7, 2)
"""The states of orders that keep others from being made (domain.md §2.3)."""


def _live(state: ColumnElement[int]) -> ColumnElement[Any]:
    return func.count().filter(state != constant(TERMINATED))


def _changing(attributes: ColumnElement[Any]) -> ColumnElement[Any]:
    """Count the orders that change options (domain.md §5.9)."""
    marks = [attributes.has_key(constant(each)) for each in ("new_options", "old_options")]
    return func.count().filter(or_(*marks))


def _overdue(renewed: Any, created: Any, days: Any) -> ColumnElement[Any]:
    """Tell whether everybody must have agreed by now (domain.md §4.12)."""
    due = created + func.make_interval(constant(0), constant(0), constant(0), days)
    return func.bool_or(and_(renewed, due < func.now()))


def _priced(billing_type: str) -> Of:
    """Sum what the components of a billing type cost: price by amount."""
    part = tables.plan_component.c
    columns = (
        At(part.price),
        At(part.amount),
        At(tables.component.c.billing_type, (part.component_id,)),
    )
    wanted = constant(billing_type)
    return Of(lambda price, amount, kind: func.sum(price * amount).filter(kind == wanted), columns)


def _has(billing_type: str) -> Of:
    wanted = constant(billing_type)
    return Of(lambda kind: func.bool_or(kind == wanted), (At(tables.component.c.billing_type),))


def _listed(*columns: ColumnElement[Any]) -> Any:
    """List rows in the order of their names, without the key at the end."""
    *told, key = columns
    rows = func.jsonb_agg(func.jsonb_build_array(*told))
    return rows.aggregate_order_by(told[1], key)


def _by_name(name: ColumnElement[str], value: ColumnElement[Any]) -> Any:
    """Gather exact numbers by name: in JSON they would be read as floats."""
    return func.jsonb_object_agg(name, cast(value, Text))


def _by_state(state: ColumnElement[int]) -> ColumnElement[Any]:
    """Count by each state that a resource can be in (domain.md §2.1), as JSON."""
    counted = ((each, func.count().filter(state == constant(each))) for each in RESOURCE_STATES)
    return func.jsonb_build_object(*(part for n, c in counted for part in (constant(str(n)), c)))


def _seen_by_state(match: Column[Any], *path: Column[Any]) -> Total:
    """Count the resources that the viewer sees, by their states."""
    states = {"all": Of(_by_state, (At(tables.resource.c.state),))}
    return Total(match, states, path=path, door=Door.VISIBLE)


STATES_OF_OFFERING = _seen_by_state(tables.resource.c.offering_id)
STATES_OF_PLAN = _seen_by_state(tables.resource.c.plan_id)
STATES_OF_PROJECT = _seen_by_state(tables.resource.c.project_id)
STATES_OF_CUSTOMER = _seen_by_state(tables.project.c.customer_id, tables.resource.c.project_id)
"""How many resources of theirs the viewer sees in each state, by the state's number."""


def _recorded(kind: Any, place: Any, told: Any) -> Any:
    """List records with their kinds, in the order of their places."""
    return func.json_agg(func.json_build_array(kind, told)).aggregate_order_by(kind, place)


RESOURCES_OF_PLAN = Total(
    tables.resource.c.plan_id,
    {
        "all": Of(func.count),
        "live": Of(_live, (At(tables.resource.c.state),)),
    },
)
"""How many resources a plan has: of any state, and such as are not terminated."""

PRICES_OF_PLAN = Total(
    tables.plan_component.c.plan_id, {kind: _priced(kind) for kind in ("fixed", "one", "few")}
)
"""What a plan costs in a period, once, and on each switch to it."""

BILLING_OF_OFFERING = Total(
    tables.component.c.offering_id,
    {
        "usage": _has("usage"),
        "limit": _has("limit"),
        "prepaid": Of(func.bool_or, (At(tables.component.c.is_prepaid),)),
    },
)
"""Whether an offering has components of a billing type, and such as are paid for in advance."""

_component = tables.component.c
LIMIT_PERIODS = Total(
    _component.offering_id,
    {"all": Of(func.jsonb_object_agg, (At(_component.type), At(_component.limit_period)))},
    (is_value(_component.billing_type, "limit"),),
)
"""The periods of an offering's limits, by the component's type, as JSON."""

RENEWED = (
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
"""What of a component matters to renewals."""
RENEWALS = Total(
    _component.offering_id,
    {"all": Of(_listed, tuple(map(At, (*RENEWED, _component.id))))},
    (lambda _rules: or_(_component.billing_type == constant("limit"), _component.is_prepaid),),
)
"""The components of an offering that have limits or are paid for in advance, as JSON."""

_priced_component = tables.plan_component.c
PRICES_BY_TYPE = Total(
    _priced_component.plan_id,
    {
        "all": Of(
            _by_name,
            (
                At(tables.component.c.type, (_priced_component.component_id,)),
                At(_priced_component.price),
            ),
        )
    },
    (lambda _rules: _priced_component.component_id.is_not(None),),
)
"""The prices of a plan, by the component's type, as JSON with texts."""

_limited = registry.limited.c
LIMITED_USAGE = Total(
    _limited.resource_id,
    {"all": Of(func.jsonb_object_agg, (At(_limited.type), At(_limited.usage)))},
)
"""What counts toward the limits of a resource, by the component's type, as JSON."""

_glauth = registry.glauth_record.c
GLAUTH = Total(
    _glauth.resource_id,
    {"all": Of(_recorded, (At(_glauth.kind), At(_glauth.place), At(_glauth.told)))},
)
"""What GLauth is to know of a resource, as JSON: each record with its kind; null if nothing."""

_order = tables.order.c
BLOCKING_ORDERS = Total(
    _order.resource_id,
    {"count": Of(func.count), "changing": Of(_changing, (At(_order.attributes),))},
    (one_of(_order.state, BLOCKING),),
)
"""How many orders of a resource keep others from being made, and how many change its options."""

BARRED = Total(registry.barred.c.resource_id, {"count": Of(func.count)})
"""Whether a resource's offering is for other organisations: one if so."""

_quota = tables.quota_usage.c
ORDERS_OF_OFFERING = Total(
    _quota.object_id,
    {"count": Of(func.sum, (At(_quota.delta),))},
    (
        is_value(_quota.name, "order_count"),
        lambda _rules: _quota.content_type_id == content_type("marketplace", "offering"),
    ),
)
"""How many orders an offering had, as Waldur keeps count."""

PACKAGES = Total(tables.software_package.c.catalog_id, {"count": Of(func.count)})
"""How many packages a catalogue of software has."""

_account = tables.offering_user.c
OWN_ACCOUNT = Total(
    _account.offering_id,
    {"username": Of(func.min, (At(_account.username),))},
    (by_viewer(_account.user_id),),
)
"""What the viewer is called in an offering."""

_terms, _consent = tables.terms_of_service.c, tables.consent.c
TERMS = Total(
    _terms.offering_id,
    {
        "version": Of(func.max, (At(_terms.version),)),
        "renewed": Of(func.bool_or, (At(_terms.requires_reconsent),)),
        "overdue": Of(
            _overdue,
            (At(_terms.requires_reconsent), At(_terms.created), At(_terms.grace_period_days)),
        ),
    },
    (
        lambda _rules: _terms.is_active,
        lambda _rules: or_(
            _terms.terms_of_service != constant(""), _terms.terms_of_service_link != constant("")
        ),
    ),
)
"""The terms of an offering that are in force."""
OWN_CONSENT = Total(
    _consent.offering_id,
    {"version": Of(func.max, (At(_consent.version),))},
    (by_viewer(_consent.user_id), unset(_consent.revocation_date)),
)
"""The version of an offering's terms that the viewer agreed to."""
