"""GLauth accounts with malformed metadata, and those of October 2024."""

import json
from collections.abc import AsyncIterator

import psycopg
import pytest_asyncio

from gateway.demo.marketplace.fill import create_marketplace
from tests.conftest import DatabaseFactory
from tests.schema.types.expected_glauth_accounts import (
    PEOPLE_SQL,
    load_accounts,
    query_expected_rows,
)
from tests.support import waldur_2024
from tests.support.marketplaces import Marketplace, open_marketplace

UNSAFE_NAME = '"\n[[users]]\nname = "root"\nuidnumber = 0\n\\'
ACCOUNTS_OPTION = "service_provider_can_create_offering_user"


@pytest_asyncio.fixture(scope="module")
async def odd_marketplace(new_database: DatabaseFactory) -> AsyncIterator[Marketplace]:
    """Yield a marketplace with names that need escaping and incomplete accounts."""
    url = new_database()
    with psycopg.connect(url) as connection:
        create_marketplace(connection, resource_count=300, seed=1)
        connection.execute(
            "update core_user set first_name = %s, last_name = %s", [UNSAFE_NAME] * 2
        )
        connection.execute(
            """update marketplace_offeringuser set backend_metadata = case id %% 3
            when 0 then '{}' when 1 then '[7]' else backend_metadata || %s end""",
            [json.dumps({"homeDir": UNSAFE_NAME, "loginShell": None})],
        )
        connection.execute("update marketplace_robotaccount set keys = '{\"a\": 1}'")
        connection.execute(
            """update marketplace_resource set state = case when project_id <= (
                select percentile_disc(0.5) within group (order by project_id)
                from marketplace_resource where offering_id in (
                    select offering_id from marketplace_offeringuser)) then 6 else 2 end"""
        )
    async with open_marketplace(url) as marketplace:
        yield marketplace


async def test_names_cannot_inject_accounts(odd_marketplace: Marketplace) -> None:
    configs = [person for person, _ in (await load_accounts(odd_marketplace)).values() if person]
    people = [
        person for config in configs for person in config.get("users", ()) if "mail" in person
    ]
    assert people
    for person in people:
        assert (person["givenname"], person["sn"], person["homeDir"]) == (
            UNSAFE_NAME,
            UNSAFE_NAME,
            UNSAFE_NAME,
        )
        assert person["name"] != "root"
        assert person["uidnumber"] > 5000


async def test_accounts_without_uid_numbers_are_in_the_tree_only(
    odd_marketplace: Marketplace,
) -> None:
    for config, tree in (await load_accounts(odd_marketplace)).values():
        if tree:
            numbered = [each for each in tree["users"] if each["uidnumber"]]
            people = [each for each in config.get("users", ()) if "mail" in each]
            assert len(people) == len(numbered)


async def test_users_without_live_resources_are_disabled(
    odd_marketplace: Marketplace,
) -> None:
    people, covered = query_expected_rows(odd_marketplace, PEOPLE_SQL), set()
    for uuid, (_, tree) in (await load_accounts(odd_marketplace)).items():
        users = tree["users"] if tree else []
        expected = {(each[2], each[-1]) for each in people.get(uuid, [])}
        assert {(each["username"], each["disabled"]) for each in users} == expected
        covered |= {each["disabled"] for each in users}
    assert covered == {True, False}


@pytest_asyncio.fixture(scope="module")
async def older_marketplace(new_database: DatabaseFactory) -> AsyncIterator[Marketplace]:
    """Yield a Waldur installation of October 2024 in which one offering manages accounts."""
    url = new_database()
    with psycopg.connect(url) as connection:
        waldur_2024.create_waldur_database(connection)
        for offering, switch in ((33, True), (34, "yes"), (31, False)):
            connection.execute(
                "update marketplace_offering set secret_options = %s where id = %s",
                [json.dumps({ACCOUNTS_OPTION: switch, "shared_user_password": "secret"}), offering],
            )
        connection.execute(
            """update marketplace_offeringuser set backend_metadata
            = backend_metadata || '{"primarygroup": 6100}' where offering_id = 33"""
        )
    async with open_marketplace(url) as marketplace:
        yield marketplace


async def test_waldur_2024_reads_the_switch_from_secret_options(
    older_marketplace: Marketplace,
) -> None:
    rows = await load_accounts(older_marketplace)
    with psycopg.connect(older_marketplace.url) as connection:
        expected_rows = connection.execute(
            "select replace(uuid::text, '-', '') from marketplace_resource where offering_id = 33"
        ).fetchall()
    assert {uuid for uuid, (_, tree) in rows.items() if tree} == {uuid for (uuid,) in expected_rows}
    configs = [config for config, _ in rows.values() if config]
    assert any("mail" in each for config in configs for each in config.get("users", ()))
    assert all({"name": "6001", "gidnumber": 6001} in config["groups"] for config in configs)
    assert "secret" not in json.dumps(list(rows.values()))


async def test_waldur_2024_ignores_the_public_switch(waldur: Marketplace) -> None:
    rows = await load_accounts(waldur)
    assert len(rows) == 600
    assert {*rows.values()} == {(None, None)}
