"""Text filters and searches compare texts as REST does: the SQL of Django's lookups, by PostgreSQL.

Django 4.2 and django-filter 25.1 make these conditions of `CharFilter`s; `icontains` is
`UPPER(x::text) LIKE UPPER(%s)`, `iexact` is `UPPER(x::text) = UPPER(%s)`, `exact` is `x = %s`, and
`exact` on a key of a JSON column is `x -> 'key' = %s::jsonb`. A CharFilter strips its text with
Python's `str.strip`, and does not apply if nothing is left.
"""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import psycopg
import pytest
import pytest_asyncio

from gateway.demo.marketplace.fill import create_marketplace
from tests.conftest import DatabaseFactory
from tests.support.filter_queries import (
    get_filter_type,
    list_filtered_uuids,
    select_expected_uuids,
    select_first_column,
)
from tests.support.marketplaces import Marketplace, open_marketplace
from tests.support.search_queries import search_list_uuids

# ruff: noqa: RUF001 - letters that look alike are compared on purpose
STORED_TEXTS = (
    *("istanbul", "İstanbul", "ISTANBUL", "ıstanbul", "Straße", "STRASSE", "STRAẞE"),
    *("ΣΊΣΥΦΟΣ", "σίσυφος", "σίσυφοσ", "Ångström", "A\u030angstro\u0308m", "\u212bngström"),
    *("ŉ", "ǆ", "ǅ", "ﬁn", "µ", "μ", "ÿ", "Привет", "ὈΔΥΣΣΕΎΣ", "ſtart", "\u212aelvin"),
    *("50%", "500", "a_b", "aXb", "back\\slash", "two  blanks", "a b", "%", "_", "\\", "日本"),
    *("line\nbreak", "tab\there", "'quoted'", "x\u00a0y", "\u200bzero", "😀"),
)
NEEDLES = (
    *STORED_TEXTS,
    *("i", "ı", "İ", "I", "ss", "ß", "ẞ", "SS", "σ", "ς", "Σ", "å", "Å", "a\u030a", "k", "S", "ŉ"),
    *(" istanbul ", "\tSTRASSE\n", "\u00a050%\u3000", "a ", " b", "\x1fµ\x85", "\u200b"),
    *("a%b", "50\\%", "\\_", "%%", "__", "\\\\", "i\\", "no such text"),
)
BLANK_TEXTS = "", " ", "\t\n", "\u00a0\u2003\u3000", "\x1c\x85"
METADATA_SQL = "r.backend_metadata ->> '{}'"
ADDRESS_KEYS = (
    *("external_ips", "internal_ips", "hypervisor_hostname"),
    *("router_fixed_ips", "external_address"),
)
CONTAINING_FILTERS = {
    ("resources", "name"): ("r.name",),
    ("resources", "flavorName"): (METADATA_SQL.format("flavor_name"),),
    ("resources", "imageName"): (METADATA_SQL.format("image_name"),),
    ("orders", "resourceName"): ("r.name",),
    ("offerings", "name"): ("o.name",),
    ("offerings", "description"): ("o.description",),
    ("offerings", "keyword"): ("o.name", "o.description", "provider.name"),
    ("projects", "name"): ("p.name",),
    ("customers", "name"): ("c.name",),
}
EQUAL_FILTERS = {
    ("resources", "nameExact"): "r.name = %s",
    ("resources", "slug"): "r.slug = %s",
    ("resources", "backendId"): "r.backend_id = %s",
    ("resources", "projectName"): "p.name = %s",
    ("resources", "offeringType"): "o.type = %s",
    ("resources", "runtimeState"): "r.backend_metadata -> 'runtime_state' = to_jsonb(%s::text)",
    ("offerings", "nameExact"): "o.name = %s",
    ("offerings", "slug"): "o.slug = %s",
    ("projects", "nameExact"): "p.name = %s",
    ("projects", "slug"): "p.slug = %s",
    ("customers", "nameExact"): "c.name = %s",
    ("customers", "slug"): "c.slug = %s",
}
STRIPPED_LISTS = {
    ("resources", "offeringSlug"): "o.slug = %s",
    ("orders", "offeringSlug"): "o.slug = %s",
}
"""Lists of texts that REST has as comma-separated texts, each of which is stripped."""
EXACT_LISTS = {
    ("offerings", "type"): "o.type = %s",
    ("orders", "offeringType"): "o.type = %s",
}
"""Lists of texts that REST has as a repeated parameter, which is not stripped."""
SEARCHED_SQL = {
    "resources": (
        *("r.name", "r.slug"),
        *(METADATA_SQL.format(each) for each in ADDRESS_KEYS),
    ),
    "offerings": ("o.name", "o.slug", "o.description"),
    "projects": ("p.name", "p.slug"),
    "customers": ("c.name", "c.slug", "c.native_name", "c.abbreviation"),
}
EQUAL_SEARCH_SQL = {
    "resources": ("r.backend_id", "r.effective_id"),
    "offerings": (),
    "projects": (),
    "customers": (),
}
TEXT_COLUMNS = {
    "marketplace_resource": ("name", "slug", "backend_id", "effective_id"),
    "marketplace_offering": ("name", "slug", "description", "type"),
    "structure_project": ("name", "slug"),
    "structure_customer": ("name", "slug", "native_name", "abbreviation"),
}
METADATA_KEYS = (*ADDRESS_KEYS, "flavor_name", "image_name", "runtime_state")


