"""Conditions on what refers to a row: components, orders, agreements, roles."""

from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Integer,
    bindparam,
    func,
    not_,
    or_,
    select,
    true,
)

from gateway.db import tables
from gateway.db.driver.encoding import constant
from gateway.db.query_spec import Rules
from gateway.db.sql.filters import Compare, Holds, among, as_said, equal

CREATING, TERMINATED = 1, 6
_UNSEEN = [constant(state) for state in (1, 8, 9)]
"""The states of orders that are no matter of the provider's yet."""

_VIEWER = bindparam("viewer", type_=Integer)
_component, _order, _role = tables.component.c, tables.order.c, tables.user_role.c
_resource, _offering, _project = tables.resource.c, tables.offering.c, tables.project.c


def there_is(column: Column[Any], *wanted: ColumnElement[bool]) -> ColumnElement[bool]:
    """Say that there are rows, besides that of `column`, of which all that is `wanted` holds."""
    return select(constant(1)).where(*wanted).correlate(column.table).exists()


def related(reference: Column[Any], *wanted: ColumnElement[bool]) -> Compare:
    """Hold where a row with that `reference` is as wanted, or none is, as the parameter says."""
    return lambda column, name: as_said(there_is(column, reference == column, *wanted), name)


def of_type(billing_type: str) -> Compare:
    """Hold where an offering has components of a billing type, or where it has none."""
    return related(_component.offering_id, _component.billing_type == constant(billing_type))


def only_of_type(billing_type: str) -> Compare:
    """Hold where an offering has components, all of them of a billing type, or where not."""
    same = func.bool_and(_component.billing_type == constant(billing_type))
    return lambda column, name: as_said(_of_components(column, same), name)


def counted(billing_type: str | None = None) -> Compare:
    """Hold where an offering has so many components, of a billing type or of any."""
    one = true() if billing_type is None else _component.billing_type == constant(billing_type)
    number = func.count().filter(one)
    return lambda column, name: _of_components(column, number) == bindparam(name, type_=Integer)


def _of_components(column: Column[Any], value: ColumnElement[Any]) -> Any:
    found = select(value).where(_component.offering_id == column)
    return found.correlate(column.table).scalar_subquery()


def ordered(column: Column[Any], name: str) -> ColumnElement[bool]:
    """Hold where a resource has an order in one of the states."""
    return there_is(column, _order.resource_id == column, among(_order.state, name))


def shown_to_providers(column: Column[Any], name: str) -> ColumnElement[bool]:
    """Hold where a provider is to deal with a resource, or for all if the parameter says no."""
    waiting = there_is(column, _order.resource_id == column, _order.state.in_(_UNSEEN))
    all_are = not_(bindparam(name, type_=Boolean))
    return or_(all_are, _resource.state != constant(CREATING), not_(waiting))


def managed(column: Column[Any], name: str) -> ColumnElement[bool]:
    """Hold where an offering is for everybody, and a user has a role on it."""
    kind, user = tables.content_type.c, tables.user.c
    held = there_is(
        column,
        equal(user.uuid, name),
        _role.user_id == user.id,
        _role.is_active,
        _role.object_id == column,
        _role.content_type_id == kind.id,
        kind.app_label == constant("marketplace"),
        kind.model == constant("offering"),
    )
    return _offering.shared & held


def allowed(column: Column[Any], name: str) -> ColumnElement[bool]:
    """Hold where an offering is a customer's, or for everybody of the customer's groups."""
    customer, group = tables.customer.c, tables.offering_organization_group.c
    member = tables.customer_organization_group.c
    known = equal(customer.uuid, name)
    joined = there_is(
        column,
        known,
        member.customer_id == customer.id,
        group.offering_id == column,
        member.organizationgroup_id == group.organizationgroup_id,
    )
    belongs = there_is(
        column,
        known,
        group.offering_id == column,
        customer.organization_group_id == group.organizationgroup_id,
    )
    grouped = there_is(column, group.offering_id == column)
    own = there_is(column, known, customer.id == _offering.customer_id)
    there = there_is(column, known)
    return or_(own, _offering.shared & there & or_(not_(grouped), joined, belongs))


def grouped(column: Column[Any], name: str) -> ColumnElement[bool]:
    """Hold where an offering is for a group of customers."""
    group, link = tables.organization_group.c, tables.offering_organization_group.c
    joined = link.organizationgroup_id == group.id
    return there_is(column, equal(group.uuid, name), joined, link.offering_id == column)


def agreed(column: Column[Any], name: str) -> ColumnElement[bool]:
    """Hold where the viewer consents to an offering's terms, or where not."""
    consent = tables.consent.c
    mine = consent.user_id == _VIEWER, consent.revocation_date.is_(None)
    return related(consent.offering_id, *mine)(column, name)


def known_there(column: Column[Any], name: str) -> ColumnElement[bool]:
    """Hold where the viewer has an account in an offering, or where not."""
    account = tables.offering_user.c
    return related(account.offering_id, account.user_id == _VIEWER)(column, name)


def used_in(column: Column[Any], *references: Column[Any]) -> Holds:
    """Hold where an offering has resources that the viewer sees, and that have not ended.

    `column` is of their project, or of what a project's `references` lead to.
    """

    def holds(rules: Rules, name: str) -> ColumnElement[bool]:
        return there_is(
            _offering.id,
            _resource.offering_id == _offering.id,
            _resource.state != constant(TERMINATED),
            _project.id == _resource.project_id,
            *(each == column.table.c.id for each in references),
            equal(column, name),
            rules(tables.resource),
        )

    return holds


def set_up_by(column: Column[Any], name: str) -> ColumnElement[bool]:
    """Hold where an offering stands for service settings."""
    kind, settings = tables.content_type.c, tables.service_settings.c
    return there_is(
        column,
        equal(settings.uuid, name),
        _offering.object_id == settings.id,
        _offering.content_type_id == kind.id,
        kind.app_label == constant("structure"),
        kind.model == constant("servicesettings"),
    )
