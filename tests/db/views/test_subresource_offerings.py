"""Subresource offerings of a resource, by the scopes of offerings (domain.md §5.20)."""

from collections.abc import AsyncIterator
from uuid import UUID

import psycopg
import pytest
import pytest_asyncio

from gateway.demo.marketplace.fill import create_marketplace
from tests.conftest import DatabaseFactory
from tests.support import waldur_2024
from tests.support.filter_queries import select_first_column
from tests.support.marketplaces import Marketplace, open_marketplace

RESOURCES_QUERY = """{ resources(first: 300) { nodes {
    uuid parent { uuid name subresourceOfferings { name } }
    subresourceOfferings { uuid name type parent { name } plans { name } } } } }"""
SELECT_SCOPE = "select content_type_id, object_id from marketplace_resource where id = 1"
SET_OFFERING_SCOPE = f"""update marketplace_offering o
    set content_type_id = s.content_type_id, object_id = s.object_id + {{}}
    from ({SELECT_SCOPE}) s where o.name = '{{}}'"""
SET_SETTINGS_SCOPE = f"""update structure_servicesettings t
    set content_type_id = s.content_type_id, object_id = s.object_id
    from ({SELECT_SCOPE}) s, marketplace_offering o where t.id = o.object_id and o.name = '{{}}'"""
SETUP_STATEMENTS = (
    SET_OFFERING_SCOPE.format(0, "Aurora Supercomputer"),
    SET_SETTINGS_SCOPE.format("Internal test bed"),
    SET_SETTINGS_SCOPE.format("Code review clinic"),
    SET_SETTINGS_SCOPE.format("Selene (retired)"),
    SET_OFFERING_SCOPE.format(100, "Tape vault"),
    """update marketplace_offering set object_id = null where name = 'Managed databases'""",
    """update marketplace_offering set content_type_id = null where name = 'Beamline time'""",
)
"""Scope offerings of all kinds to the first resource: shared, drafts, retired, another's."""
OWN_NAMES = ["Boreas machines of Vesterlund", "Boreas volumes of Vesterlund"]
SHARED_NAMES = ["Aurora Supercomputer"]
DRAFT_NAMES = ["Code review clinic", "Internal test bed"]
RETIRED_NAMES = ["Selene (retired)"]
VISIBLE_NAMES = {
    "staff": [*SHARED_NAMES, *OWN_NAMES, *DRAFT_NAMES, *RETIRED_NAMES],
    "support": [*SHARED_NAMES, *OWN_NAMES, *DRAFT_NAMES, *RETIRED_NAMES],
    "owner": [*SHARED_NAMES, *OWN_NAMES],
    "member": SHARED_NAMES,
    "provider": [*SHARED_NAMES, DRAFT_NAMES[1], *RETIRED_NAMES],
}
"""Visible subresource offerings of users who all see the resource."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scoped_marketplace(new_database: DatabaseFactory) -> AsyncIterator[Marketplace]:
    """Yield a marketplace in which many offerings are scoped to the first resource."""
    url = new_database()
    with psycopg.connect(url) as connection:
        create_marketplace(connection, resource_count=40, seed=3)
        for statement in SETUP_STATEMENTS:
            assert connection.execute(statement.encode()).rowcount == 1
    async with open_marketplace(url) as marketplace:
        yield marketplace


async def load_offering_names(
    marketplace: Marketplace, username: str | None
) -> dict[str, list[str]]:
    """Return the names of each resource's subresource offerings, if it has any."""
    rows = (await marketplace.fetch_data(RESOURCES_QUERY, username))["resources"]["nodes"]
    names_by_uuid = {
        row["uuid"]: [each["name"] for each in row["subresourceOfferings"]] for row in rows
    }
    return {uuid: names for uuid, names in names_by_uuid.items() if names}


@pytest.mark.parametrize(("username", "names"), VISIBLE_NAMES.items())
async def test_visible_offerings_of_the_resource_scopes_are_listed(
    scoped_marketplace: Marketplace, username: str, names: list[str]
) -> None:
    (first,) = select_first_column(
        scoped_marketplace.url, "select uuid from marketplace_resource where id = 1"
    )
    names_by_uuid = await load_offering_names(scoped_marketplace, username)
    assert names_by_uuid[first.hex] == sorted(names)
    assert {*names_by_uuid} - {first.hex} <= {
        each.hex for each in load_cloud_uuids(scoped_marketplace)
    }


