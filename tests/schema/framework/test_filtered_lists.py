"""Short lists that arguments narrow, and what plugins have behind resources."""

import json
from typing import Any

import psycopg
import pytest

from tests.support.marketplaces import Marketplace

USAGES = """query($from: Date, $to: Date) { resources(first: 300) { nodes { uuid
    usages(from: $from, to: $to) { billingPeriod usage component { type } }
} } }"""
TEAMS = """query($agreed: Boolean) { resources(first: 300) { nodes { uuid
    team(hasConsent: $agreed) { user { uuid } role offeringUserUsername offeringUserState }
} } }"""


async def below(demo: Marketplace, query: str, field: str, **given: Any) -> list[tuple[str, Any]]:
    """Give what the lists below all resources hold, each with its owner."""
    found = (await demo.data(query, **given))["resources"]["nodes"]
    return [(row["uuid"], each) for row in found for each in row[field]]


@pytest.mark.parametrize(
    "given",
    [{}, {"from": "2026-01-15"}, {"to": "2025-12-31"}, {"from": "2025-06-01", "to": "2025-06-01"}],
)
async def test_usages_are_of_the_months_that_are_asked_for(
    demo: Marketplace, given: dict[str, str]
) -> None:
    everything = await below(demo, USAGES, "usages")
    first, last = given.get("from", ""), given.get("to", "9")
    wanted = [each for each in everything if first <= each[1]["billingPeriod"] <= last]
    assert await below(demo, USAGES, "usages", **given) == wanted
    assert len(everything) > 100


async def test_months_that_contradict_each_other_are_none(demo: Marketplace) -> None:
    given = {"from": "2026-02-01", "to": "2026-01-01"}
    assert await below(demo, USAGES, "usages", **given) == []


async def test_what_is_no_day_is_refused(demo: Marketplace) -> None:
    query = '{ resources(first: 1) { nodes { usages(from: "yesterday") { usage } } } }'
    error = await demo.refused(query)
    assert error["extensions"]["code"] in ("BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED")


async def test_a_team_is_narrowed_to_those_who_agreed(demo: Marketplace) -> None:
    everybody = await below(demo, TEAMS, "team")
    agreed = await below(demo, TEAMS, "team", agreed=True)
    others = await below(demo, TEAMS, "team", agreed=False)
    assert agreed
    assert sorted(map(str, agreed + others)) == sorted(map(str, everybody))
    with psycopg.connect(demo.url) as connection:
        rows = connection.execute(
            """select replace(r.uuid::text, '-', ''), replace(u.uuid::text, '-', '')
            from marketplace_userofferingconsent c join core_user u on u.id = c.user_id
            join marketplace_resource r on r.offering_id = c.offering_id
            where c.revocation_date is null"""
        ).fetchall()
    assert all((owner, each["user"]["uuid"]) in set(rows) for owner, each in agreed)


async def test_a_view_that_is_read_twice_is_not_made_whole(demo: Marketplace) -> None:
    """PostgreSQL would if it were not told, and read all offerings for one."""
    twice = "effectiveComponents { type } b: effectiveComponents { name }"
    await demo.data(f"{{ offerings(first: 1) {{ nodes {{ {twice} }} }} }}")
    read = [sql for sql in demo.database.asked if "effective_component" in sql]
    assert read
    assert all("AS NOT MATERIALIZED" in sql for sql in read)


async def test_nothing_secret_of_a_plugin_s_object_is_shown(demo: Marketplace) -> None:
    query = """{ resources(first: 300) { nodes { backend {
        id uuid type serviceSettingsUuid details
    } } } }"""
    found = (await demo.data(query))["resources"]["nodes"]
    objects = [row["backend"] for row in found if row["backend"]]
    assert {each["type"] for each in objects} >= {"OpenStack.Tenant", "OpenStack.Instance"}
    told = {name for each in objects for name in each["details"] or {}}
    hidden = {"user_username", "user_password", "user_data", "key_name", "action_details"}
    assert not told & hidden
    assert "password" not in json.dumps(objects).lower()
    for each in objects:
        assert each["details"] is None or each["details"]["uuid"] == each["uuid"]