@pytest.fixture(scope="module")
def text_database_url(new_database: DatabaseFactory) -> str:
    """Return the URL of a marketplace whose rows have odd texts, in each column another one."""
    database_url = new_database()
    with psycopg.connect(database_url) as connection:
        create_marketplace(connection, resource_count=3 * len(STORED_TEXTS), seed=5)
        connection.execute("update marketplace_resource set backend_metadata = '{}'")
        for table, columns in TEXT_COLUMNS.items():
            for statement, values in _iterate_updates(table, columns):
                connection.execute(statement.encode(), values)
        for offset, key in enumerate(METADATA_KEYS):
            connection.execute(
                "update marketplace_resource set backend_metadata = backend_metadata ||"
                " jsonb_build_object(%s::text, (%s::text[])[1 + (id + %s) %% %s])",
                (key, [*STORED_TEXTS], 3 * offset, 2 * len(STORED_TEXTS)),
            )
    return database_url


def _iterate_updates(table: str, columns: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """Yield statements that set the columns of a table to the stored texts, as far as they fit."""
    for offset, column in enumerate(columns):
        text = f"(%s::text[])[1 + (id + %s) %% {len(STORED_TEXTS)}]"
        yield f"update {table} set {column} = {text}", ([*STORED_TEXTS], 5 * offset)


@pytest_asyncio.fixture(scope="module", loop_scope="session", params=["compiled", "reference"])
async def text_marketplace(
    text_database_url: str, request: pytest.FixtureRequest
) -> AsyncIterator[Marketplace]:
    """Open that marketplace with each of the two executions."""
    async with open_marketplace(text_database_url, request.param) as marketplace:
        yield marketplace


def escape_pattern(text: str) -> str:
    """Return the LIKE pattern of Django's icontains (`prep_for_like_query`)."""
    escaped = text.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")
    return f"%{escaped}%"


def select_containing(url: str, root: str, columns: tuple[str, ...], text: str) -> set[str]:
    """Return the uuids of rows that have the text in one of the columns, by Django's icontains."""
    condition = " or ".join(f"UPPER(({each})::text) LIKE UPPER(%s)" for each in columns)
    pattern = escape_pattern(text.strip())
    return select_expected_uuids(url, root, condition, *[pattern] * len(columns))


@pytest.mark.parametrize(("root", "field"), CONTAINING_FILTERS)
async def test_filters_contain_texts_as_django_icontains(
    text_marketplace: Marketplace, root: str, field: str
) -> None:
    match_counts = []
    for needle in NEEDLES:
        expected_uuids = select_containing(
            text_marketplace.url, root, CONTAINING_FILTERS[root, field], needle
        )
        match_counts.append(len(expected_uuids))
        assert await list_filtered_uuids(text_marketplace, root, {field: needle}) == (
            expected_uuids
        ), needle
    assert sum(1 for each in match_counts if each) > len(NEEDLES) / 3


@pytest.mark.parametrize(("root", "field"), EQUAL_FILTERS)
async def test_filters_equal_stripped_texts(
    text_marketplace: Marketplace, root: str, field: str
) -> None:
    for needle in NEEDLES:
        expected_uuids = select_expected_uuids(
            text_marketplace.url, root, EQUAL_FILTERS[root, field], needle.strip()
        )
        assert await list_filtered_uuids(text_marketplace, root, {field: needle}) == (
            expected_uuids
        ), needle


@pytest.mark.parametrize(
    ("root", "field", "is_stripped"),
    [
        *((*each, True) for each in STRIPPED_LISTS),
        *((*each, False) for each in EXACT_LISTS),
    ],
)
async def test_lists_of_texts_are_stripped_where_rest_strips_them(
    text_marketplace: Marketplace, root: str, field: str, is_stripped: bool
) -> None:
    condition = {**STRIPPED_LISTS, **EXACT_LISTS}[root, field]
    for needle in (*NEEDLES, *BLANK_TEXTS):
        text = needle.strip() if is_stripped else needle
        expected_uuids = select_expected_uuids(text_marketplace.url, root, condition, text)
        assert await list_filtered_uuids(text_marketplace, root, {field: [needle]}) == (
            expected_uuids
        ), needle


@pytest.mark.parametrize("root", SEARCHED_SQL)
async def test_searches_compare_as_django_icontains_and_iexact(
    text_marketplace: Marketplace, root: str
) -> None:
    for needle in NEEDLES:
        expected_uuids = select_containing(
            text_marketplace.url, root, SEARCHED_SQL[root], needle
        ) | _select_equal(text_marketplace.url, root, needle.strip())
        assert await search_list_uuids(text_marketplace, root, needle) == expected_uuids, needle


def _select_equal(url: str, root: str, text: str) -> set[str]:
    """Return the uuids of rows that a search finds by a whole text."""
    if root == "projects":
        condition = """p.id in (select r.project_id from marketplace_resource r where r.name = %s
            or UPPER(r.backend_id::text) = UPPER(%s) or UPPER(r.effective_id::text) = UPPER(%s))"""
        return select_expected_uuids(url, root, condition, text, text, text)
    condition = " or ".join(f"UPPER({each}::text) = UPPER(%s)" for each in EQUAL_SEARCH_SQL[root])
    values = [text] * len(EQUAL_SEARCH_SQL[root])
    return select_expected_uuids(url, root, condition or "false", *values)


def test_every_text_filter_is_compared() -> None:
    text_fields = {
        (root, name)
        for root in ("resources", "offerings", "orders", "projects", "customers")
        for name, field in get_filter_type(root).fields.items()
        if str(field.type) in {"String", "[String!]"}
    }
    compared_fields = {*CONTAINING_FILTERS, *EQUAL_FILTERS, *STRIPPED_LISTS, *EXACT_LISTS}
    assert text_fields == compared_fields


@pytest.mark.parametrize(("root", "field"), [*CONTAINING_FILTERS, *EQUAL_FILTERS])
async def test_a_blank_text_in_a_filter_is_ignored(
    text_marketplace: Marketplace, root: str, field: str
) -> None:
    all_uuids = select_expected_uuids(text_marketplace.url, root, "true")
    for blank_text in BLANK_TEXTS:
        assert await list_filtered_uuids(text_marketplace, root, {field: blank_text}) == all_uuids
        conjunction = {"and": [{field: blank_text}]}
        assert await list_filtered_uuids(text_marketplace, root, conjunction) == all_uuids


@pytest.mark.parametrize("root", SEARCHED_SQL)
async def test_a_blank_search_is_no_search(text_marketplace: Marketplace, root: str) -> None:
    all_uuids = select_expected_uuids(text_marketplace.url, root, "true")
    for blank_text in BLANK_TEXTS:
        assert await search_list_uuids(text_marketplace, root, blank_text) == all_uuids


async def test_a_uuid_is_searched_for_without_blanks_around_it(
    text_marketplace: Marketplace,
) -> None:
    for root in SEARCHED_SQL:
        uuid = min(select_expected_uuids(text_marketplace.url, root, "true"))
        assert await search_list_uuids(text_marketplace, root, f" {uuid}\n") == {uuid}


async def test_the_username_of_another_user_is_stripped(text_marketplace: Marketplace) -> None:
    document = """query($u: String) {
        resources(visibleToUsername: $u, first: 300) { nodes { uuid } } }"""

    async def list_visible_uuids(username: str | None) -> set[str]:
        page = (await text_marketplace.fetch_data(document, "staff", u=username))["resources"]
        return {each["uuid"] for each in page["nodes"]}

    everything, visible = await list_visible_uuids(None), await list_visible_uuids("member")
    assert visible < everything
    assert await list_visible_uuids(" member\t") == visible
    assert await list_visible_uuids(" \t") == everything


async def test_a_runtime_state_is_a_string(text_database_url: str) -> None:
    """Numbers and arrays whose text equals the value do not match: Django compares JSON."""
    async with open_marketplace(text_database_url) as marketplace:
        ids = select_first_column(
            text_database_url, "select id from marketplace_resource order by id limit 6"
        )
        stored_values = [5, "5", True, "true", ["5"], None]
        with psycopg.connect(text_database_url, autocommit=True) as connection:
            for id_, value in zip(ids, stored_values, strict=True):
                connection.execute(
                    "update marketplace_resource set backend_metadata = backend_metadata ||"
                    " jsonb_build_object('runtime_state', %s::jsonb) where id = %s",
                    (json.dumps(value), id_),
                )
        for text, position in (("5", 1), ("true", 3), (" 5 ", 1)):
            assert await list_filtered_uuids(
                marketplace, "resources", {"runtimeState": text}
            ) == select_expected_uuids(text_database_url, "resources", "r.id = %s", ids[position])
        assert (
            await list_filtered_uuids(marketplace, "resources", {"runtimeState": '["5"]'}) == set()
        )
