"""What somebody else sees: a condition in the statements of the one who asks for it."""

from typing import Any

from sqlalchemy import ARRAY, Boolean, ColumnElement, Integer, any_, cast, column, or_, select
from sqlalchemy import text as sql

from gateway.db import tables
from gateway.db.access.role_expansion import build_consumer_scope
from gateway.db.installation.installation import Installation

_ID_ARRAY = ARRAY(Integer)
_resource = tables.resource.c


def build_visible_to_user_filter(installation: Installation) -> ColumnElement[bool]:
    """Give the condition under which the user of a name sees a resource as a consumer (§4.4).

    It holds of no resource if there is no such user. The name is a parameter.
    """
    columns = (
        column("everything", Boolean),
        column("projects", _ID_ARRAY),
        column("resources", _ID_ARRAY),
    )
    named_user = sql(build_consumer_scope(installation)).columns(*columns).cte("other")
    return or_(
        select(named_user.c.everything).scalar_subquery(),
        _resource.project_id == _any_id(named_user.c.projects),
        _resource.id == _any_id(named_user.c.resources),
    )


def _any_id(ids: ColumnElement[Any]) -> ColumnElement[Any]:
    return any_(cast(select(ids).scalar_subquery(), _ID_ARRAY))
