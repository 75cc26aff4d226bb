"""Lists of child rows that arguments filter, and backend objects of resources."""

import json
from typing import Any

import psycopg
import pytest

from tests.support.marketplaces import Marketplace

USAGES_QUERY = """query($from: Date, $to: Date) { resources(first: 300) { nodes { uuid
    usages(from: $from, to: $to) { billingPeriod usage component { type } }
} } }"""
TEAM_QUERY = """query($agreed: Boolean) { resources(first: 300) { nodes { uuid
    team(hasConsent: $agreed) { user { uuid } role offeringUserUsername offeringUserState }
} } }"""


async def list_child_items(
    demo: Marketplace, query: str, field: str, **variables: Any
) -> list[tuple[str, Any]]:
    """Return the items of a list field of all resources, each with its resource's uuid."""
    resources = (await demo.fetch_data(query, **variables))["resources"]["nodes"]
    return [(row["uuid"], item) for row in resources for item in row[field]]


@pytest.mark.parametrize(
    "variables",
    [{}, {"from": "2026-01-15"}, {"to": "2025-12-31"}, {"from": "2025-06-01", "to": "2025-06-01"}],
)
async def test_usages_are_filtered_by_month(demo: Marketplace, variables: dict[str, str]) -> None:
    all_usages = await list_child_items(demo, USAGES_QUERY, "usages")
    first, last = variables.get("from", ""), variables.get("to", "9")
    expected = [each for each in all_usages if first <= each[1]["billingPeriod"] <= last]
    assert await list_child_items(demo, USAGES_QUERY, "usages", **variables) == expected
    assert len(all_usages) > 100


async def test_contradictory_months_return_nothing(demo: Marketplace) -> None:
    variables = {"from": "2026-02-01", "to": "2026-01-01"}
    assert await list_child_items(demo, USAGES_QUERY, "usages", **variables) == []


async def test_an_invalid_date_is_rejected(demo: Marketplace) -> None:
    query = '{ resources(first: 1) { nodes { usages(from: "yesterday") { usage } } } }'
    error = await demo.fetch_error(query)
    assert error["extensions"]["code"] in ("BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED")


async def test_team_is_filtered_by_consent(demo: Marketplace) -> None:
    all_members = await list_child_items(demo, TEAM_QUERY, "team")
    consenting = await list_child_items(demo, TEAM_QUERY, "team", agreed=True)
    not_consenting = await list_child_items(demo, TEAM_QUERY, "team", agreed=False)
    assert consenting
    assert sorted(map(str, consenting + not_consenting)) == sorted(map(str, all_members))
    with psycopg.connect(demo.url) as connection:
        rows = connection.execute(
            """select replace(r.uuid::text, '-', ''), replace(u.uuid::text, '-', '')
            from marketplace_userofferingconsent c join core_user u on u.id = c.user_id
            join marketplace_resource r on r.offering_id = c.offering_id
            where c.revocation_date is null"""
        ).fetchall()
    assert all((owner, each["user"]["uuid"]) in set(rows) for owner, each in consenting)


async def test_a_view_read_twice_is_not_materialized(demo: Marketplace) -> None:
    """A materialized CTE would read all offerings for one."""
    selection = "effectiveComponents { type } b: effectiveComponents { name }"
    await demo.fetch_data(f"{{ offerings(first: 1) {{ nodes {{ {selection} }} }} }}")
    statements = [sql for sql in demo.database.recorded_sql if "effective_component" in sql]
    assert statements
    assert all("AS NOT MATERIALIZED" in sql for sql in statements)


async def test_backend_object_secrets_are_hidden(demo: Marketplace) -> None:
    query = """{ resources(first: 300) { nodes { backend {
        id uuid type serviceSettingsUuid details
    } } } }"""
    resources = (await demo.fetch_data(query))["resources"]["nodes"]
    objects = [row["backend"] for row in resources if row["backend"]]
    assert {each["type"] for each in objects} >= {"OpenStack.Tenant", "OpenStack.Instance"}
    detail_names = {name for each in objects for name in each["details"] or {}}
    secret_names = {"user_username", "user_password", "user_data", "key_name", "action_details"}
    assert not detail_names & secret_names
    assert "password" not in json.dumps(objects).lower()
    for each in objects:
        assert each["details"] is None or each["details"]["uuid"] == each["uuid"]
