"""Filters about other rows and about JSON, on a marketplace of either year (domain.md §5.1)."""

from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
import pytest_asyncio

from gateway.demo.marketplace.fill import make
from tests.conftest import NewDatabase
from tests.schema.lists.expected_filters import GROUPS, KNOWN, ONE_GROUP, TOLD, VIEWED
from tests.support.filter_queries import expected, filtered, read
from tests.support.marketplaces import Marketplace, opened

UNKNOWN = "0123456789abcdef" * 2
CHANGES = """
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
async def changed(new_database: NewDatabase) -> AsyncIterator[Marketplace]:
    """Give a demo in which each filter has something to find, and something to leave out."""
    url = new_database()
    with psycopg.connect(url) as connection:
        make(connection, resources=200, seed=3)
        connection.execute("update marketplace_offeringcomponent set type = id::text")
        connection.execute(CHANGES.encode())
    async with opened(url) as marketplace:
        yield marketplace


@pytest.mark.parametrize(("root", "wanted", "condition"), TOLD)
async def test_finds_what_rest_does(
    changed: Marketplace, root: str, wanted: dict[str, Any], condition: str
) -> None:
    assert await filtered(changed, root, wanted) == expected(changed.url, root, condition)


@pytest.mark.parametrize(("root", "wanted", "condition"), TOLD)
async def test_finds_the_same_in_an_older_marketplace(
    waldur: Marketplace, root: str, wanted: dict[str, Any], condition: str
) -> None:
    assert await filtered(waldur, root, wanted) == expected(waldur.url, root, condition)


async def test_most_filters_find_some_and_leave_out_others(changed: Marketplace) -> None:
    telling = 0
    for root, _, condition in TOLD:
        found, others = (expected(changed.url, root, each) for each in (condition, "true"))
        telling += bool(found) and found != others
    assert telling > 0.6 * len(TOLD)


@pytest.mark.parametrize(("root", "field", "table", "condition"), KNOWN)
async def test_finds_what_belongs_to_another_row(
    changed: Marketplace, root: str, field: str, table: str, condition: str
) -> None:
    await by_uuids(changed, (root, field), table, condition.format(GROUPS))


@pytest.mark.parametrize(("root", "field", "table", "condition"), KNOWN)
async def test_finds_it_in_an_older_marketplace(
    waldur: Marketplace, root: str, field: str, table: str, condition: str
) -> None:
    await by_uuids(waldur, (root, field), table, condition.format(ONE_GROUP))


async def by_uuids(at: Marketplace, place: tuple[str, str], table: str, condition: str) -> None:
    """Filter by uuids of rows of a table, and by one that no row has."""
    root, field = place
    uuids = read(at.url, f"select uuid from {table} order by id")
    for uuid in uuids[:: len(uuids) // 12 + 1]:
        found = await filtered(at, root, {field: str(uuid)})
        assert found == expected(at.url, root, condition, uuid)
    assert await filtered(at, root, {field: UNKNOWN}) == set()


@pytest.mark.parametrize("username", ["staff", "member", "owner"])
@pytest.mark.parametrize(("root", "field", "condition"), VIEWED)
async def test_finds_what_is_the_viewer_s(
    changed: Marketplace, root: str, field: str, condition: str, username: str
) -> None:
    seen = await filtered(changed, root, {}, username)
    met = seen & expected(changed.url, root, condition.format(username))
    assert await filtered(changed, root, {field: True}, username) == met
    assert await filtered(changed, root, {field: False}, username) == seen - met


@pytest.mark.parametrize(
    "field", ["hasTermsOfService", "hasActiveTermsOfService", "userHasConsent"]
)
async def test_what_an_older_marketplace_lacks_is_not_there(
    waldur: Marketplace, field: str
) -> None:
    seen = await filtered(waldur, "offerings", {})
    assert await filtered(waldur, "offerings", {field: True}) == set()
    assert await filtered(waldur, "offerings", {field: False}) == seen


async def test_offerings_are_found_by_visible_resources_only(changed: Marketplace) -> None:
    projects = read(changed.url, "select uuid from structure_project where not is_removed")
    document = "{ projects(first: 300) { nodes { uuid } } }"
    own = (await changed.data(document, "member"))["projects"]["nodes"]
    seen = {each["uuid"] for each in own}
    found = {
        each.hex: await filtered(changed, "offerings", {"resourceProjectUuid": str(each)}, "member")
        for each in projects
    }
    assert any(found[each] for each in seen)
    assert not any(found[each] for each in {*found} - seen)


async def test_filters_take_no_more_statements(changed: Marketplace) -> None:
    wanted = {"usageBased": True, "orderState": ["DONE"], "resourceAttributes": {"a": [1]}}
    document = """query($f: ResourceFilter) {
        resources(filter: $f, visibleToUsername: "owner") { totalCount nodes { uuid } } }"""
    await changed.data(document, f=wanted)
    assert len(changed.database.asked) == 2
