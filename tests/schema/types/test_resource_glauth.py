"""GLauth accounts of resources compared with the tables (domain.md §5.20)."""

import json
from hashlib import sha256

import psycopg
import pytest

from tests.schema.types.expected_glauth_accounts import (
    GROUPS_SQL,
    OFFERINGS_SQL,
    PEOPLE_SQL,
    ROBOTS_SQL,
    load_accounts,
    query_expected_rows,
)
from tests.support.marketplaces import Marketplace


@pytest.mark.parametrize("viewer", ["staff", "owner", "member", "provider"])
async def test_accounts_are_published_if_the_offering_manages_them(
    demo: Marketplace, viewer: str
) -> None:
    rows, offerings = await load_accounts(demo, viewer), query_expected_rows(demo, OFFERINGS_SQL)
    for uuid, (config, tree) in rows.items():
        assert (config is None) == (tree is None) == (uuid not in offerings)
        if tree:
            assert [(tree["offering"]["name"],)] == [each[:1] for each in offerings[uuid]]
    assert {tree is None for _, tree in rows.values()} == {True, False}


async def test_users_are_the_members_of_the_project(demo: Marketplace) -> None:
    people, user_count = query_expected_rows(demo, PEOPLE_SQL), 0
    for uuid, (config, tree) in (await load_accounts(demo)).items():
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
        user_count += len(users)
    assert user_count > 50


async def test_groups_match_the_offering_and_the_project(demo: Marketplace) -> None:
    groups, people, names = (
        query_expected_rows(demo, GROUPS_SQL),
        query_expected_rows(demo, PEOPLE_SQL),
        query_expected_rows(demo, OFFERINGS_SQL),
    )
    member_count = 0
    for uuid, (config, tree) in (await load_accounts(demo)).items():
        if tree is None:
            continue
        group_ids = [group["gidnumber"] for group in config.get("groups", ())]
        expected_groups = groups.get(uuid, [])
        assert [gid for gid, _ in expected_groups] == sorted({*group_ids} & {*range(7000, 9000)})
        project_groups = [group for group in tree["groups"] if group["kind"] == "project"]
        assert [group["gid"] for group in project_groups] == [
            gid for gid, is_own in expected_groups if is_own
        ]
        for group in project_groups:
            assert [(tree["offering"]["name"], group["scope"]["name"])] == names[uuid]
            expected = {
                name for *_, name, _, gids, _ in people.get(uuid, []) if group["gid"] in gids
            }
            assert {*group["members"]} == expected
            member_count += len(group["members"])
    assert member_count


async def test_robot_accounts_are_those_that_can_log_in(demo: Marketplace) -> None:
    robots, robot_count = query_expected_rows(demo, ROBOTS_SQL), 0
    for uuid, (config, tree) in (await load_accounts(demo)).items():
        if tree is not None:
            expected = [name for (name,) in robots.get(uuid, [])]
            assert [each["username"] for each in tree["robot_accounts"]] == expected
            usernames = [each["name"] for each in config.get("users", ()) if "mail" not in each]
            assert usernames == expected
            robot_count += len(usernames)
    assert robot_count


@pytest.mark.parametrize("viewer", ["staff", "support", "owner", "provider"])
async def test_the_shared_password_and_its_hash_are_not_published(
    demo: Marketplace, viewer: str
) -> None:
    response_text = json.dumps([*(await load_accounts(demo, viewer)).values()])
    with psycopg.connect(demo.url) as connection:
        password_rows = connection.execute(
            "select distinct secret_options ->> 'shared_user_password' from marketplace_offering"
        ).fetchall()
    assert password_rows == [("secret-shared-password",)]
    for (password,) in password_rows:
        assert password not in response_text
        assert sha256(password.encode()).hexdigest() not in response_text
    assert "passsha256" not in response_text


async def test_accounts_of_hidden_resources_are_hidden(demo: Marketplace) -> None:
    query = "query($uuid: UUID!) { resource(uuid: $uuid) { glauthUsersConfig glauthTree } }"
    uuid = next(iter(query_expected_rows(demo, PEOPLE_SQL)))
    assert (await demo.fetch_data(query, uuid=uuid))["resource"]["glauthTree"]
    for viewer in ("nobody", "revoked", None):
        assert (await demo.fetch_data(query, viewer, uuid=uuid))["resource"] is None


async def test_hidden_parents_publish_neither_accounts_nor_history(waldur: Marketplace) -> None:
    query = """{ resources(first: 300, visibleAs: PROVIDER) { nodes { parent {
        state glauthUsersConfig glauthTree history { totalCount }
        historyAt(at: "2100-01-01T00:00:00Z") { at }
    } } } }"""
    rows = (await waldur.fetch_data(query, "owner_c"))["resources"]["nodes"]
    hidden = [row["parent"] for row in rows if row["parent"] and row["parent"]["state"] is None]
    assert hidden
    assert all(not any(each.values()) for each in hidden)


@pytest.mark.parametrize("field", ["glauthUsersConfig", "glauthTree"])
async def test_accounts_take_one_read_only_statement(demo: Marketplace, field: str) -> None:
    await demo.fetch_data(f"{{ resources(first: 300) {{ nodes {{ {field} }} }} }}")
    assert len(demo.database.recorded_sql) == 2
    for sql in demo.database.recorded_sql:
        assert sql.split()[0] in ("SELECT", "WITH")
        assert "integrationstatus" not in sql
