"""Resources whose offerings are restricted to other organisations (domain.md §6.2)."""

from typing import Any

from sqlalchemy import ColumnElement, Select, exists, select

from gateway.db import tables

_resource, _project = tables.resource.c, tables.project.c
_offering_group = tables.offering_organization_group.c
_customer_group = tables.customer_organization_group.c


def select_restricted_resources(*, has_group_links: bool) -> Select[Any]:
    """Return a select of the resources whose organisations are in no group of the offering.

    With `has_group_links` an organisation can be in several groups, else in one.
    """
    joined = tables.resource.join(tables.project, _project.id == _resource.project_id)
    is_restricted = _offering_group.offering_id == _resource.offering_id
    return (
        select(_resource.id.label("resource_id"))
        .select_from(joined)
        .where(
            exists().where(is_restricted),
            ~exists().where(
                is_restricted,
                is_group_member(
                    _project.customer_id,
                    _offering_group.organizationgroup_id,
                    has_group_links=has_group_links,
                ),
            ),
        )
    )


def is_group_member(
    customer_id: ColumnElement[int], group_id: ColumnElement[int], *, has_group_links: bool
) -> ColumnElement[bool]:
    """Return the condition that an organisation is in a group.

    With `has_group_links` an organisation can be in several groups, else in one.
    """
    if not has_group_links:
        customer = tables.customer.c
        is_in_group = exists().where(
            customer.id == customer_id, customer.organization_group_id == group_id
        )
        return is_in_group.correlate_except(tables.customer)
    is_linked = exists().where(
        _customer_group.customer_id == customer_id,
        _customer_group.organizationgroup_id == group_id,
    )
    return is_linked.correlate_except(tables.customer_organization_group)
