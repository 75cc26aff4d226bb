"""Who has accounts where resources are: what GLauth is to know (domain.md §1.10, §5.20).

People's SSH keys and the hash of the shared password are not among it: where the
keys are kept is not known, and the hash is a secret.
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
from gateway.db.driver.encoding import constant
from gateway.db.installation.placeholders import content_type
from gateway.db.installation.version_rules import Rules

OFFERING, PERSON, GROUP, ROBOT = "offering", "person", "group", "robot"
"""The kinds of records: there is one of an offering wherever there are accounts at all."""
_TERMINATED = 6
_USABLE = (3, 4)
"""The states of robots' accounts that can be used: OK, and to be deleted (§2.12)."""
_POSIX = ("uidnumber", "primarygroup", "loginShell", "homeDir")
"""What is taken of an account's metadata."""
_resource, _offering, _project = tables.resource.c, tables.offering.c, tables.project.c
_account, _user, _held = tables.offering_user.c, tables.user.c, tables.user_role.c
_group, _link = tables.offering_user_group, tables.offering_user_group_project
_robot = tables.robot_account.c


def records(absent: Collection[Table[Any]], rules: Rules) -> CompoundSelect[Any]:
    """Select the records of each resource whose offering makes accounts; of no table absent."""
    grouped = not {_group, _link} & {*absent}
    found = [_offerings()]
    if tables.offering_user not in absent:
        found.append(_people(grouped=grouped))
    if grouped:
        found.append(_groups())
    if tables.robot_account not in absent:
        found.append(_robots())
    return union_all(*(each.where(_makes_accounts(rules)) for each in found))


def _makes_accounts(rules: Rules) -> ColumnElement[bool]:
    options = _offering.secret_options if rules.accounts_in_secrets else _offering.plugin_options
    switch = options.op("->")(constant("service_provider_can_create_offering_user"))
    return switch == cast(constant("true"), JSONB)


def _joined() -> Join:
    return tables.resource.join(tables.offering, _offering.id == _resource.offering_id)


def _record(kind: str, key: ColumnElement[Any], **told: ColumnElement[Any]) -> Select[Any]:
    pairs = [part for name, value in told.items() for part in (constant(name), value)]
    return select(
        _resource.id.label("resource_id"),
        cast(constant(kind), Text).label("kind"),
        key.label("place"),
        func.jsonb_build_object(*pairs).label("told"),
    )


def _offerings() -> Select[Any]:
    joined = _joined().join(tables.project, _project.id == _resource.project_id)
    told = {"offering": _named(_offering), "project": _named(_project)}
    return _record(OFFERING, _offering.id, **told).select_from(joined)


def _named(columns: Any) -> ColumnElement[Any]:
    """Give what identifies a row for people."""
    named = [constant("name"), columns.name, constant("slug"), columns.slug]
    return func.jsonb_build_object(constant("uuid"), _hex(columns.uuid), *named)


def _hex(uuid: Column[Any]) -> ColumnElement[Any]:
    return func.replace(cast(uuid, Text), constant("-"), constant(""))


def _posix(metadata: Column[Any]) -> ColumnElement[Any]:
    taken = [(constant(name), metadata.op("->")(constant(name))) for name in _POSIX]
    return func.jsonb_build_object(*[part for pair in taken for part in pair])


def _people(*, grouped: bool) -> Select[Any]:
    """Select those with a role in the project who are called something in the offering."""
    joined = (
        _joined()
        .join(tables.offering_user, _account.offering_id == _resource.offering_id)
        .join(tables.user, _user.id == _account.user_id)
    )
    member = exists().where(_works_in(_resource.project_id))
    return (
        _record(
            PERSON,
            _account.id,
            uuid=_hex(_user.uuid),
            name=_user.username,
            givenname=_user.first_name,
            sn=_user.last_name,
            mail=_user.email,
            username=_account.username,
            posix=_posix(_account.backend_metadata),
            gids=_gids() if grouped else cast(constant("[]"), JSONB),
            disabled=~_works_with_any(),
        )
        .select_from(joined)
        .where(
            _account.username != constant(""),
            member.correlate(tables.resource, tables.offering_user),
        )
    )


def _works_in(project: ColumnElement[Any]) -> ColumnElement[bool]:
    """Say that the holder of an account has an active role in a project."""
    return (
        (_held.user_id == _account.user_id)
        & (_held.object_id == project)
        & (_held.content_type_id == content_type("structure", "project"))
        & _held.is_active
    )


def _gids() -> ColumnElement[Any]:
    """Give the numbers of the offering's groups that are for projects of the account's holder."""
    joined = _group.join(_link, _link.c.offeringusergroup_id == _group.c.id).join(
        tables.user_role, _works_in(_link.c.project_id)
    )
    found = select(func.jsonb_agg(_gid())).select_from(joined)
    listed = found.where(_group.c.offering_id == _account.offering_id)
    return listed.correlate(tables.offering_user).scalar_subquery()


def _gid() -> ColumnElement[Any]:
    return _group.c.backend_metadata.op("->")(constant("gid"))


def _works_with_any() -> ColumnElement[bool]:
    """Say that a project of the account's holder has any resource there that is not gone."""
    other = tables.resource.alias("other")
    joined = other.join(tables.user_role, _works_in(other.c.project_id))
    found = select(constant(1)).select_from(joined)
    living = found.where(
        other.c.offering_id == _account.offering_id, other.c.state != constant(_TERMINATED)
    )
    return living.correlate(tables.offering_user).exists()


def _groups() -> Select[Any]:
    joined = _joined().join(_group, _group.c.offering_id == _resource.offering_id)
    own = exists().where(
        _link.c.offeringusergroup_id == _group.c.id, _link.c.project_id == _resource.project_id
    )
    own = own.correlate(tables.resource, _group)
    return _record(GROUP, _group.c.id, gid=_gid(), own=own).select_from(joined)


def _robots() -> Select[Any]:
    """Select the accounts that can be used; older marketplaces say of none whether it can."""
    usable = _robot.state.in_([constant(each) for each in _USABLE])
    joined = _joined().join(tables.robot_account, _robot.resource_id == _resource.id)
    told = {"username": _robot.username, "posix": _posix(_robot.backend_metadata)}
    found = _record(ROBOT, _robot.id, **told, keys=_robot["keys"]).select_from(joined)
    return found.where(_robot.username != constant(""), or_(_robot.state.is_(None), usable))
