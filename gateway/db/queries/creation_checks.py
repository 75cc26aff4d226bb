"""Statements that check whether a resource may be ordered in a project (rules.md §3)."""

from sqlalchemy import Text, bindparam, distinct, exists, func, select
from sqlalchemy.dialects.postgresql import JSONB

from gateway.db import tables
from gateway.db.driver.encoding import inline_literal
from gateway.db.driver.statement import Statement
from gateway.db.sql.filters import equals_value
from gateway.db.tables.codes import ResourceState

_resource, _role, _user_role = tables.resource.c, tables.role.c, tables.user_role.c
_is_project_role = (
    _user_role.is_active,
    equals_value(_user_role.object_id, "project_id"),
    equals_value(_user_role.content_type_id, "project_type_id"),
)
_is_live_in_project = (
    equals_value(_resource.project_id, "project_id"),
    equals_value(_resource.offering_id, "offering_id"),
    _resource.state != inline_literal(ResourceState.TERMINATED),
)

SELECT_PROJECT_COUNTS = Statement.from_element(
    select(
        select(func.count(distinct(_user_role.user_id))).where(*_is_project_role).scalar_subquery(),
        exists().where(
            *_is_project_role,
            equals_value(_user_role.user_id, "user_id"),
            _user_role.role_id == _role.id,
            equals_value(_role.name, "role_name"),
        ),
        select(func.count())
        .select_from(tables.resource)
        .where(*_is_live_in_project)
        .scalar_subquery(),
    )
)
"""Counts of a project: members of its team, and live resources of the offering `offering_id`.

Between them: whether the user `user_id` has the role `role_name` in the project.
"""

SELECT_PROJECT_ATTRIBUTE_EXISTS = Statement.from_element(
    select(
        exists().where(
            *_is_live_in_project,
            _resource.attributes.op("->", return_type=JSONB())(bindparam("name", type_=Text))
            == bindparam("value", type_=JSONB()),
        )
    )
)
"""Whether a live resource of an offering in a project has the `value` of the attribute `name`."""
