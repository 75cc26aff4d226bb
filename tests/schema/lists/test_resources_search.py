"""The search of resources: semantics of REST's `query` (domain.md §5.1)."""

import psycopg
import pytest

from gateway.demo.marketplace.fill import create_marketplace
from tests.conftest import DatabaseFactory
from tests.support.marketplaces import Marketplace, open_marketplace

DOCUMENT = "query($q: String) { resources(first: 300, query: $q) { totalCount nodes { name } } }"


@pytest.fixture(scope="module")
def search_database_url(new_database: DatabaseFactory) -> str:
    """Return the URL of a marketplace in which seven resources have texts to search for."""
    url = new_database()
    with psycopg.connect(url) as connection:
        create_marketplace(connection, resource_count=40, seed=3)
        connection.execute("""
            update marketplace_resource set name = 'plain ' || id, slug = 'slug-' || id,
                backend_id = '', effective_id = '', backend_metadata = '{}'""")
        for column, value, id_ in (
            ("name", "The Whale_100%", 1),
            ("slug", "whale-slug", 2),
            ("backend_id", "Whale", 3),
            ("effective_id", "wHALE", 4),
            ("backend_id", "a whale", 5),
            ("backend_metadata", '{"internal_ips": ["10.0.0.77"]}', 6),
            ("backend_metadata", '{"instance_name": "10.0.0.77"}', 7),
        ):
            statement = f"update marketplace_resource set {column} = %s where id = %s"
            connection.execute(statement.encode(), (value, id_))
        connection.execute("""
            update marketplace_resource set backend_id = (
                select uuid::text from marketplace_resource where id = 9) where id = 8""")
    return url


async def count_search_results(
    marketplace: Marketplace, query: str, username: str = "staff"
) -> int:
    data = await marketplace.fetch_data(DOCUMENT, username, q=query)
    total: int = data["resources"]["totalCount"]
    return total


async def test_finds_by_name_slug_exact_ids_and_addresses(search_database_url: str) -> None:
    async with open_marketplace(search_database_url) as marketplace:
        assert await count_search_results(marketplace, "whale") == 4
        assert await count_search_results(marketplace, "WHALE_1") == 1
        assert await count_search_results(marketplace, "100%") == 1
        assert await count_search_results(marketplace, "10.0.0.7") == 1
        assert await count_search_results(marketplace, "") == 40
        assert await count_search_results(marketplace, "no such thing") == 0


async def test_a_uuid_finds_only_its_visible_resource(search_database_url: str) -> None:
    with psycopg.connect(search_database_url) as connection:
        row = connection.execute("select uuid from marketplace_resource where id = 9").fetchone()
    assert row is not None
    async with open_marketplace(search_database_url) as marketplace:
        for spelling in (str(row[0]), row[0].hex):
            data = await marketplace.fetch_data(DOCUMENT, q=spelling)
            assert [each["name"] for each in data["resources"]["nodes"]] == ["plain 9"]
        assert await count_search_results(marketplace, str(row[0]), "nobody") == 0


async def test_a_uuid_of_a_hidden_resource_is_searched_for_as_text(
    search_database_url: str,
) -> None:
    async with open_marketplace(search_database_url) as marketplace:
        visible_projects = await marketplace.fetch_data(
            "{ projects(first: 300) { nodes { uuid } } }", "member"
        )
        project_uuids = [each["uuid"] for each in visible_projects["projects"]["nodes"]]
        update_template = "update marketplace_resource set project_id = ({}) where id = {}"
        project_template = (
            "select id from structure_project where (uuid = any(%s::uuid[])) is {} limit 1"
        )
        with psycopg.connect(search_database_url) as connection:
            for id_, is_visible in ((8, "true"), (9, "false")):
                connection.execute(
                    update_template.format(project_template.format(is_visible), id_).encode(),
                    (project_uuids,),
                )
            uuid = connection.execute("select uuid from marketplace_resource where id = 9")
            search_text = str(uuid.fetchone()[0])  # type: ignore[index]
        for viewer, name in (("member", "plain 8"), ("staff", "plain 9")):
            data = await marketplace.fetch_data(DOCUMENT, viewer, q=search_text)
            assert [each["name"] for each in data["resources"]["nodes"]] == [name]


async def test_search_text_is_at_most_a_thousand_characters(demo: Marketplace) -> None:
    assert await count_search_results(demo, "x" * 1000) == 0
    error = await demo.fetch_error(DOCUMENT, q="x" * 1001)
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": ["query"]}
    error = await demo.fetch_error(DOCUMENT, q="a\x00b")
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": ["query"]}
