"""Resources whose offerings are for other organisations than theirs (domain.md §6.2)."""

from typing import Any

from sqlalchemy import ColumnElement, Select, exists, select

from gateway.db import tables

_resource, _project = tables.resource.c, tables.project.c
_of_offering = tables.offering_organization_group.c
_of_customer = tables.customer_organization_group.c


def barred(*, grouped: bool) -> Select[Any]:
    """Select the resources; organisations may be in several groups if they are `grouped`."""
    joined = tables.resource.join(tables.project, _project.id == _resource.project_id)
    restricted = _of_offering.offering_id == _resource.offering_id
    return (
        select(_resource.id.label("resource_id"))
        .select_from(joined)
        .where(
            exists().where(restricted),
            ~exists().where(restricted, _belongs(grouped=grouped)),
        )
    )


def _belongs(*, grouped: bool) -> ColumnElement[bool]:
    group = _of_offering.organizationgroup_id
    if not grouped:
        customer = tables.customer.c
        return exists().where(
            customer.id == _project.customer_id, customer.organization_group_id == group
        )
    return exists().where(
        _of_customer.customer_id == _project.customer_id, _of_customer.organizationgroup_id == group
    )
