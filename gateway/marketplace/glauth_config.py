"""The accounts where a resource is, as GLauth reads them (domain.md §5.20)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

_LARGEST = 2**32 - 1
"""Ids of users and groups are below it, and above root's."""
_LONGEST = 10
Record = Mapping[str, Any]


@dataclass(frozen=True)
class Records:
    """What is known of the accounts."""

    offering: Record
    project: Record
    people: list[Record]
    groups: list[Record]
    robots: list[Record]


def users_config(told: str | None) -> str | None:
    """Write the accounts as TOML; null where none are made.

    One without numbers of its own is left out: GLauth would take it for root's.
    """
    if told is None:
        return None
    known = _records(told)
    tables = [
        *(table for each in known.people for table in _person(each)),
        *(table for each in known.robots for table in _robot(each)),
        *(_group(str(gid), gid) for gid in _numbers(each["gid"] for each in known.groups)),
    ]
    return "\n".join(tables)


def tree(told: str | None) -> str | None:
    """Write the accounts and their groups as JSON, as REST does; null where none are made."""
    if told is None:
        return None
    known = _records(told)
    found = {
        "offering": known.offering,
        "groups": [*_project_groups(known), *_personal_groups(known)],
        "users": [_user(each, known) for each in known.people],
        "robot_accounts": [_robot_account(each) for each in known.robots],
    }
    return msgspec.json.encode(found).decode()


def _records(told: str) -> Records:
    sorted_: dict[str, list[Record]] = {"offering": [], "person": [], "group": [], "robot": []}
    for kind, record in msgspec.json.decode(told):
        sorted_[kind].append(record)
    (place,) = sorted_["offering"]
    people, groups, robots = sorted_["person"], sorted_["group"], sorted_["robot"]
    return Records(place["offering"], place["project"], people, groups, robots)


def _number(value: Any) -> int | None:
    """Give an id, which may be stored as text; null for what is none."""
    if isinstance(value, str) and value.isdecimal() and len(value) <= _LONGEST:
        value = int(value)
    known = isinstance(value, int) and not isinstance(value, bool) and 0 < value < _LARGEST
    return value if known else None


def _numbers(values: Any) -> list[int]:
    """Give the ids among values, each once, in order."""
    return sorted({each for each in map(_number, values or ()) if each is not None})


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: Any) -> list[str]:
    listed = value if isinstance(value, list) else []
    return [each for each in listed if isinstance(each, str)]


def _person(person: Record) -> Iterator[str]:
    named = {name: person[name] for name in ("name", "givenname", "sn", "mail")}
    return _account(person, named, {"otherGroups": _numbers(person["gids"])})


def _robot(robot: Record) -> Iterator[str]:
    return _account(robot, {"name": robot["username"]}, {"sshkeys": _texts(robot["keys"])})


def _account(account: Record, named: Record, more: Record) -> Iterator[str]:
    """Write an account and the group of its own, if they have numbers."""
    posix, username = account["posix"], account["username"]
    number, group = _number(posix["uidnumber"]), _number(posix["primarygroup"])
    if number is None or group is None:
        return
    texts = {name: _text(posix[name]) for name in ("loginShell", "homeDir") if _text(posix[name])}
    ids = {"uidnumber": number, "primarygroup": group}
    yield _table("users", {**named, **ids, **more, **texts})
    yield _table("users.customattributes", {"preferredUsername": [username]})
    yield _group(username, group)


def _group(name: str, number: int) -> str:
    return _table("groups", {"name": name, "gidnumber": number})


def _table(name: str, values: Record) -> str:
    """Write a table of TOML."""
    lines = [f"{key} = {_written(value)}\n" for key, value in values.items()]
    return f"[[{name}]]\n{''.join(lines)}"


def _written(value: Any) -> str:
    """Write a value as TOML does: as JSON, but that more of a text is escaped."""
    return msgspec.json.encode(value).decode().replace("\x7f", "\\u007f")


def _project_groups(known: Records) -> Iterator[Record]:
    """Give the groups that are for the resource's own project; the others' are not its business."""
    scope = {"type": "project", **known.project, "resource_uuid": None}
    for gid in _own(known):
        members = [each["username"] for each in known.people if gid in _numbers(each["gids"])]
        yield _tree_group(gid, str(gid), "project", scope, sorted(members))


def _own(known: Records) -> list[int]:
    return _numbers(each["gid"] for each in known.groups if each["own"])


def _personal_groups(known: Records) -> Iterator[Record]:
    for each in known.people:
        gid, name = _number(each["posix"]["primarygroup"]), each["username"]
        if gid is not None:
            whose = {"type": "user", "uuid": each["uuid"], "name": name, "slug": ""}
            yield _tree_group(gid, name, "personal", {**whose, "resource_uuid": None}, [name])


def _tree_group(gid: int, name: str, kind: str, scope: Record, members: list[str]) -> Record:
    head = {"gid": gid, "name": name, "kind": kind}
    return {**head, "scope": scope, "role": None, "members": members}


def _user(person: Record, known: Records) -> Record:
    own = {*_own(known)}
    memberships = [
        {"gid": gid, "group_name": str(gid), "kind": "project", "role": None}
        for gid in _numbers(person["gids"])
        if gid in own
    ]
    told = {name: person[name] for name in ("disabled", "mail", "givenname", "sn")}
    return {**_login(person), **told, "memberships": memberships}


def _robot_account(robot: Record) -> Record:
    return {**_login(robot), "ssh_keys": _texts(robot["keys"])}


def _login(account: Record) -> Record:
    """Give what people and robots have alike."""
    posix = account["posix"]
    return {
        "username": account["username"],
        "uidnumber": _number(posix["uidnumber"]),
        "personal_group": _number(posix["primarygroup"]),
        "login_shell": _text(posix["loginShell"]),
        "home_dir": _text(posix["homeDir"]),
    }
