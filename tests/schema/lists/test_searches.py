"""The search of offerings, projects and customers: semantics of REST's `query`."""

import pytest

from tests.support.filter_queries import select_expected_uuids, select_first_column
from tests.support.marketplaces import LOCAL_ADDRESS, Marketplace
from tests.support.search_queries import search_list_uuids

SEARCHED_TEXT_SQL = {
    "offerings": "concat_ws('|', o.name, o.slug, o.description)",
    "projects": "concat_ws('|', p.name, p.slug)",
    "customers": "concat_ws('|', c.name, c.slug, c.native_name, c.abbreviation)",
}
UNKNOWN_UUID = "0123456789abcdef" * 2
RESTRICTED_USERNAME = "freya.hollis"
"""Can see the project from every address, but its resources from 10.1.2.3 only."""


@pytest.mark.parametrize("query", ["E", "halden", "%", "_", "a-", "no such thing", "\\", ""])
@pytest.mark.parametrize("root", SEARCHED_TEXT_SQL)
async def test_text_matches_as_substring(
    demo: Marketplace, waldur: Marketplace, root: str, query: str
) -> None:
    text = query.lower().replace("\\", "\\\\")
    condition = f"strpos(lower({SEARCHED_TEXT_SQL[root]}), e'{text}') > 0"
    for marketplace in (demo, waldur):
        assert await search_list_uuids(marketplace, root, query, "staff") == select_expected_uuids(
            marketplace.url, root, condition
        )


@pytest.mark.parametrize("root", SEARCHED_TEXT_SQL)
async def test_a_uuid_finds_just_its_row(demo: Marketplace, root: str) -> None:
    all_uuids = await search_list_uuids(demo, root, "", "staff")
    visible_uuids = await search_list_uuids(demo, root, "", "member")
    for uuid in sorted(all_uuids)[:20]:
        assert await search_list_uuids(demo, root, uuid.upper(), "staff") == {uuid}
        assert await search_list_uuids(demo, root, uuid, "member") == {uuid} & visible_uuids
    assert await search_list_uuids(demo, root, UNKNOWN_UUID, "staff") == set()


async def test_a_project_is_found_by_a_visible_resource(demo: Marketplace) -> None:
    statement = """
        select r.{} from marketplace_resource r join structure_project p on p.id = r.project_id
        join structure_customer c on c.id = p.customer_id
        where c.slug = 'lindgaard' and not p.is_removed and {} <> '' order by r.id limit 1"""
    for column in ("name", "backend_id"):
        (text,) = select_first_column(demo.url, statement.format(column, f"r.{column}"))
        condition = f"p.id in (select project_id from marketplace_resource where {column} = %s)"
        assert select_expected_uuids(demo.url, "projects", condition, text)
        for username, address in (
            ("staff", LOCAL_ADDRESS),
            (RESTRICTED_USERNAME, "10.1.2.3"),
            (RESTRICTED_USERNAME, LOCAL_ADDRESS),
        ):
            visible_uuids = await search_list_uuids(demo, "projects", "", username, address)
            expected_uuids = visible_uuids & select_expected_uuids(
                demo.url, "projects", condition, text
            )
            if (username, address) == (RESTRICTED_USERNAME, LOCAL_ADDRESS):
                expected_uuids = set()
            assert (
                await search_list_uuids(demo, "projects", text, username, address) == expected_uuids
            )


async def test_unstorable_search_text_is_rejected(demo: Marketplace) -> None:
    for root in SEARCHED_TEXT_SQL:
        error = await demo.fetch_error(f'{{ {root}(query: "a\\u0000b") {{ totalCount }} }}')
        assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": ["query"]}
