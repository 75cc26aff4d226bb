"""Filters by related rows and by JSON, in Waldur of 2024 and of 2026 (domain.md §5.1)."""

from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
import pytest_asyncio

from gateway.demo.marketplace.fill import create_marketplace
from tests.conftest import DatabaseFactory
from tests.schema.lists.expected_filters import (
    CUSTOMER_GROUPS_SQL,
    SINGLE_CUSTOMER_GROUP_SQL,
    UUID_FILTER_CASES,
    VALUE_FILTER_CASES,
    VIEWER_FILTER_CASES,
)
from tests.support.filter_queries import (
    list_filtered_uuids,
    select_expected_uuids,
    select_first_column,
)
from tests.support.marketplaces import Marketplace, open_marketplace

UNKNOWN_UUID = "0123456789abcdef" * 2
FIXTURE_CHANGES_SQL = """
update marketplace_offering set plugin_options = plugin_options || '{"heappe_url": "https://lexis"}'
    where id % 3 = 0;
update marketplace_offering set attributes = '{"tier": "gold", "tags": ["a", "b"]}'
    where id % 4 = 0;
update marketplace_offering set attributes = '{"tier": ["gold"], "tags": "c"}' where id % 4 = 1;
update marketplace_resource set backend_metadata = '{"instance_name": null,
    "flavor_name": "m1.Large_2", "image_name": "Ubuntu 50%"}' where id % 5 = 1;
update marketplace_resource set backend_metadata = '{"flavor_name": "m1.largest",
    "image_name": "50"}' where id % 5 = 2;
update marketplace_offeringcomponent set offering_id = 1 where offering_id = 2;
update marketplace_userofferingconsent set revocation_date = now() where id % 3 = 0;
update marketplace_offeringtermsofservice set is_active = false where id % 2 = 0;
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def varied_marketplace(new_database: DatabaseFactory) -> AsyncIterator[Marketplace]:
    """Open a demo in which each filter matches some rows, but not all."""
    url = new_database()
    with psycopg.connect(url) as connection:
        create_marketplace(connection, resource_count=200, seed=3)
        connection.execute("update marketplace_offeringcomponent set type = id::text")
        connection.execute(FIXTURE_CHANGES_SQL.encode())
    async with open_marketplace(url) as marketplace:
        yield marketplace


@pytest.mark.parametrize(("root", "filter_value", "condition"), VALUE_FILTER_CASES)
async def test_filters_match_as_in_rest(
    varied_marketplace: Marketplace, root: str, filter_value: dict[str, Any], condition: str
) -> None:
    assert await list_filtered_uuids(
        varied_marketplace, root, filter_value
    ) == select_expected_uuids(varied_marketplace.url, root, condition)


@pytest.mark.parametrize(("root", "filter_value", "condition"), VALUE_FILTER_CASES)
async def test_filters_match_as_in_rest_in_an_older_marketplace(
    waldur: Marketplace, root: str, filter_value: dict[str, Any], condition: str
) -> None:
    assert await list_filtered_uuids(waldur, root, filter_value) == select_expected_uuids(
        waldur.url, root, condition
    )


async def test_most_filters_match_some_rows_but_not_all(varied_marketplace: Marketplace) -> None:
    selective_count = 0
    for root, _, condition in VALUE_FILTER_CASES:
        matching_uuids, all_uuids = (
            select_expected_uuids(varied_marketplace.url, root, each)
            for each in (condition, "true")
        )
        selective_count += bool(matching_uuids) and matching_uuids != all_uuids
    assert selective_count > 0.6 * len(VALUE_FILTER_CASES)


@pytest.mark.parametrize(("root", "field", "table", "condition"), UUID_FILTER_CASES)
async def test_filters_by_uuids_of_other_rows(
    varied_marketplace: Marketplace, root: str, field: str, table: str, condition: str
) -> None:
    await check_uuid_filter(
        varied_marketplace, (root, field), table, condition.format(CUSTOMER_GROUPS_SQL)
    )


@pytest.mark.parametrize(("root", "field", "table", "condition"), UUID_FILTER_CASES)
async def test_filters_by_uuids_of_other_rows_in_an_older_marketplace(
    waldur: Marketplace, root: str, field: str, table: str, condition: str
) -> None:
    await check_uuid_filter(
        waldur, (root, field), table, condition.format(SINGLE_CUSTOMER_GROUP_SQL)
    )


async def check_uuid_filter(
    marketplace: Marketplace, list_and_field: tuple[str, str], table: str, condition: str
) -> None:
    """Check that a filter by uuids of `table` matches the rows that meet an SQL condition."""
    root, field = list_and_field
    uuids = select_first_column(marketplace.url, f"select uuid from {table} order by id")
    for uuid in uuids[:: len(uuids) // 12 + 1]:
        filtered_uuids = await list_filtered_uuids(marketplace, root, {field: str(uuid)})
        assert filtered_uuids == select_expected_uuids(marketplace.url, root, condition, uuid)
    assert await list_filtered_uuids(marketplace, root, {field: UNKNOWN_UUID}) == set()


@pytest.mark.parametrize("username", ["staff", "member", "owner"])
@pytest.mark.parametrize(("root", "field", "condition"), VIEWER_FILTER_CASES)
async def test_viewer_dependent_filters(
    varied_marketplace: Marketplace, root: str, field: str, condition: str, username: str
) -> None:
    visible_uuids = await list_filtered_uuids(varied_marketplace, root, {}, username)
    matching_uuids = visible_uuids & select_expected_uuids(
        varied_marketplace.url, root, condition.format(username)
    )
    assert (
        await list_filtered_uuids(varied_marketplace, root, {field: True}, username)
        == matching_uuids
    )
    assert (
        await list_filtered_uuids(varied_marketplace, root, {field: False}, username)
        == visible_uuids - matching_uuids
    )


@pytest.mark.parametrize(
    "field", ["hasTermsOfService", "hasActiveTermsOfService", "userHasConsent"]
)
async def test_filters_on_missing_tables_match_nothing(waldur: Marketplace, field: str) -> None:
    visible_uuids = await list_filtered_uuids(waldur, "offerings", {})
    assert await list_filtered_uuids(waldur, "offerings", {field: True}) == set()
    assert await list_filtered_uuids(waldur, "offerings", {field: False}) == visible_uuids


async def test_offerings_are_filtered_by_visible_resources_only(
    varied_marketplace: Marketplace,
) -> None:
    project_uuids = select_first_column(
        varied_marketplace.url, "select uuid from structure_project where not is_removed"
    )
    document = "{ projects(first: 300) { nodes { uuid } } }"
    member_projects = (await varied_marketplace.fetch_data(document, "member"))["projects"]["nodes"]
    visible_uuids = {each["uuid"] for each in member_projects}
    offerings_by_project = {
        each.hex: await list_filtered_uuids(
            varied_marketplace, "offerings", {"resourceProjectUuid": str(each)}, "member"
        )
        for each in project_uuids
    }
    assert any(offerings_by_project[each] for each in visible_uuids)
    assert not any(offerings_by_project[each] for each in {*offerings_by_project} - visible_uuids)


async def test_filters_take_no_more_statements(varied_marketplace: Marketplace) -> None:
    filter_value = {"usageBased": True, "orderState": ["DONE"], "resourceAttributes": {"a": [1]}}
    document = """query($f: ResourceFilter) {
        resources(filter: $f, visibleToUsername: "owner") { totalCount nodes { uuid } } }"""
    await varied_marketplace.fetch_data(document, f=filter_value)
    assert len(varied_marketplace.database.recorded_sql) == 2
