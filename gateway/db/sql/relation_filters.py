"""EXISTS predicates: conditions on rows that refer to a row, such as components, orders, roles."""

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
from gateway.db.driver.encoding import inline_literal
from gateway.db.query_spec import RowFilterFactory
from gateway.db.sql.filters import (
    ColumnPredicate,
    FilterPredicate,
    equals_value,
    in_values,
    matches_flag,
)
from gateway.db.tables.codes import PENDING_ORDER_STATES, BillingType, OrderState, ResourceState

_UNREVIEWED_ORDER_STATES = [
    inline_literal(each) for each in PENDING_ORDER_STATES if each is not OrderState.PENDING_PROVIDER
]
"""The order states before the provider's review."""

_VIEWER = bindparam("viewer", type_=Integer)
_component, _order, _role = tables.component.c, tables.order.c, tables.user_role.c
_resource, _offering, _project = tables.resource.c, tables.offering.c, tables.project.c


def row_exists(column: Column[Any], *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return an EXISTS over rows that meet the conditions, correlated to the table of `column`."""
    return select(inline_literal(1)).where(*conditions).correlate(column.table).exists()


def has_related_row(reference: Column[Any], *conditions: ColumnElement[bool]) -> ColumnPredicate:
    """Match rows that some matching row refers to (parameter true), or no such row (false)."""
    return lambda column, parameter: matches_flag(
        row_exists(column, reference == column, *conditions), parameter
    )


def has_billing_type(billing_type: BillingType) -> ColumnPredicate:
    """Match offerings with a component of a billing type, or without one, by the parameter."""
    return has_related_row(
        _component.offering_id, _component.billing_type == inline_literal(billing_type)
    )


def has_only_billing_type(billing_type: BillingType) -> ColumnPredicate:
    """Match offerings whose components all have a billing type, or the others, by the parameter.

    An offering without components is one of the others.
    """
    all_match = func.bool_and(_component.billing_type == inline_literal(billing_type))
    return lambda column, parameter: matches_flag(
        _aggregate_components(column, all_match), parameter
    )


def has_component_count(billing_type: BillingType | None = None) -> ColumnPredicate:
    """Match offerings by the number of their components, of one billing type or of all."""
    is_counted = (
        true() if billing_type is None else _component.billing_type == inline_literal(billing_type)
    )
    component_count = func.count().filter(is_counted)
    return lambda column, parameter: (
        _aggregate_components(column, component_count) == bindparam(parameter, type_=Integer)
    )


def _aggregate_components(column: Column[Any], value: ColumnElement[Any]) -> Any:
    statement = select(value).where(_component.offering_id == column)
    return statement.correlate(column.table).scalar_subquery()


def has_order_in_states(column: Column[Any], parameter: str) -> ColumnElement[bool]:
    """Match resources that have an order in one of the states."""
    return row_exists(column, _order.resource_id == column, in_values(_order.state, parameter))


def is_visible_to_providers(column: Column[Any], parameter: str) -> ColumnElement[bool]:
    """Match resources that are created or have no order before the provider's review.

    All resources match if the parameter is false.
    """
    pending_order = row_exists(
        column, _order.resource_id == column, _order.state.in_(_UNREVIEWED_ORDER_STATES)
    )
    includes_all = not_(bindparam(parameter, type_=Boolean))
    return or_(
        includes_all, _resource.state != inline_literal(ResourceState.CREATING), not_(pending_order)
    )


def has_manager(column: Column[Any], parameter: str) -> ColumnElement[bool]:
    """Match shared offerings on which a user, given by uuid, has a role."""
    content_type, user = tables.content_type.c, tables.user.c
    has_role = row_exists(
        column,
        equals_value(user.uuid, parameter),
        _role.user_id == user.id,
        _role.is_active,
        _role.object_id == column,
        _role.content_type_id == content_type.id,
        content_type.app_label == inline_literal("marketplace"),
        content_type.model == inline_literal("offering"),
    )
    return _offering.shared & has_role


def is_allowed_for_customer(column: Column[Any], parameter: str) -> ColumnElement[bool]:
    """Match offerings that a customer owns, or shared ones that the customer's groups may order."""
    customer, group = tables.customer.c, tables.offering_organization_group.c
    member = tables.customer_organization_group.c
    is_customer = equals_value(customer.uuid, parameter)
    in_customer_groups = row_exists(
        column,
        is_customer,
        member.customer_id == customer.id,
        group.offering_id == column,
        member.organizationgroup_id == group.organizationgroup_id,
    )
    in_customer_group = row_exists(
        column,
        is_customer,
        group.offering_id == column,
        customer.organization_group_id == group.organizationgroup_id,
    )
    is_restricted = row_exists(column, group.offering_id == column)
    is_own_offering = row_exists(column, is_customer, customer.id == _offering.customer_id)
    customer_exists = row_exists(column, is_customer)
    return or_(
        is_own_offering,
        _offering.shared
        & customer_exists
        & or_(not_(is_restricted), in_customer_groups, in_customer_group),
    )


def in_organization_group(column: Column[Any], parameter: str) -> ColumnElement[bool]:
    """Match offerings that are restricted to an organisation group."""
    group, link = tables.organization_group.c, tables.offering_organization_group.c
    is_linked = link.organizationgroup_id == group.id
    return row_exists(
        column, equals_value(group.uuid, parameter), is_linked, link.offering_id == column
    )


def has_viewer_consent(column: Column[Any], parameter: str) -> ColumnElement[bool]:
    """Match offerings to whose terms the viewer consents, or the others, by the parameter."""
    consent = tables.consent.c
    viewer_conditions = consent.user_id == _VIEWER, consent.revocation_date.is_(None)
    return has_related_row(consent.offering_id, *viewer_conditions)(column, parameter)


def has_viewer_account(column: Column[Any], parameter: str) -> ColumnElement[bool]:
    """Match offerings in which the viewer has an account, or the others, by the parameter."""
    account = tables.offering_user.c
    return has_related_row(account.offering_id, account.user_id == _VIEWER)(column, parameter)


def has_visible_resources(column: Column[Any], *references: Column[Any]) -> FilterPredicate:
    """Match offerings with resources that the viewer sees and that are not terminated.

    `column` belongs to the resources' project, or to a row that the project's
    `references` lead to; it equals the parameter.
    """

    def build_predicate(row_filter: RowFilterFactory, parameter: str) -> ColumnElement[bool]:
        return row_exists(
            _offering.id,
            _resource.offering_id == _offering.id,
            _resource.state != inline_literal(ResourceState.TERMINATED),
            _project.id == _resource.project_id,
            *(reference == column.table.c.id for reference in references),
            equals_value(column, parameter),
            row_filter(tables.resource),
        )

    return build_predicate


def has_service_settings(column: Column[Any], parameter: str) -> ColumnElement[bool]:
    """Match offerings whose scope is a service settings row, given by uuid."""
    content_type, settings = tables.content_type.c, tables.service_settings.c
    return row_exists(
        column,
        equals_value(settings.uuid, parameter),
        _offering.object_id == settings.id,
        _offering.content_type_id == content_type.id,
        content_type.app_label == inline_literal("structure"),
        content_type.model == inline_literal("servicesettings"),
    )
