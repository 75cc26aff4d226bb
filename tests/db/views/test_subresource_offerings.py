"""What can be ordered to be in a resource: by the scopes of offerings (domain.md §5.20)."""

from collections.abc import AsyncIterator
from uuid import UUID

import psycopg
import pytest
import pytest_asyncio

from gateway.demo.marketplace.fill import make
from tests.conftest import NewDatabase
from tests.support import waldur_2024
from tests.support.filter_queries import read
from tests.support.marketplaces import Marketplace, opened

FIRST = """{ resources(first: 300) { nodes {
    uuid parent { uuid name subresourceOfferings { name } }
    subresourceOfferings { uuid name type parent { name } plans { name } } } } }"""
SCOPE = "select content_type_id, object_id from marketplace_resource where id = 1"
SCOPED = f"""update marketplace_offering o
    set content_type_id = s.content_type_id, object_id = s.object_id + {{}}
    from ({SCOPE}) s where o.name = '{{}}'"""
BEHIND = f"""update structure_servicesettings t
    set content_type_id = s.content_type_id, object_id = s.object_id
    from ({SCOPE}) s, marketplace_offering o where t.id = o.object_id and o.name = '{{}}'"""
CHANGES = (
    SCOPED.format(0, "Aurora Supercomputer"),
    BEHIND.format("Internal test bed"),
    BEHIND.format("Code review clinic"),
    BEHIND.format("Selene (retired)"),
    SCOPED.format(100, "Tape vault"),
    """update marketplace_offering set object_id = null where name = 'Managed databases'""",
    """update marketplace_offering set content_type_id = null where name = 'Beamline time'""",
)
"""Makes offerings of all kinds be of the first resource: shared, drafts, retired, another's."""
OWN = ["Boreas machines of Vesterlund", "Boreas volumes of Vesterlund"]
SHARED = ["Aurora Supercomputer"]
DRAFTS = ["Code review clinic", "Internal test bed"]
RETIRED = ["Selene (retired)"]
SEEN = {
    "staff": [*SHARED, *OWN, *DRAFTS, *RETIRED],
    "support": [*SHARED, *OWN, *DRAFTS, *RETIRED],
    "owner": [*SHARED, *OWN],
    "member": SHARED,
    "provider": [*SHARED, DRAFTS[1], *RETIRED],
}
"""What people are shown who all see the resource: of offerings no more than elsewhere."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scoped(new_database: NewDatabase) -> AsyncIterator[Marketplace]:
    """Give a marketplace in which many offerings are of its first resource."""
    url = new_database()
    with psycopg.connect(url) as connection:
        make(connection, resources=40, seed=3)
        for each in CHANGES:
            assert connection.execute(each.encode()).rowcount == 1
    async with opened(url) as marketplace:
        yield marketplace


async def offered(marketplace: Marketplace, username: str | None) -> dict[str, list[str]]:
    """Give the names of what can be in each resource, where there is something."""
    rows = (await marketplace.data(FIRST, username))["resources"]["nodes"]
    found = {row["uuid"]: [each["name"] for each in row["subresourceOfferings"]] for row in rows}
    return {uuid: names for uuid, names in found.items() if names}


@pytest.mark.parametrize(("username", "names"), SEEN.items())
async def test_offerings_of_its_scopes_are_listed_as_far_as_they_are_seen(
    scoped: Marketplace, username: str, names: list[str]
) -> None:
    (first,) = read(scoped.url, "select uuid from marketplace_resource where id = 1")
    found = await offered(scoped, username)
    assert found[first.hex] == sorted(names)
    assert {*found} - {first.hex} <= {each.hex for each in clouds(scoped)}


def clouds(marketplace: Marketplace) -> list[UUID]:
    """Give the uuids of the resources that others may be in."""
    return read(
        marketplace.url,
        """select r.uuid from marketplace_resource r
        join openstack_tenant t on t.id = r.object_id
        join django_content_type k on k.id = r.content_type_id and k.model = 'tenant'""",
    )


async def test_whoever_sees_no_resource_is_told_of_nothing(scoped: Marketplace) -> None:
    for username in (None, "nobody", "revoked"):
        assert (await scoped.data(FIRST, username))["resources"]["nodes"] == []


async def test_the_offerings_of_other_people_can_t_be_reached(scoped: Marketplace) -> None:
    (uuid,) = read(scoped.url, "select uuid from marketplace_resource where id = 1")
    document = "query($u: UUID!) { resource(uuid: $u) { subresourceOfferings { name } } }"
    for username in ("staff", "owner", "provider", "member"):
        found = (await scoped.data(document, username, u=uuid.hex))["resource"]
        names = [each["name"] for each in found["subresourceOfferings"]]
        assert names == sorted(SEEN[username])
    assert (await scoped.data(document, "nobody", u=uuid.hex))["resource"] is None


async def test_an_offering_that_is_reached_so_is_whole(scoped: Marketplace) -> None:
    rows = (await scoped.data(FIRST, "owner"))["resources"]["nodes"]
    found = [each for row in rows for each in row["subresourceOfferings"]]
    machines = next(each for each in found if each["name"] == OWN[0])
    assert (machines["type"], machines["parent"]["name"]) == ("OpenStack.Instance", "Boreas Cloud")
    aurora = next(each for each in found if each["name"] == SHARED[0])
    assert len(aurora["plans"]) > 1
    document = "query($u: UUID!) { offering(uuid: $u) { uuid name type plans { name } } }"
    direct = (await scoped.data(document, "owner", u=aurora["uuid"]))["offering"]
    assert direct == {name: aurora[name] for name in direct}


async def test_no_statement_names_what_is_secret(scoped: Marketplace) -> None:
    await scoped.data(FIRST)
    asked = "\n".join(scoped.database.asked)
    assert "structure_servicesettings" in asked
    for name in ("secret_options", "password", "token", "backend_url"):
        assert name not in asked


async def test_a_hidden_parent_does_not_tell(waldur: Marketplace) -> None:
    document = """{ resources(first: 300, visibleAs: PROVIDER) {
        nodes { parent { slug subresourceOfferings { name } } } } }"""
    rows = (await waldur.data(document, "owner_c"))["resources"]["nodes"]
    hidden = [row["parent"] for row in rows if row["parent"] and row["parent"]["slug"] is None]
    assert hidden
    assert all(each["subresourceOfferings"] is None for each in hidden)


OLDER = (
    """update structure_servicesettings set (content_type_id, object_id) = (
        select r.content_type_id, r.object_id from marketplace_resource r
        join django_content_type k on k.id = r.content_type_id and k.model = 'tenant'
        order by r.id limit 1)
    where id = (select min(id) from structure_servicesettings)""",
    """update marketplace_offering set (content_type_id, object_id) = (
        select k.id, min(s.id) from django_content_type k, structure_servicesettings s
        where k.model = 'servicesettings' group by k.id)
    where type = 'OpenStack.Instance'""",
)
"""Has a cloud be what the offerings of OpenStack in a Waldur of October 2024 are for."""


async def test_an_older_marketplace_tells_too(new_database: NewDatabase) -> None:
    url = new_database()
    with psycopg.connect(url) as connection:
        waldur_2024.build(connection)
        for each in OLDER:
            assert connection.execute(each.encode()).rowcount == 1
    document = """query($after: String) { resources(first: 300, after: $after) {
        nodes { backend { type } subresourceOfferings { type accessUrl state } }
        pageInfo { endCursor } } }"""
    async with opened(url) as marketplace:
        first = (await marketplace.data(document))["resources"]
        rest = (await marketplace.data(document, after=first["pageInfo"]["endCursor"]))["resources"]
    rows = [row for row in first["nodes"] + rest["nodes"] if row["subresourceOfferings"]]
    (row,) = rows
    assert row["backend"] == {"type": "OpenStack.Tenant"}
    assert sorted(each["type"] for each in row["subresourceOfferings"]) == [
        "OpenStack.Instance",
        "OpenStack.Tenant",
        "OpenStack.Volume",
    ]
    for each in row["subresourceOfferings"]:
        assert (each["accessUrl"], each["state"]) == (None, "ACTIVE")