def load_cloud_uuids(marketplace: Marketplace) -> list[UUID]:
    """Return the uuids of the resources that are OpenStack tenants."""
    return select_first_column(
        marketplace.url,
        """select r.uuid from marketplace_resource r
        join openstack_tenant t on t.id = r.object_id
        join django_content_type k on k.id = r.content_type_id and k.model = 'tenant'""",
    )


async def test_viewers_without_resources_get_no_offerings(scoped_marketplace: Marketplace) -> None:
    for username in (None, "nobody", "revoked"):
        assert (await scoped_marketplace.fetch_data(RESOURCES_QUERY, username))["resources"][
            "nodes"
        ] == []


async def test_offerings_of_other_organisations_are_not_visible(
    scoped_marketplace: Marketplace,
) -> None:
    (uuid,) = select_first_column(
        scoped_marketplace.url, "select uuid from marketplace_resource where id = 1"
    )
    document = "query($u: UUID!) { resource(uuid: $u) { subresourceOfferings { name } } }"
    for username in ("staff", "owner", "provider", "member"):
        resource = (await scoped_marketplace.fetch_data(document, username, u=uuid.hex))["resource"]
        names = [each["name"] for each in resource["subresourceOfferings"]]
        assert names == sorted(VISIBLE_NAMES[username])
    assert (await scoped_marketplace.fetch_data(document, "nobody", u=uuid.hex))["resource"] is None


async def test_a_subresource_offering_has_all_its_fields(scoped_marketplace: Marketplace) -> None:
    rows = (await scoped_marketplace.fetch_data(RESOURCES_QUERY, "owner"))["resources"]["nodes"]
    offerings = [each for row in rows for each in row["subresourceOfferings"]]
    machines = next(each for each in offerings if each["name"] == OWN_NAMES[0])
    assert (machines["type"], machines["parent"]["name"]) == ("OpenStack.Instance", "Boreas Cloud")
    aurora = next(each for each in offerings if each["name"] == SHARED_NAMES[0])
    assert len(aurora["plans"]) > 1
    document = "query($u: UUID!) { offering(uuid: $u) { uuid name type plans { name } } }"
    direct = (await scoped_marketplace.fetch_data(document, "owner", u=aurora["uuid"]))["offering"]
    assert direct == {name: aurora[name] for name in direct}


async def test_no_statement_names_a_secret_column(scoped_marketplace: Marketplace) -> None:
    await scoped_marketplace.fetch_data(RESOURCES_QUERY)
    sql = "\n".join(scoped_marketplace.database.recorded_sql)
    assert "structure_servicesettings" in sql
    for name in ("secret_options", "password", "token", "backend_url"):
        assert name not in sql


async def test_a_hidden_parent_has_no_subresource_offerings(waldur: Marketplace) -> None:
    document = """{ resources(first: 300, visibleAs: PROVIDER) {
        nodes { parent { slug subresourceOfferings { name } } } } }"""
    rows = (await waldur.fetch_data(document, "owner_c"))["resources"]["nodes"]
    hidden = [row["parent"] for row in rows if row["parent"] and row["parent"]["slug"] is None]
    assert hidden
    assert all(each["subresourceOfferings"] is None for each in hidden)


SETUP_STATEMENTS_2024 = (
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
"""Scope the OpenStack offerings of a Waldur installation of October 2024 to one of its tenants."""


async def test_a_2024_marketplace_has_subresource_offerings(new_database: DatabaseFactory) -> None:
    url = new_database()
    with psycopg.connect(url) as connection:
        waldur_2024.create_waldur_database(connection)
        for each in SETUP_STATEMENTS_2024:
            assert connection.execute(each.encode()).rowcount == 1
    document = """query($after: String) { resources(first: 300, after: $after) {
        nodes { backend { type } subresourceOfferings { type accessUrl state } }
        pageInfo { endCursor } } }"""
    async with open_marketplace(url) as marketplace:
        first = (await marketplace.fetch_data(document))["resources"]
        rest = (await marketplace.fetch_data(document, after=first["pageInfo"]["endCursor"]))[
            "resources"
        ]
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
