"""The search of resources by the uuid of their backend object (domain.md §5.1)."""

from collections.abc import AsyncIterator

import psycopg
import pytest
import pytest_asyncio

from gateway.demo.marketplace.fill import create_marketplace
from tests.conftest import DatabaseFactory
from tests.support.filter_queries import select_first_column
from tests.support.marketplaces import Marketplace, open_marketplace

DOCUMENT = "query($q: String) { resources(first: 300, query: $q) { totalCount nodes { uuid } } }"
BACKEND_TABLES = (
    "openstack_tenant",
    "openstack_instance",
    "openstack_volume",
    "waldur_slurm_allocation",
)
BACKEND_PAIRS_SQL = """
select r.uuid, t.uuid from {0} t join marketplace_resource r on r.object_id = t.id
join django_content_type k on k.id = r.content_type_id and k.app_label || '_' || k.model = '{0}'
order by r.id"""
USERNAMES = ("staff", "owner", "member", "provider", "dual", "reader", "nobody")
FIXTURE_CHANGES_SQL = (
    """update marketplace_resource set backend_id = (select uuid::text from openstack_tenant
        where id = 1)
    where id = (select min(r.id) from marketplace_resource r
        join structure_project p on p.id = r.project_id
        join structure_customer c on c.id = p.customer_id where c.slug = 'halden')""",
    """update openstack_instance set uuid = (select uuid from marketplace_resource where id = 21)
        where id = 1""",
)
"""Makes uuids ambiguous: a tenant's is a backend id, an instance's is a resource's."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def ambiguous_marketplace(new_database: DatabaseFactory) -> AsyncIterator[Marketplace]:
    """Open a marketplace in which one uuid matches several resources."""
    url = new_database()
    with psycopg.connect(url) as connection:
        create_marketplace(connection, resource_count=100, seed=3)
        for statement in FIXTURE_CHANGES_SQL:
            assert connection.execute(statement.encode()).rowcount == 1
    async with open_marketplace(url) as marketplace:
        yield marketplace


async def search_resource_uuids(
    marketplace: Marketplace, query: str, username: str = "staff"
) -> list[str]:
    """Return the uuids of the resources that match a search."""
    page = (await marketplace.fetch_data(DOCUMENT, username, q=query))["resources"]
    assert page["totalCount"] == len(page["nodes"])
    return [each["uuid"] for each in page["nodes"]]


async def list_visible_uuids(marketplace: Marketplace, username: str) -> set[str]:
    """Return the uuids of the resources that a user can see."""
    return {*await search_resource_uuids(marketplace, "", username)}


@pytest.mark.parametrize("kind", BACKEND_TABLES)
async def test_backend_object_uuids_find_their_resources(
    demo: Marketplace, waldur: Marketplace, kind: str
) -> None:
    for marketplace in (demo, waldur):
        with psycopg.connect(marketplace.url) as connection:
            rows = connection.execute(BACKEND_PAIRS_SQL.format(kind).encode()).fetchall()
        assert rows
        for resource, uuid in rows[:: len(rows) // 4 + 1]:
            for spelling in (str(uuid), uuid.hex.upper()):
                assert await search_resource_uuids(marketplace, spelling) == [resource.hex]


@pytest.mark.parametrize("username", ["owner", "member", "provider", "nobody"])
async def test_hidden_resources_are_not_found(demo: Marketplace, username: str) -> None:
    rows = []
    with psycopg.connect(demo.url) as connection:
        for kind in BACKEND_TABLES:
            rows += connection.execute(BACKEND_PAIRS_SQL.format(kind).encode()).fetchall()
    document = "query($u: UUID!) { resource(uuid: $u) { uuid } }"
    outcomes = set()
    for resource, uuid in rows[:: len(rows) // 12 + 1]:
        is_visible = (await demo.fetch_data(document, username, u=resource.hex))[
            "resource"
        ] is not None
        assert await search_resource_uuids(demo, uuid.hex, username) == (
            [resource.hex] if is_visible else []
        )
        outcomes.add(is_visible)
    assert outcomes == ({False} if username == "nobody" else {True, False})


async def test_backend_objects_take_precedence_over_text(
    ambiguous_marketplace: Marketplace,
) -> None:
    (uuid,) = select_first_column(
        ambiguous_marketplace.url, "select uuid from openstack_tenant where id = 1"
    )
    ((resource_uuid, _), *_) = select_backend_pairs(ambiguous_marketplace, "openstack_tenant")
    assert await search_resource_uuids(ambiguous_marketplace, str(uuid)) == [resource_uuid]


async def test_resource_uuids_take_precedence_over_backend_objects(
    ambiguous_marketplace: Marketplace,
) -> None:
    (uuid,) = select_first_column(
        ambiguous_marketplace.url, "select uuid from marketplace_resource where id = 21"
    )
    assert await search_resource_uuids(ambiguous_marketplace, str(uuid)) == [uuid.hex]


async def test_text_is_searched_where_the_backend_object_is_hidden(
    ambiguous_marketplace: Marketplace,
) -> None:
    (uuid,) = select_first_column(
        ambiguous_marketplace.url, "select uuid from openstack_tenant where id = 1"
    )
    statement = "select uuid from marketplace_resource where backend_id = %s"
    (text_match,) = select_first_column(ambiguous_marketplace.url, statement, str(uuid))
    ((backend_match, _), *_) = select_backend_pairs(ambiguous_marketplace, "openstack_tenant")
    for username in USERNAMES:
        visible_uuids = await list_visible_uuids(ambiguous_marketplace, username)
        expected = [each for each in (backend_match, text_match.hex) if each in visible_uuids][:1]
        assert await search_resource_uuids(ambiguous_marketplace, str(uuid), username) == expected
    visible_by_user = [await list_visible_uuids(ambiguous_marketplace, each) for each in USERNAMES]
    assert any(text_match.hex in each and backend_match not in each for each in visible_by_user)


def select_backend_pairs(marketplace: Marketplace, backend_table: str) -> list[tuple[str, str]]:
    """Return the uuids of resources with a backend object in a table, and the objects' uuids."""
    with psycopg.connect(marketplace.url) as connection:
        rows = connection.execute(BACKEND_PAIRS_SQL.format(backend_table).encode())
        return [(resource.hex, uuid.hex) for resource, uuid in rows]


async def test_search_works_without_plugin_tables(
    new_database: DatabaseFactory,
) -> None:
    url = new_database()
    with psycopg.connect(url) as connection:
        create_marketplace(connection, resource_count=100, seed=3)
        connection.execute("drop table waldur_slurm_allocation, openstack_volume cascade")
    async with open_marketplace(url) as marketplace:
        resource, uuid = select_backend_pairs(marketplace, "openstack_tenant")[0]
        assert await search_resource_uuids(marketplace, uuid) == [resource]
        assert await search_resource_uuids(marketplace, "0" * 32) == []


async def test_search_takes_two_statements(demo: Marketplace) -> None:
    await search_resource_uuids(demo, "0" * 32)
    assert len(demo.database.recorded_sql) == 2
    secrets = ("password", "user_username", "user_data", "backend_url")
    assert not any(name in each for each in demo.database.recorded_sql for name in secrets)
