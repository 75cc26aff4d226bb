"""Team members of resources: users with a role in the resource's project (domain.md §5.20)."""

from typing import Any

from sqlalchemy import ColumnElement, Select, exists, false, select

from gateway.db import tables
from gateway.db.installation.placeholders import content_type_placeholder

_resource, _user_role = tables.resource.c, tables.user_role.c
_account, _consent = tables.offering_user.c, tables.consent.c


def select_team_members(*, has_consents: bool) -> Select[Any]:
    """Return a select of the roles in each resource's project, with accounts in the offering.

    Without `has_consents` the column `has_consent` is false.
    """
    joined = (
        tables.resource.join(
            tables.user_role,
            (_user_role.object_id == _resource.project_id)
            & (_user_role.content_type_id == content_type_placeholder("structure", "project"))
            & _user_role.is_active,
        )
        .join(tables.role, tables.role.c.id == _user_role.role_id)
        .outerjoin(
            tables.offering_user,
            (_account.offering_id == _resource.offering_id)
            & (_account.user_id == _user_role.user_id),
        )
    )
    return select(
        _user_role.id.label("id"),
        _resource.id.label("resource_id"),
        _user_role.user_id.label("user_id"),
        tables.role.c.name.label("role"),
        _user_role.expiration_time.label("expiration_time"),
        _account.username.label("offering_user_username"),
        _account.state.label("state"),
        (_has_consent() if has_consents else false()).label("has_consent"),
    ).select_from(joined)


def _has_consent() -> ColumnElement[bool]:
    return (
        exists()
        .where(
            _consent.user_id == _user_role.user_id,
            _consent.offering_id == _resource.offering_id,
            _consent.revocation_date.is_(None),
        )
        .correlate(tables.resource, tables.user_role)
    )
