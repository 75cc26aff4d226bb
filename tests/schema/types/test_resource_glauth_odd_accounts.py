"""Accounts whose records are odd, and those of October 2024, as GLauth reads them."""

import json
from collections.abc import AsyncIterator

import psycopg
import pytest_asyncio

from gateway.demo.marketplace.fill import make
from tests.conftest import NewDatabase
from tests.schema.types.expected_glauth_accounts import PEOPLE, below, told
from tests.support import waldur_2024
from tests.support.marketplaces import Marketplace, opened

AWKWARD = '"\n[[users]]\nname = "root"\nuidnumber = 0\n\\'
SWITCH = "service_provider_can_create_offering_user"


@pytest_asyncio.fixture(scope="module")
async def odd(new_database: NewDatabase) -> AsyncIterator[Marketplace]:
    """Give a marketplace with awkward names, and accounts that lack something."""
    url = new_database()
    with psycopg.connect(url) as connection:
        make(connection, resources=300, seed=1)
        connection.execute("update core_user set first_name = %s, last_name = %s", [AWKWARD] * 2)
        connection.execute(
            """update marketplace_offeringuser set backend_metadata = case id %% 3
            when 0 then '{}' when 1 then '[7]' else backend_metadata || %s end""",
            [json.dumps({"homeDir": AWKWARD, "loginShell": None})],
        )
        connection.execute("update marketplace_robotaccount set keys = '{\"a\": 1}'")
        connection.execute(
            """update marketplace_resource set state = case when project_id <= (
                select percentile_disc(0.5) within group (order by project_id)
                from marketplace_resource where offering_id in (
                    select offering_id from marketplace_offeringuser)) then 6 else 2 end"""
        )
    async with opened(url) as marketplace:
        yield marketplace


async def test_what_people_are_called_adds_no_account(odd: Marketplace) -> None:
    found = [each for each, _ in (await told(odd)).values() if each]
    people = [each for config in found for each in config.get("users", ()) if "mail" in each]
    assert people
    for each in people:
        assert (each["givenname"], each["sn"], each["homeDir"]) == (AWKWARD, AWKWARD, AWKWARD)
        assert each["name"] != "root"
        assert each["uidnumber"] > 5000


async def test_accounts_that_lack_numbers_are_in_the_tree_alone(odd: Marketplace) -> None:
    for config, tree in (await told(odd)).values():
        if tree:
            numbered = [each for each in tree["users"] if each["uidnumber"]]
            people = [each for each in config.get("users", ()) if "mail" in each]
            assert len(people) == len(numbered)


async def test_those_are_disabled_whose_resources_are_all_gone(odd: Marketplace) -> None:
    people, met = below(odd, PEOPLE), set()
    for uuid, (_, tree) in (await told(odd)).items():
        users = tree["users"] if tree else []
        expected = {(each[2], each[-1]) for each in people.get(uuid, [])}
        assert {(each["username"], each["disabled"]) for each in users} == expected
        met |= {each["disabled"] for each in users}
    assert met == {True, False}


@pytest_asyncio.fixture(scope="module")
async def older(new_database: NewDatabase) -> AsyncIterator[Marketplace]:
    """Give a Waldur of October 2024 where one offering makes accounts, and two only seem to."""
    url = new_database()
    with psycopg.connect(url) as connection:
        waldur_2024.build(connection)
        for offering, switch in ((33, True), (34, "yes"), (31, False)):
            connection.execute(
                "update marketplace_offering set secret_options = %s where id = %s",
                [json.dumps({SWITCH: switch, "shared_user_password": "secret"}), offering],
            )
        connection.execute(
            """update marketplace_offeringuser set backend_metadata
            = backend_metadata || '{"primarygroup": 6100}' where offering_id = 33"""
        )
    async with opened(url) as marketplace:
        yield marketplace


async def test_in_2024_secret_options_say_where_accounts_are_made(older: Marketplace) -> None:
    rows = await told(older)
    with psycopg.connect(older.url) as connection:
        made = connection.execute(
            "select replace(uuid::text, '-', '') from marketplace_resource where offering_id = 33"
        ).fetchall()
    assert {uuid for uuid, (_, tree) in rows.items() if tree} == {uuid for (uuid,) in made}
    configs = [config for config, _ in rows.values() if config]
    assert any("mail" in each for config in configs for each in config.get("users", ()))
    assert all({"name": "6001", "gidnumber": 6001} in config["groups"] for config in configs)
    assert "secret" not in json.dumps(list(rows.values()))


async def test_in_2024_the_public_switch_counts_for_nothing(waldur: Marketplace) -> None:
    rows = await told(waldur)
    assert len(rows) == 600
    assert {*rows.values()} == {(None, None)}
