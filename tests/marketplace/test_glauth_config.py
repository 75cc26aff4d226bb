"""Accounts as GLauth reads them: whatever a name has in it, it stays a name."""

import json
import tomllib
from typing import Any

import pytest

from gateway.marketplace.glauth_config import tree, users_config

POSIX = {"uidnumber": 5001, "primarygroup": 6001, "loginShell": "/bin/sh", "homeDir": "/home/ann"}
OFFERING = {"uuid": "0" * 32, "name": "Cluster", "slug": "cluster"}
PROJECT = {"uuid": "1" * 32, "name": "Genomes", "slug": "genomes"}
MARKET = ["offering", {"offering": OFFERING, "project": PROJECT}]
AWKWARD = [
    'Ann "the\\ Man"',
    'x"\n[[users]]\nname = "root"\nuidnumber = 0\n#',
    "tab\tand\r\nnew line",
    "quotes ''' \"\"\"",
    "\x7f\x01\x1f\x85\u2028",
    "Grønli 😀",
    "# no comment = [1]",
    "",
]


def person(posix: Any = None, **traits: Any) -> list[Any]:
    """Give a person's record."""
    known = {
        "uuid": "2" * 32,
        "name": "ann.lee",
        "givenname": "Ann",
        "sn": "Lee",
        "mail": "ann@example.org",
        "username": "ann",
        "gids": [7001, 7002],
        "disabled": False,
    }
    return ["person", {**known, "posix": {**POSIX, **(posix or {})}, **traits}]


def robot(**traits: Any) -> list[Any]:
    """Give a robot's record."""
    return ["robot", {"username": "bot", "posix": POSIX, "keys": ["ssh-ed25519 A"], **traits}]


def group(gid: Any, *, own: bool = False) -> list[Any]:
    """Give a group's record."""
    return ["group", {"gid": gid, "own": own}]


def config(*records: Any) -> dict[str, Any]:
    """Give the configuration of some records, as whoever is given it reads it."""
    written = users_config(json.dumps([MARKET, *records]))
    assert written is not None
    return tomllib.loads(written)


def told(*records: Any) -> dict[str, Any]:
    """Give the tree of some records."""
    written = tree(json.dumps([MARKET, *records]))
    assert written is not None
    found: dict[str, Any] = json.loads(written)
    return found


def test_where_no_accounts_are_made_there_is_nothing() -> None:
    assert users_config(None) is None
    assert tree(None) is None


def test_a_place_without_anybody_is_empty() -> None:
    assert config() == {}
    assert told() == {"offering": OFFERING, "groups": [], "users": [], "robot_accounts": []}


def test_a_person_has_an_account_and_a_group() -> None:
    assert config(person()) == {
        "users": [
            {
                "name": "ann.lee",
                "givenname": "Ann",
                "sn": "Lee",
                "mail": "ann@example.org",
                "uidnumber": 5001,
                "primarygroup": 6001,
                "otherGroups": [7001, 7002],
                "loginShell": "/bin/sh",
                "homeDir": "/home/ann",
                "customattributes": [{"preferredUsername": ["ann"]}],
            }
        ],
        "groups": [{"name": "ann", "gidnumber": 6001}],
    }


def test_a_robot_has_keys_and_neither_names_nor_an_address() -> None:
    (found,) = config(robot())["users"]
    assert found["name"] == "bot"
    assert found["sshkeys"] == ["ssh-ed25519 A"]
    assert not {"givenname", "sn", "mail"} & {*found}


def test_groups_come_after_those_of_people_and_robots() -> None:
    found = config(person(), robot(), group(7002), group(7001), group(7001))
    assert [each["name"] for each in found["groups"]] == ["ann", "bot", "7001", "7002"]


@pytest.mark.parametrize("text", AWKWARD)
def test_no_text_becomes_anything_else(text: str) -> None:
    names = ("name", "givenname", "sn", "mail")
    traits = {"username": text, "posix": {**POSIX, "homeDir": text, "loginShell": text}}
    found = config(
        person(**dict.fromkeys(names, text), **traits), robot(**traits, keys=[text, text])
    )
    assert len(found["users"]) == len(found["groups"]) == 2
    ann, bot = found["users"]
    assert {ann[each] for each in names} == {bot["name"]} == {text}
    assert bot["sshkeys"] == [text, text]
    for each in (ann, bot):
        assert each.get("homeDir", "") == each.get("loginShell", "") == text
        assert each["customattributes"] == [{"preferredUsername": [text]}]
    assert {each["name"] for each in found["groups"]} == {text}


@pytest.mark.parametrize("number", [None, "", "x", "-1", -1, 0, "0", 1.5, True, [], {}, 2**32, "²"])
@pytest.mark.parametrize("name", ["uidnumber", "primarygroup"])
def test_an_account_without_numbers_of_its_own_is_left_out(name: str, number: Any) -> None:
    assert config(person({name: number}), robot(posix={**POSIX, name: number})) == {}


def test_numbers_may_be_stored_as_text() -> None:
    found = config(person({"uidnumber": "5001"}, gids=["7001", 7001, None, "x"]), group("7001"))
    assert found["users"][0]["uidnumber"] == 5001
    assert found["users"][0]["otherGroups"] == [7001]
    assert found["groups"][-1] == {"name": "7001", "gidnumber": 7001}


@pytest.mark.parametrize("value", [None, 7, [], {}, True])
def test_what_is_no_text_is_left_out(value: Any) -> None:
    found = config(
        person({"homeDir": value, "loginShell": value}, gids=None), robot(keys=value), group(value)
    )
    ann, bot = found["users"]
    assert not {"homeDir", "loginShell"} & {*ann}
    assert (ann["otherGroups"], bot["sshkeys"]) == ([], [])
    assert told(person({"homeDir": value}, gids=None))["users"][0]["home_dir"] == ""


def test_a_tree_has_the_groups_of_the_resource_s_own_project() -> None:
    found = told(person(), group(7001, own=True), group(7002))
    project, personal = found["groups"]
    assert project == {
        "gid": 7001,
        "name": "7001",
        "kind": "project",
        "scope": {"type": "project", **PROJECT, "resource_uuid": None},
        "role": None,
        "members": ["ann"],
    }
    assert (personal["gid"], personal["kind"], personal["members"]) == (6001, "personal", ["ann"])
    assert personal["scope"]["uuid"] == "2" * 32


def test_a_tree_has_people_and_robots() -> None:
    found = told(person(disabled=True), robot(), group(7001, own=True))
    (ann,), (bot,) = found["users"], found["robot_accounts"]
    assert ann == {
        "username": "ann",
        "uidnumber": 5001,
        "personal_group": 6001,
        "login_shell": "/bin/sh",
        "home_dir": "/home/ann",
        "disabled": True,
        "mail": "ann@example.org",
        "givenname": "Ann",
        "sn": "Lee",
        "memberships": [{"gid": 7001, "group_name": "7001", "kind": "project", "role": None}],
    }
    assert {*bot} == {*ann} - {"disabled", "mail", "givenname", "sn", "memberships"} | {"ssh_keys"}


def test_a_tree_shows_people_without_numbers() -> None:
    found = told(person({"uidnumber": None, "primarygroup": None}))
    assert found["users"][0]["uidnumber"] is None
    assert found["groups"] == []
