"""Account records for GLauth, by resource (domain.md §1.10, §5.20).

A record is a JSON object with a kind: `offering` (one for each resource whose offering creates
accounts), `person`, `group` or `robot`. Users' SSH keys and the hash of the shared password
are not included: it is unknown where the keys are stored, and the hash is a secret.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    CompoundSelect,
    Join,
    Select,
    Table,
    Text,
    cast,
    exists,
    func,
    or_,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import JSONB

from gateway.db import tables
from gateway.db.driver.encoding import inline_literal
from gateway.db.installation.placeholders import content_type_placeholder
from gateway.db.installation.version_rules import VersionRules
from gateway.db.tables.codes import ResourceState, RobotAccountState

OFFERING, PERSON, GROUP, ROBOT = "offering", "person", "group", "robot"
"""Kinds of records."""
_USABLE_ROBOT_STATES = (RobotAccountState.OK, RobotAccountState.REQUESTED_DELETION)
"""States in which a robot account works (domain.md §2.12)."""
_POSIX_KEYS = ("uidnumber", "primarygroup", "loginShell", "homeDir")
"""Keys of an account's metadata that are copied to the record."""
_resource, _offering, _project = tables.resource.c, tables.offering.c, tables.project.c
_account, _user, _user_role = tables.offering_user.c, tables.user.c, tables.user_role.c
_group, _link = tables.offering_user_group, tables.offering_user_group_project
_robot = tables.robot_account.c


def select_glauth_records(
    absent_tables: Collection[Table[Any]], rules: VersionRules
) -> CompoundSelect[Any]:
    """Return a select of the records of all resources whose offerings create accounts.

    Tables that the installation lacks are not queried.
    """
    has_groups = not {_group, _link} & {*absent_tables}
    record_selects = [_select_offerings()]
    if tables.offering_user not in absent_tables:
        record_selects.append(_select_people(has_groups=has_groups))
    if has_groups:
        record_selects.append(_select_groups())
    if tables.robot_account not in absent_tables:
        record_selects.append(_select_robots())
    return union_all(
        *(record_select.where(_creates_accounts(rules)) for record_select in record_selects)
    )


def _creates_accounts(rules: VersionRules) -> ColumnElement[bool]:
    options = (
        _offering.secret_options if rules.accounts_in_secret_options else _offering.plugin_options
    )
    switch = options.op("->")(inline_literal("service_provider_can_create_offering_user"))
    return switch == cast(inline_literal("true"), JSONB)


def _join_offerings() -> Join:
    return tables.resource.join(tables.offering, _offering.id == _resource.offering_id)


def _select_record(
    kind: str, sort_key: ColumnElement[Any], **content: ColumnElement[Any]
) -> Select[Any]:
    pairs = [part for name, value in content.items() for part in (inline_literal(name), value)]
    return select(
        _resource.id.label("resource_id"),
        cast(inline_literal(kind), Text).label("kind"),
        sort_key.label("sort_key"),
        func.jsonb_build_object(*pairs).label("content"),
    )


def _select_offerings() -> Select[Any]:
    joined = _join_offerings().join(tables.project, _project.id == _resource.project_id)
    content = {"offering": _build_identity(_offering), "project": _build_identity(_project)}
    return _select_record(OFFERING, _offering.id, **content).select_from(joined)


def _build_identity(columns: Any) -> ColumnElement[Any]:
    """Return a JSON object with a row's uuid, name and slug."""
    name_pairs = [inline_literal("name"), columns.name, inline_literal("slug"), columns.slug]
    return func.jsonb_build_object(inline_literal("uuid"), _render_uuid(columns.uuid), *name_pairs)


def _render_uuid(uuid: Column[Any]) -> ColumnElement[Any]:
    return func.replace(cast(uuid, Text), inline_literal("-"), inline_literal(""))


def _build_posix_values(metadata: Column[Any]) -> ColumnElement[Any]:
    pairs = [
        (inline_literal(name), metadata.op("->")(inline_literal(name))) for name in _POSIX_KEYS
    ]
    return func.jsonb_build_object(*[part for pair in pairs for part in pair])


def _select_people(*, has_groups: bool) -> Select[Any]:
    """Return a select of users with a role in the project and a username in the offering."""
    joined = (
        _join_offerings()
        .join(tables.offering_user, _account.offering_id == _resource.offering_id)
        .join(tables.user, _user.id == _account.user_id)
    )
    has_role = exists().where(_has_project_role(_resource.project_id))
    return (
        _select_record(
            PERSON,
            _account.id,
            uuid=_render_uuid(_user.uuid),
            name=_user.username,
            givenname=_user.first_name,
            sn=_user.last_name,
            mail=_user.email,
            username=_account.username,
            posix=_build_posix_values(_account.backend_metadata),
            gids=_select_group_ids() if has_groups else cast(inline_literal("[]"), JSONB),
            disabled=~_has_live_resource(),
        )
        .select_from(joined)
        .where(
            _account.username != inline_literal(""),
            has_role.correlate(tables.resource, tables.offering_user),
        )
    )


def _has_project_role(project: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return the condition that the account's user has an active role in a project."""
    return (
        (_user_role.user_id == _account.user_id)
        & (_user_role.object_id == project)
        & (_user_role.content_type_id == content_type_placeholder("structure", "project"))
        & _user_role.is_active
    )


def _select_group_ids() -> ColumnElement[Any]:
    """Return the ids of the offering's groups for projects of the account's user, as JSON."""
    joined = _group.join(_link, _link.c.offeringusergroup_id == _group.c.id).join(
        tables.user_role, _has_project_role(_link.c.project_id)
    )
    statement = select(func.jsonb_agg(_get_group_id())).select_from(joined)
    offering_groups = statement.where(_group.c.offering_id == _account.offering_id)
    return offering_groups.correlate(tables.offering_user).scalar_subquery()


def _get_group_id() -> ColumnElement[Any]:
    return _group.c.backend_metadata.op("->")(inline_literal("gid"))


def _has_live_resource() -> ColumnElement[bool]:
    """Return the condition that the user's projects have a live resource of the offering.

    A live resource is one that is not terminated.
    """
    other = tables.resource.alias("other")
    joined = other.join(tables.user_role, _has_project_role(other.c.project_id))
    statement = select(inline_literal(1)).select_from(joined)
    live_resources = statement.where(
        other.c.offering_id == _account.offering_id,
        other.c.state != inline_literal(ResourceState.TERMINATED),
    )
    return live_resources.correlate(tables.offering_user).exists()


def _select_groups() -> Select[Any]:
    joined = _join_offerings().join(_group, _group.c.offering_id == _resource.offering_id)
    is_own = exists().where(
        _link.c.offeringusergroup_id == _group.c.id, _link.c.project_id == _resource.project_id
    )
    is_own = is_own.correlate(tables.resource, _group)
    return _select_record(GROUP, _group.c.id, gid=_get_group_id(), own=is_own).select_from(joined)


def _select_robots() -> Select[Any]:
    """Return a select of the usable robot accounts; without a state an account counts as usable.

    Older versions of Waldur store no state.
    """
    is_usable = _robot.state.in_([inline_literal(each) for each in _USABLE_ROBOT_STATES])
    joined = _join_offerings().join(tables.robot_account, _robot.resource_id == _resource.id)
    content = {"username": _robot.username, "posix": _build_posix_values(_robot.backend_metadata)}
    statement = _select_record(ROBOT, _robot.id, **content, keys=_robot["keys"]).select_from(joined)
    return statement.where(
        _robot.username != inline_literal(""), or_(_robot.state.is_(None), is_usable)
    )
