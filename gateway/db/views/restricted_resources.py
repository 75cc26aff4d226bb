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
            ~exists().where(is_restricted, _is_group_member(has_group_links=has_group_links)),
        )
    )


def _is_group_member(*, has_group_links: bool) -> ColumnElement[bool]:
    group_id = _offering_group.organizationgroup_id
    if not has_group_links:
        customer = tables.customer.c
        return exists().where(
            customer.id == _project.customer_id, customer.organization_group_id == group_id
        )
    return exists().where(
        _customer_group.customer_id == _project.customer_id,
        _customer_group.organizationgroup_id == group_id,
    )
