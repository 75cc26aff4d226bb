"""Searching offerings, projects and customers, as REST's `query` does."""

import pytest

from tests.support.filter_queries import expected, read
from tests.support.marketplaces import LOCAL, Marketplace

TEXTS = {
    "offerings": "concat_ws('|', o.name, o.slug, o.description)",
    "projects": "concat_ws('|', p.name, p.slug)",
    "customers": "concat_ws('|', c.name, c.slug, c.native_name, c.abbreviation)",
}
UNKNOWN = "0123456789abcdef" * 2
HIDDEN = "freya.hollis"
"""Sees the resources of the project at one address only, and the project from everywhere."""


async def found(at: Marketplace, root: str, query: str, as_: str, address: str = LOCAL) -> set[str]:
    document = f"""query($q: String) {{
        {root}(first: 300, query: $q) {{ totalCount nodes {{ uuid }} }} }}"""
    page = (await at.data(document, as_, address=address, q=query))[root]
    assert page["totalCount"] == len(page["nodes"])
    return {each["uuid"] for each in page["nodes"]}


@pytest.mark.parametrize("query", ["E", "halden", "%", "_", "a-", "no such thing", "\\", ""])
@pytest.mark.parametrize("root", TEXTS)
async def test_finds_what_has_the_text_in_it(
    demo: Marketplace, waldur: Marketplace, root: str, query: str
) -> None:
    text = query.lower().replace("\\", "\\\\")
    condition = f"strpos(lower({TEXTS[root]}), e'{text}') > 0"
    for at in (demo, waldur):
        assert await found(at, root, query, "staff") == expected(at.url, root, condition)


@pytest.mark.parametrize("root", TEXTS)
async def test_a_uuid_finds_just_its_row(demo: Marketplace, root: str) -> None:
    everything = await found(demo, root, "", "staff")
    seen = await found(demo, root, "", "member")
    for uuid in sorted(everything)[:20]:
        assert await found(demo, root, uuid.upper(), "staff") == {uuid}
        assert await found(demo, root, uuid, "member") == {uuid} & seen
    assert await found(demo, root, UNKNOWN, "staff") == set()


async def test_a_project_is_found_by_a_resource_that_is_seen(demo: Marketplace) -> None:
    statement = """
        select r.{} from marketplace_resource r join structure_project p on p.id = r.project_id
        join structure_customer c on c.id = p.customer_id
        where c.slug = 'lindgaard' and not p.is_removed and {} <> '' order by r.id limit 1"""
    for column in ("name", "backend_id"):
        (text,) = read(demo.url, statement.format(column, f"r.{column}"))
        own = f"p.id in (select project_id from marketplace_resource where {column} = %s)"
        assert expected(demo.url, "projects", own, text)
        for username, address in (("staff", LOCAL), (HIDDEN, "10.1.2.3"), (HIDDEN, LOCAL)):
            seen = await found(demo, "projects", "", username, address)
            wanted = seen & expected(demo.url, "projects", own, text)
            if (username, address) == (HIDDEN, LOCAL):
                wanted = set()
            assert await found(demo, "projects", text, username, address) == wanted


async def test_what_no_database_can_hold_is_refused(demo: Marketplace) -> None:
    for root in TEXTS:
        error = await demo.refused(f'{{ {root}(query: "a\\u0000b") {{ totalCount }} }}')
        assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": ["query"]}
