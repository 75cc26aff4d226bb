"""The filter `visibleToUsername`: resources that another user sees, too, as a consumer."""

from typing import Any

from sqlalchemy import (
    ARRAY,
    Boolean,
    ColumnElement,
    Integer,
    any_,
    cast,
    column,
    or_,
    select,
    text as sql,
)

from gateway.db import tables
from gateway.db.access.role_expansion import build_consumer_scope
from gateway.db.installation.installation import Installation

_ID_ARRAY = ARRAY(Integer)
_resource = tables.resource.c


def build_visible_to_user_filter(installation: Installation) -> ColumnElement[bool]:
    """Return the condition that a named user sees a resource as a consumer (domain.md §4.4).

    The name is the parameter `visible_to`. No resource matches an unknown name.
    """
    columns = (
        column("sees_all", Boolean),
        column("projects", _ID_ARRAY),
        column("resources", _ID_ARRAY),
    )
    named_user = sql(build_consumer_scope(installation)).columns(*columns).cte("named_user")
    return or_(
        select(named_user.c.sees_all).scalar_subquery(),
        _resource.project_id == _any_id(named_user.c.projects),
        _resource.id == _any_id(named_user.c.resources),
    )


def _any_id(ids: ColumnElement[Any]) -> ColumnElement[Any]:
    return any_(cast(select(ids).scalar_subquery(), _ID_ARRAY))
