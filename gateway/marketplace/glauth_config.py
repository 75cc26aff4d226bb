"""Accounts of a resource's offering in GLauth's configuration format (domain.md §5.20)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.exact_json import decode_json_or_none, encode_json

_POSIX_ID_UPPER_BOUND = 2**32 - 1
"""Exclusive upper bound of user and group ids; the lower bound, 0, is root's."""
_MAX_POSIX_ID_DIGITS = 10
GlauthRecord = Mapping[str, Any]


@dataclass(frozen=True)
class GlauthRecords:
    """Parsed account records of one resource."""

    offering: GlauthRecord
    project: GlauthRecord
    people: list[GlauthRecord]
    groups: list[GlauthRecord]
    robots: list[GlauthRecord]


def render_users_config(records_json: str | None) -> str | None:
    """Return the accounts as TOML; None if the offering creates no accounts.

    An account without a valid user id and group id is omitted, because GLauth would
    treat it as root's.
    """
    records = None if records_json is None else _parse_records(records_json)
    if records is None:
        return None
    tables = [
        *(table for each in records.people for table in _render_person(each)),
        *(table for each in records.robots for table in _render_robot(each)),
        *(
            _render_group(str(gid), gid)
            for gid in _parse_posix_ids(each["gid"] for each in records.groups)
        ),
    ]
    return "\n".join(tables)


def render_account_tree(records_json: str | None) -> str | None:
    """Return the accounts and groups as JSON in REST's format.

    None if the offering creates no accounts.
    """
    records = None if records_json is None else _parse_records(records_json)
    if records is None:
        return None
    account_tree = {
        "offering": records.offering,
        "groups": [*_build_project_groups(records), *_build_personal_groups(records)],
        "users": [_build_user(each, records) for each in records.people],
        "robot_accounts": [_build_robot_account(each) for each in records.robots],
    }
    return encode_json(account_tree).decode()


def _parse_records(records_json: str) -> GlauthRecords | None:
    """Return the parsed records.

    None if the resource's offering or project is missing, and if Python can't decode the records.
    """
    records_by_kind: dict[str, list[GlauthRecord]] = {
        "offering": [],
        "person": [],
        "group": [],
        "robot": [],
    }
    for kind, record in decode_json_or_none(records_json) or ():
        records_by_kind[kind].append(record)
    if not records_by_kind["offering"]:
        return None
    (offering_record,) = records_by_kind["offering"]
    return GlauthRecords(
        offering=offering_record["offering"],
        project=offering_record["project"],
        people=records_by_kind["person"],
        groups=records_by_kind["group"],
        robots=records_by_kind["robot"],
    )


def _parse_posix_id(value: Any) -> int | None:
    """Return a user or group id, which may be stored as text; None if it is not valid."""
    if isinstance(value, str) and value.isdecimal() and len(value) <= _MAX_POSIX_ID_DIGITS:
        value = int(value)
    is_valid = (
        isinstance(value, int) and not isinstance(value, bool) and 0 < value < _POSIX_ID_UPPER_BOUND
    )
    return value if is_valid else None


def _parse_posix_ids(values: Any) -> list[int]:
    """Return the valid ids among values, sorted and without duplicates."""
    return sorted({each for each in map(_parse_posix_id, values or ()) if each is not None})


def _text_or_empty(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _filter_texts(value: Any) -> list[str]:
    items = value if isinstance(value, list) else []
    return [each for each in items if isinstance(each, str)]


def _render_person(person: GlauthRecord) -> Iterator[str]:
    identity = {name: person[name] for name in ("name", "givenname", "sn", "mail")}
    return _render_account(person, identity, {"otherGroups": _parse_posix_ids(person["gids"])})


def _render_robot(robot: GlauthRecord) -> Iterator[str]:
    return _render_account(
        robot, {"name": robot["username"]}, {"sshkeys": _filter_texts(robot["keys"])}
    )


def _render_account(
    account: GlauthRecord, identity: GlauthRecord, extra_values: GlauthRecord
) -> Iterator[str]:
    """Yield the TOML tables of an account and its personal group, if both have valid ids."""
    posix, username = account["posix"], account["username"]
    uid, gid = _parse_posix_id(posix["uidnumber"]), _parse_posix_id(posix["primarygroup"])
    if uid is None or gid is None:
        return
    texts = {
        name: _text_or_empty(posix[name])
        for name in ("loginShell", "homeDir")
        if _text_or_empty(posix[name])
    }
    ids = {"uidnumber": uid, "primarygroup": gid}
    yield _render_table("users", {**identity, **ids, **extra_values, **texts})
    yield _render_table("users.customattributes", {"preferredUsername": [username]})
    yield _render_group(username, gid)


def _render_group(name: str, gid: int) -> str:
    return _render_table("groups", {"name": name, "gidnumber": gid})


def _render_table(name: str, values: GlauthRecord) -> str:
    """Return one element of a TOML array of tables."""
    lines = [f"{key} = {_render_value(value)}\n" for key, value in values.items()]
    return f"[[{name}]]\n{''.join(lines)}"


def _render_value(value: Any) -> str:
    """Return a TOML value: JSON, with the character DEL escaped as TOML requires."""
    return encode_json(value).decode().replace("\x7f", "\\u007f")


def _build_project_groups(records: GlauthRecords) -> Iterator[GlauthRecord]:
    """Yield the groups of the resource's own project; groups of other projects are omitted."""
    scope = {"type": "project", **records.project, "resource_uuid": None}
    for gid in _find_own_gids(records):
        members = [
            each["username"] for each in records.people if gid in _parse_posix_ids(each["gids"])
        ]
        yield _build_group(gid, str(gid), "project", scope, sorted(members))


def _find_own_gids(records: GlauthRecords) -> list[int]:
    return _parse_posix_ids(each["gid"] for each in records.groups if each["own"])


def _build_personal_groups(records: GlauthRecords) -> Iterator[GlauthRecord]:
    for person in records.people:
        gid, name = _parse_posix_id(person["posix"]["primarygroup"]), person["username"]
        if gid is not None:
            owner = {"type": "user", "uuid": person["uuid"], "name": name, "slug": ""}
            yield _build_group(gid, name, "personal", {**owner, "resource_uuid": None}, [name])


def _build_group(
    gid: int, name: str, kind: str, scope: GlauthRecord, members: list[str]
) -> GlauthRecord:
    identity = {"gid": gid, "name": name, "kind": kind}
    return {**identity, "scope": scope, "role": None, "members": members}


def _build_user(person: GlauthRecord, records: GlauthRecords) -> GlauthRecord:
    own_gids = {*_find_own_gids(records)}
    memberships = [
        {"gid": gid, "group_name": str(gid), "kind": "project", "role": None}
        for gid in _parse_posix_ids(person["gids"])
        if gid in own_gids
    ]
    personal_values = {name: person[name] for name in ("disabled", "mail", "givenname", "sn")}
    return {**_build_login(person), **personal_values, "memberships": memberships}


def _build_robot_account(robot: GlauthRecord) -> GlauthRecord:
    return {**_build_login(robot), "ssh_keys": _filter_texts(robot["keys"])}


def _build_login(account: GlauthRecord) -> GlauthRecord:
    """Return the values that people and robot accounts have in common."""
    posix = account["posix"]
    return {
        "username": account["username"],
        "uidnumber": _parse_posix_id(posix["uidnumber"]),
        "personal_group": _parse_posix_id(posix["primarygroup"]),
        "login_shell": _text_or_empty(posix["loginShell"]),
        "home_dir": _text_or_empty(posix["homeDir"]),
    }
