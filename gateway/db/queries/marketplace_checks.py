"""Statements that check rules of the marketplace inside the transaction of a change."""

from collections.abc import Collection
from datetime import date
from typing import Any

from sqlalchemy import (
    Numeric,
    Select,
    and_,
    cast,
    exists,
    func,
    literal_column,
    or_,
    select,
)

from gateway.db import tables

Scope = tuple[int, int]
"""Content type id and key of the object on which a role is assigned."""
UNLIMITED_QUOTA = -1
"""Limit of a component quota that stands for no limit."""
_quota, _resource = tables.component_quota.c, tables.resource.c


def select_role_exists(
    user_id: int, names: Collection[str], scopes: Collection[Scope]
) -> Select[Any]:
    """Return a select of whether a user has one of the named roles on one of the scopes."""
    user_role, role = tables.user_role.c, tables.role.c
    scope_conditions = [
        and_(user_role.content_type_id == content_type_id, user_role.object_id == object_id)
        for content_type_id, object_id in scopes
    ]
    name_conditions = or_(*[role.name == each for each in names])
    user_conditions = (
        user_role.user_id == user_id,
        user_role.is_active,
        user_role.role_id == role.id,
    )
    return select(exists().where(*user_conditions, name_conditions, or_(*scope_conditions)))


def select_limit_sum(component_id: int, since: date | None) -> Select[Any]:
    """Return a select of the sum of a component's limits over all resources.

    With `since`, only resources that were modified on or after that date count.
    """
    joined = tables.component_quota.join(tables.resource, _resource.id == _quota.resource_id)
    statement = (
        select(func.coalesce(func.sum(_quota.limit), 0))
        .select_from(joined)
        .where(_quota.component_id == component_id, _quota.limit != UNLIMITED_QUOTA)
    )
    return statement if since is None else statement.where(_resource.modified >= since)


def select_other_limits_sum(offering_id: int, component_type: str, resource_id: int) -> Select[Any]:
    """Return a select of the sum of a component's limits over an offering's other resources."""
    limit = cast(_resource.limits.op("->>")(component_type), Numeric)
    return select(func.coalesce(func.sum(limit), 0)).where(
        _resource.offering_id == offering_id, _resource.id != resource_id
    )


def select_resource_json(resource_id: int) -> Select[Any]:
    """Return a select of all columns of a resource as one JSON object."""
    resource_json = func.to_jsonb(literal_column(tables.resource.name))
    return select(resource_json).select_from(tables.resource).where(_resource.id == resource_id)
