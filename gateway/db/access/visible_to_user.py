"""What somebody else sees: a condition in the statements of the one who asks for it."""

from typing import Any

from sqlalchemy import ARRAY, Boolean, ColumnElement, Integer, any_, cast, column, or_, select
from sqlalchemy import text as sql

from gateway.db import tables
from gateway.db.access.role_expansion import consumption
from gateway.db.installation.installation import Installation

_IDS = ARRAY(Integer)
_resource = tables.resource.c


def visible_to(installation: Installation) -> ColumnElement[bool]:
    """Give the condition under which the user of a name sees a resource as a consumer (§4.4).

    It holds of no resource if there is no such user. The name is a parameter.
    """
    given = column("everything", Boolean), column("projects", _IDS), column("resources", _IDS)
    other = sql(consumption(installation)).columns(*given).cte("other")
    return or_(
        select(other.c.everything).scalar_subquery(),
        _resource.project_id == _any(other.c.projects),
        _resource.id == _any(other.c.resources),
    )


def _any(ids: ColumnElement[Any]) -> ColumnElement[Any]:
    return any_(cast(select(ids).scalar_subquery(), _IDS))
