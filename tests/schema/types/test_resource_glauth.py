"""Accounts as GLauth reads them, compared with what the tables say (domain.md §5.20)."""

import json
from hashlib import sha256

import psycopg
import pytest

from tests.schema.types.expected_glauth_accounts import (
    GROUPS,
    OFFERINGS,
    PEOPLE,
    ROBOTS,
    below,
    told,
)
from tests.support.marketplaces import Marketplace


@pytest.mark.parametrize("viewer", ["staff", "owner", "member", "provider"])
async def test_accounts_are_told_where_an_offering_makes_them(
    demo: Marketplace, viewer: str
) -> None:
    rows, offerings = await told(demo, viewer), below(demo, OFFERINGS)
    for uuid, (config, tree) in rows.items():
        assert (config is None) == (tree is None) == (uuid not in offerings)
        if tree:
            assert [(tree["offering"]["name"],)] == [each[:1] for each in offerings[uuid]]
    assert {tree is None for _, tree in rows.values()} == {True, False}


async def test_people_are_those_with_a_role_in_the_project(demo: Marketplace) -> None:
    people, shown = below(demo, PEOPLE), 0
    for uuid, (config, tree) in (await told(demo)).items():
        if tree is None:
            continue
        users = [each for each in config.get("users", ()) if "mail" in each]
        expected = people.get(uuid, [])
        assert sorted(
            (
                each["name"],
                each["mail"],
                *each["customattributes"][0]["preferredUsername"],
                each["uidnumber"],
                each["otherGroups"],
            )
            for each in users
        ) == [each[:-1] for each in expected]
        shown += len(users)
    assert shown > 50


async def test_groups_are_the_offering_s_and_in_a_tree_the_project_s(demo: Marketplace) -> None:
    groups, people, names = below(demo, GROUPS), below(demo, PEOPLE), below(demo, OFFERINGS)
    members = 0
    for uuid, (config, tree) in (await told(demo)).items():
        if tree is None:
            continue
        listed = [each["gidnumber"] for each in config.get("groups", ())]
        known = groups.get(uuid, [])
        assert [gid for gid, _ in known] == sorted({*listed} & {*range(7000, 9000)})
        own = [each for each in tree["groups"] if each["kind"] == "project"]
        assert [each["gid"] for each in own] == [gid for gid, is_own in known if is_own]
        for each in own:
            assert [(tree["offering"]["name"], each["scope"]["name"])] == names[uuid]
            expected = {
                name for *_, name, _, gids, _ in people.get(uuid, []) if each["gid"] in gids
            }
            assert {*each["members"]} == expected
            members += len(each["members"])
    assert members


async def test_robots_are_those_that_can_log_in(demo: Marketplace) -> None:
    robots, shown = below(demo, ROBOTS), 0
    for uuid, (config, tree) in (await told(demo)).items():
        if tree is not None:
            expected = [name for (name,) in robots.get(uuid, [])]
            assert [each["username"] for each in tree["robot_accounts"]] == expected
            found = [each["name"] for each in config.get("users", ()) if "mail" not in each]
            assert found == expected
            shown += len(found)
    assert shown


@pytest.mark.parametrize("viewer", ["staff", "support", "owner", "provider"])
async def test_neither_a_secret_nor_its_hash_is_told(demo: Marketplace, viewer: str) -> None:
    written = json.dumps([*(await told(demo, viewer)).values()])
    with psycopg.connect(demo.url) as connection:
        shared = connection.execute(
            "select distinct secret_options ->> 'shared_user_password' from marketplace_offering"
        ).fetchall()
    assert shared == [("secret-shared-password",)]
    for (password,) in shared:
        assert password not in written
        assert sha256(password.encode()).hexdigest() not in written
    assert "passsha256" not in written


async def test_nobody_is_told_of_the_accounts_where_they_see_nothing(demo: Marketplace) -> None:
    query = "query($uuid: UUID!) { resource(uuid: $uuid) { glauthUsersConfig glauthTree } }"
    uuid = next(iter(below(demo, PEOPLE)))
    assert (await demo.data(query, uuid=uuid))["resource"]["glauthTree"]
    for viewer in ("nobody", "revoked", None):
        assert (await demo.data(query, viewer, uuid=uuid))["resource"] is None


async def test_a_parent_that_is_only_referred_to_tells_of_no_accounts(waldur: Marketplace) -> None:
    query = """{ resources(first: 300, visibleAs: PROVIDER) { nodes { parent {
        state glauthUsersConfig glauthTree history { totalCount }
        historyAt(at: "2100-01-01T00:00:00Z") { at }
    } } } }"""
    rows = (await waldur.data(query, "owner_c"))["resources"]["nodes"]
    hidden = [row["parent"] for row in rows if row["parent"] and row["parent"]["state"] is None]
    assert hidden
    assert all(not any(each.values()) for each in hidden)


@pytest.mark.parametrize("field", ["glauthUsersConfig", "glauthTree"])
async def test_it_takes_one_statement_that_only_reads(demo: Marketplace, field: str) -> None:
    await demo.data(f"{{ resources(first: 300) {{ nodes {{ {field} }} }} }}")
    assert len(demo.database.asked) == 2
    for sql in demo.database.asked:
        assert sql.split()[0] in ("SELECT", "WITH")
        assert "integrationstatus" not in sql
