"""GLauth configurations: accounts, groups, escaping of texts and invalid ids."""

import json
import tomllib
from typing import Any

import pytest

from gateway.marketplace.glauth_config import render_account_tree, render_users_config

POSIX = {"uidnumber": 5001, "primarygroup": 6001, "loginShell": "/bin/sh", "homeDir": "/home/ann"}
OFFERING = {"uuid": "0" * 32, "name": "Cluster", "slug": "cluster"}
PROJECT = {"uuid": "1" * 32, "name": "Genomes", "slug": "genomes"}
OFFERING_RECORD = ["offering", {"offering": OFFERING, "project": PROJECT}]
AWKWARD_TEXTS = [
    'Ann "the\\ Man"',
    'x"\n[[users]]\nname = "root"\nuidnumber = 0\n#',
    "tab\tand\r\nnew line",
    "quotes ''' \"\"\"",
    "\x7f\x01\x1f\x85\u2028",
    "Grønli 😀",
    "# no comment = [1]",
    "",
]


def build_person_record(posix: Any = None, **overrides: Any) -> list[Any]:
    """Return a person's record."""
    defaults = {
        "uuid": "2" * 32,
        "name": "ann.lee",
        "givenname": "Ann",
        "sn": "Lee",
        "mail": "ann@example.org",
        "username": "ann",
        "gids": [7001, 7002],
        "disabled": False,
    }
    return ["person", {**defaults, "posix": {**POSIX, **(posix or {})}, **overrides}]


def build_robot_record(**overrides: Any) -> list[Any]:
    """Return a robot account's record."""
    return ["robot", {"username": "bot", "posix": POSIX, "keys": ["ssh-ed25519 A"], **overrides}]


def build_group_record(gid: Any, *, is_own: bool = False) -> list[Any]:
    """Return a group's record."""
    return ["group", {"gid": gid, "own": is_own}]


def parse_config(*records: Any) -> dict[str, Any]:
    """Return the parsed TOML configuration of records."""
    toml_text = render_users_config(json.dumps([OFFERING_RECORD, *records]))
    assert toml_text is not None
    return tomllib.loads(toml_text)


def parse_tree(*records: Any) -> dict[str, Any]:
    """Return the parsed JSON tree of records."""
    json_text = render_account_tree(json.dumps([OFFERING_RECORD, *records]))
    assert json_text is not None
    tree: dict[str, Any] = json.loads(json_text)
    return tree


def test_without_records_there_is_no_configuration() -> None:
    assert render_users_config(None) is None
    assert render_account_tree(None) is None


def test_without_accounts_the_configuration_is_empty() -> None:
    assert parse_config() == {}
    assert parse_tree() == {"offering": OFFERING, "groups": [], "users": [], "robot_accounts": []}


def test_a_person_has_an_account_and_a_group() -> None:
    assert parse_config(build_person_record()) == {
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
    (user,) = parse_config(build_robot_record())["users"]
    assert user["name"] == "bot"
    assert user["sshkeys"] == ["ssh-ed25519 A"]
    assert not {"givenname", "sn", "mail"} & {*user}


def test_groups_come_after_those_of_people_and_robots() -> None:
    parsed_config = parse_config(
        build_person_record(),
        build_robot_record(),
        build_group_record(7002),
        build_group_record(7001),
        build_group_record(7001),
    )
    assert [each["name"] for each in parsed_config["groups"]] == ["ann", "bot", "7001", "7002"]


@pytest.mark.parametrize("text", AWKWARD_TEXTS)
def test_texts_are_escaped(text: str) -> None:
    names = ("name", "givenname", "sn", "mail")
    account_values = {"username": text, "posix": {**POSIX, "homeDir": text, "loginShell": text}}
    parsed_config = parse_config(
        build_person_record(**dict.fromkeys(names, text), **account_values),
        build_robot_record(**account_values, keys=[text, text]),
    )
    assert len(parsed_config["users"]) == len(parsed_config["groups"]) == 2
    ann, bot = parsed_config["users"]
    assert {ann[each] for each in names} == {bot["name"]} == {text}
    assert bot["sshkeys"] == [text, text]
    for each in (ann, bot):
        assert each.get("homeDir", "") == each.get("loginShell", "") == text
        assert each["customattributes"] == [{"preferredUsername": [text]}]
    assert {each["name"] for each in parsed_config["groups"]} == {text}


@pytest.mark.parametrize("number", [None, "", "x", "-1", -1, 0, "0", 1.5, True, [], {}, 2**32, "²"])
@pytest.mark.parametrize("name", ["uidnumber", "primarygroup"])
def test_an_account_without_valid_ids_is_omitted(name: str, number: Any) -> None:
    assert (
        parse_config(
            build_person_record({name: number}), build_robot_record(posix={**POSIX, name: number})
        )
        == {}
    )


def test_ids_can_be_stored_as_text() -> None:
    parsed_config = parse_config(
        build_person_record({"uidnumber": "5001"}, gids=["7001", 7001, None, "x"]),
        build_group_record("7001"),
    )
    assert parsed_config["users"][0]["uidnumber"] == 5001
    assert parsed_config["users"][0]["otherGroups"] == [7001]
    assert parsed_config["groups"][-1] == {"name": "7001", "gidnumber": 7001}


@pytest.mark.parametrize("value", [None, 7, [], {}, True])
def test_values_that_are_not_text_are_omitted(value: Any) -> None:
    parsed_config = parse_config(
        build_person_record({"homeDir": value, "loginShell": value}, gids=None),
        build_robot_record(keys=value),
        build_group_record(value),
    )
    ann, bot = parsed_config["users"]
    assert not {"homeDir", "loginShell"} & {*ann}
    assert (ann["otherGroups"], bot["sshkeys"]) == ([], [])
    assert (
        parse_tree(build_person_record({"homeDir": value}, gids=None))["users"][0]["home_dir"] == ""
    )


def test_a_tree_has_the_groups_of_the_resource_s_own_project() -> None:
    tree = parse_tree(
        build_person_record(), build_group_record(7001, is_own=True), build_group_record(7002)
    )
    project, personal = tree["groups"]
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
    tree = parse_tree(
        build_person_record(disabled=True),
        build_robot_record(),
        build_group_record(7001, is_own=True),
    )
    (ann,), (bot,) = tree["users"], tree["robot_accounts"]
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


def test_a_tree_includes_people_without_ids() -> None:
    tree = parse_tree(build_person_record({"uidnumber": None, "primarygroup": None}))
    assert tree["users"][0]["uidnumber"] is None
    assert tree["groups"] == []
