"""A resource is found by the uuid of what its plugin made for it (domain.md §5.1)."""

from collections.abc import AsyncIterator

import psycopg
import pytest
import pytest_asyncio

from gateway.demo.marketplace.fill import make
from tests.conftest import NewDatabase
from tests.support.filter_queries import read
from tests.support.marketplaces import Marketplace, opened

DOCUMENT = "query($q: String) { resources(first: 300, query: $q) { totalCount nodes { uuid } } }"
KINDS = ("openstack_tenant", "openstack_instance", "openstack_volume", "waldur_slurm_allocation")
BEHIND = """select r.uuid, t.uuid from {0} t join marketplace_resource r on r.object_id = t.id
join django_content_type k on k.id = r.content_type_id and k.app_label || '_' || k.model = '{0}'
order by r.id"""
PEOPLE = ("staff", "owner", "member", "provider", "dual", "reader", "nobody")
CHANGES = (
    """update marketplace_resource set backend_id = (select uuid::text from openstack_tenant
        where id = 1)
    where id = (select min(r.id) from marketplace_resource r
        join structure_project p on p.id = r.project_id
        join structure_customer c on c.id = p.customer_id where c.slug = 'halden')""",
    """update openstack_instance set uuid = (select uuid from marketplace_resource where id = 21)
        where id = 1""",
)
"""Has an object's uuid stand in another resource, and an object have a resource's uuid."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def changed(new_database: NewDatabase) -> AsyncIterator[Marketplace]:
    """Give a marketplace in which one uuid can mean several resources."""
    url = new_database()
    with psycopg.connect(url) as connection:
        make(connection, resources=100, seed=3)
        for each in CHANGES:
            assert connection.execute(each.encode()).rowcount == 1
    async with opened(url) as marketplace:
        yield marketplace


async def found(at: Marketplace, query: str, as_: str = "staff") -> list[str]:
    """Give the uuids of the resources that a search finds."""
    page = (await at.data(DOCUMENT, as_, q=query))["resources"]
    assert page["totalCount"] == len(page["nodes"])
    return [each["uuid"] for each in page["nodes"]]


async def seen(at: Marketplace, username: str) -> set[str]:
    """Give the uuids of the resources that somebody sees."""
    return {*await found(at, "", username)}


@pytest.mark.parametrize("kind", KINDS)
async def test_what_any_known_plugin_made_leads_to_its_resource(
    demo: Marketplace, waldur: Marketplace, kind: str
) -> None:
    for at in (demo, waldur):
        with psycopg.connect(at.url) as connection:
            rows = connection.execute(BEHIND.format(kind).encode()).fetchall()
        assert rows
        for resource, uuid in rows[:: len(rows) // 4 + 1]:
            for spelling in (str(uuid), uuid.hex.upper()):
                assert await found(at, spelling) == [resource.hex]


@pytest.mark.parametrize("username", ["owner", "member", "provider", "nobody"])
async def test_of_a_hidden_resource_nothing_is_found(demo: Marketplace, username: str) -> None:
    rows = []
    with psycopg.connect(demo.url) as connection:
        for kind in KINDS:
            rows += connection.execute(BEHIND.format(kind).encode()).fetchall()
    document = "query($u: UUID!) { resource(uuid: $u) { uuid } }"
    met = set()
    for resource, uuid in rows[:: len(rows) // 12 + 1]:
        shown = (await demo.data(document, username, u=resource.hex))["resource"] is not None
        assert await found(demo, uuid.hex, username) == ([resource.hex] if shown else [])
        met.add(shown)
    assert met == ({False} if username == "nobody" else {True, False})


async def test_what_a_plugin_made_goes_before_what_only_has_the_text(changed: Marketplace) -> None:
    (uuid,) = read(changed.url, "select uuid from openstack_tenant where id = 1")
    ((own, _), *_) = behind(changed, "openstack_tenant")
    assert await found(changed, str(uuid)) == [own]


async def test_a_resource_of_its_own_goes_before_what_a_plugin_made(changed: Marketplace) -> None:
    (uuid,) = read(changed.url, "select uuid from marketplace_resource where id = 21")
    assert await found(changed, str(uuid)) == [uuid.hex]


async def test_where_that_is_hidden_the_text_is_searched_for(changed: Marketplace) -> None:
    (uuid,) = read(changed.url, "select uuid from openstack_tenant where id = 1")
    named = "select uuid from marketplace_resource where backend_id = %s"
    (other,) = read(changed.url, named, str(uuid))
    ((own, _), *_) = behind(changed, "openstack_tenant")
    for username in PEOPLE:
        shown = await seen(changed, username)
        wanted = [each for each in (own, other.hex) if each in shown][:1]
        assert await found(changed, str(uuid), username) == wanted
    some = [await seen(changed, each) for each in PEOPLE]
    assert any(other.hex in each and own not in each for each in some)


def behind(at: Marketplace, kind: str) -> list[tuple[str, str]]:
    """Give the uuids of the resources with objects of a kind, and those of the objects."""
    with psycopg.connect(at.url) as connection:
        rows = connection.execute(BEHIND.format(kind).encode())
        return [(resource.hex, uuid.hex) for resource, uuid in rows]


async def test_a_marketplace_without_a_plugin_is_searched_all_the_same(
    new_database: NewDatabase,
) -> None:
    url = new_database()
    with psycopg.connect(url) as connection:
        make(connection, resources=100, seed=3)
        connection.execute("drop table waldur_slurm_allocation, openstack_volume cascade")
    async with opened(url) as marketplace:
        resource, uuid = behind(marketplace, "openstack_tenant")[0]
        assert await found(marketplace, uuid) == [resource]
        assert await found(marketplace, "0" * 32) == []


async def test_it_takes_no_other_statements(demo: Marketplace) -> None:
    await found(demo, "0" * 32)
    assert len(demo.database.asked) == 2
    secrets = ("password", "user_username", "user_data", "backend_url")
    assert not any(name in each for each in demo.database.asked for name in secrets)
