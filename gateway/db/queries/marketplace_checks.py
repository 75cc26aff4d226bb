"""What changes have to know besides rows, asked in their transactions."""

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
"""A content type and a key."""
UNLIMITED = -1
_quota, _resource = tables.component_quota.c, tables.resource.c


def has_role(user: int, names: Collection[str], scopes: Collection[Scope]) -> Select[Any]:
    """Ask whether a user has a role of one of some names, somewhere among some scopes."""
    held, role = tables.user_role.c, tables.role.c
    among = [and_(held.content_type_id == kind, held.object_id == id_) for kind, id_ in scopes]
    named = or_(*[role.name == each for each in names])
    mine = held.user_id == user, held.is_active, held.role_id == role.id
    return select(exists().where(*mine, named, or_(*among)))


def granted(component: int, since: date | None) -> Select[Any]:
    """Ask for the sum of a component's limits, of resources that were changed since a day."""
    joined = tables.component_quota.join(tables.resource, _resource.id == _quota.resource_id)
    chosen = (
        select(func.coalesce(func.sum(_quota.limit), 0))
        .select_from(joined)
        .where(_quota.component_id == component, _quota.limit != UNLIMITED)
    )
    return chosen if since is None else chosen.where(_resource.modified >= since)


def taken(offering: int, kind: str, resource: int) -> Select[Any]:
    """Ask for the sum of the limits that an offering's other resources have of a component."""
    limit = cast(_resource.limits.op("->>")(kind), Numeric)
    return select(func.coalesce(func.sum(limit), 0)).where(
        _resource.offering_id == offering, _resource.id != resource
    )


def as_json(resource: int) -> Select[Any]:
    """Ask for all columns of a resource as JSON."""
    whole = func.to_jsonb(literal_column(tables.resource.name))
    return select(whole).select_from(tables.resource).where(_resource.id == resource)
