"""Searching resources as REST's `query` does (domain.md §5.1)."""

import psycopg
import pytest

from gateway.demo.marketplace.fill import make
from tests.conftest import NewDatabase
from tests.support.marketplaces import Marketplace, opened

DOCUMENT = "query($q: String) { resources(first: 300, query: $q) { totalCount nodes { name } } }"


@pytest.fixture(scope="module")
def searched_url(new_database: NewDatabase) -> str:
    """Give a marketplace in which six resources have telling names and metadata."""
    url = new_database()
    with psycopg.connect(url) as connection:
        make(connection, resources=40, seed=3)
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


async def found(marketplace: Marketplace, query: str, as_: str = "staff") -> int:
    answer = await marketplace.data(DOCUMENT, as_, q=query)
    total: int = answer["resources"]["totalCount"]
    return total


async def test_finds_by_name_slug_exact_ids_and_addresses(searched_url: str) -> None:
    async with opened(searched_url) as marketplace:
        assert await found(marketplace, "whale") == 4
        assert await found(marketplace, "WHALE_1") == 1
        assert await found(marketplace, "100%") == 1
        assert await found(marketplace, "10.0.0.7") == 1
        assert await found(marketplace, "") == 40
        assert await found(marketplace, "no such thing") == 0


async def test_a_uuid_finds_just_its_resource_if_it_is_seen(searched_url: str) -> None:
    with psycopg.connect(searched_url) as connection:
        row = connection.execute("select uuid from marketplace_resource where id = 9").fetchone()
    assert row is not None
    async with opened(searched_url) as marketplace:
        for spelling in (str(row[0]), row[0].hex):
            answer = await marketplace.data(DOCUMENT, q=spelling)
            assert [each["name"] for each in answer["resources"]["nodes"]] == ["plain 9"]
        assert await found(marketplace, str(row[0]), "nobody") == 0


async def test_a_uuid_of_a_hidden_resource_is_searched_for_as_text(searched_url: str) -> None:
    async with opened(searched_url) as marketplace:
        seen = await marketplace.data("{ projects(first: 300) { nodes { uuid } } }", "member")
        own = [each["uuid"] for each in seen["projects"]["nodes"]]
        move = "update marketplace_resource set project_id = ({}) where id = {}"
        which = "select id from structure_project where (uuid = any(%s::uuid[])) is {} limit 1"
        with psycopg.connect(searched_url) as connection:
            for id_, truth in ((8, "true"), (9, "false")):
                connection.execute(move.format(which.format(truth), id_).encode(), (own,))
            uuid = connection.execute("select uuid from marketplace_resource where id = 9")
            wanted = str(uuid.fetchone()[0])  # type: ignore[index]
        for viewer, name in (("member", "plain 8"), ("staff", "plain 9")):
            answer = await marketplace.data(DOCUMENT, viewer, q=wanted)
            assert [each["name"] for each in answer["resources"]["nodes"]] == [name]


async def test_a_query_of_a_thousand_characters_is_the_longest(demo: Marketplace) -> None:
    assert await found(demo, "x" * 1000) == 0
    error = await demo.refused(DOCUMENT, q="x" * 1001)
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": ["query"]}
    error = await demo.refused(DOCUMENT, q="a\x00b")
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": ["query"]}
