"""What can't be met finds nothing, and what all meet finds everything: neither is an error."""

from typing import Any

import pytest

from tests.support.filter_queries import ITSELF, expected, filtered, kind
from tests.support.marketplaces import Marketplace

ONE, OTHER = "0123456789abcdef" * 2, "fedcba9876543210" * 2
PAGE = """query($f: {kind}) {{ {root}(filter: $f) {{
    totalCount nodes {{ uuid }} edges {{ cursor }}
    pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }}"""
NOTHING = {
    "totalCount": 0,
    "nodes": [],
    "edges": [],
    "pageInfo": {
        "hasNextPage": False,
        "hasPreviousPage": False,
        "startCursor": None,
        "endCursor": None,
    },
}
NEVER: dict[str, dict[str, Any]] = {
    "one of none": {"uuid": []},
    "no choice": {"or": []},
    "not everything": {"not": {}},
    "not a list of nothing": {"not": {"and": []}},
    "none that is there": {"uuid": [ONE, OTHER]},
    "two at once": {"and": [{"uuid": ["@one"]}, {"uuid": ["@other"]}]},
    "two at once, beside each other": {"uuid": ["@one"], "and": [{"uuid": ["@other"]}]},
    "one and not that": {"uuid": ["@one"], "not": {"uuid": ["@one"]}},
    "not what always holds": {"not": {"or": [{"uuid": ["@one"]}, {"not": {"uuid": ["@one"]}}]}},
    "not one or another": {"not": {"not": {"and": [{"uuid": ["@one"]}, {"uuid": ["@other"]}]}}},
    "only what never holds": {"or": [{"uuid": []}, {"or": []}, {"not": {}}]},
    "never": {"created": "9999-12-31T23:59:59Z"},
}
ALWAYS: dict[str, dict[str, Any]] = {
    "nothing asked": {},
    "nulls": {"uuid": None, "created": None, "not": None, "and": None, "or": None},
    "not one of none": {"not": {"uuid": []}},
    "not what can't be": {"not": {"and": [{"uuid": ["@one"]}, {"uuid": ["@other"]}]}},
    "one or not that": {"or": [{"uuid": ["@one"]}, {"not": {"uuid": ["@one"]}}]},
    "ever": {"created": "0001-01-01T00:00:00Z"},
}
MORE: list[tuple[str, dict[str, Any]]] = [
    ("resources", {"state": []}),
    ("resources", {"state": ["OK"], "not": {"state": ["OK"]}}),
    ("resources", {"created": "2025-01-02T00:00:00Z", "createdBefore": "2025-01-01T00:00:00Z"}),
    ("resources", {"endDate": "2026-01-02", "endDateBefore": "2026-01-01"}),
    ("resources", {"endDate": "2026-01-02", "hasTerminateDate": False}),
    ("resources", {"paused": True, "not": {"paused": True}}),
    ("resources", {"resourceAttributes": {"a": []}}),
    ("resources", {"and": [{"projectUuid": "@one"}, {"projectUuid": "@other"}]}),
    ("resources", {"usageBased": False, "onlyUsageBased": True}),
    ("orders", {"state": []}),
    ("orders", {"type": ["CREATE"], "not": {"type": ["CREATE"]}}),
    ("orders", {"offeringSlug": []}),
    ("offerings", {"state": ["ACTIVE"], "and": [{"state": ["DRAFT"]}]}),
    ("offerings", {"type": []}),
    ("offerings", {"shared": True, "not": {"shared": True}}),
    ("projects", {"customerUuid": []}),
    ("projects", {"created": "2025-01-02T00:00:00Z", "createdBefore": "2025-01-01T00:00:00Z"}),
    ("customers", {"nameExact": "a", "slug": "no such slug"}),
]


def meant(wanted: Any, uuids: list[str]) -> Any:
    """Give what is wanted of two rows, in place of their names."""
    if isinstance(wanted, dict):
        return {name: meant(each, uuids) for name, each in wanted.items()}
    if isinstance(wanted, list):
        return [meant(each, uuids) for each in wanted]
    return {"@one": uuids[0], "@other": uuids[1]}.get(wanted, wanted) if wanted else wanted


def two(marketplace: Marketplace, root: str) -> list[str]:
    """Give the uuids of two rows of a list."""
    return sorted(expected(marketplace.url, root, "true"))[:2]


async def finds_nothing(at: Marketplace, root: str, wanted: Any, as_: str = "staff") -> None:
    document = PAGE.format(kind=kind(root).name, root=root)
    assert (await at.data(document, as_, f=wanted))[root] == NOTHING


@pytest.mark.parametrize("root", ITSELF)
@pytest.mark.parametrize("wanted", NEVER.values(), ids=NEVER)
async def test_a_contradiction_is_an_empty_list(
    demo: Marketplace, waldur: Marketplace, root: str, wanted: dict[str, Any]
) -> None:
    for at in (demo, waldur):
        await finds_nothing(at, root, meant(wanted, two(at, root)))
    await finds_nothing(demo, root, meant(wanted, two(demo, root)), "owner")


@pytest.mark.parametrize("root", ITSELF)
@pytest.mark.parametrize("wanted", ALWAYS.values(), ids=ALWAYS)
async def test_what_always_holds_leaves_nothing_out(
    demo: Marketplace, root: str, wanted: dict[str, Any]
) -> None:
    found = await filtered(demo, root, meant(wanted, two(demo, root)))
    assert found == expected(demo.url, root, "true")


@pytest.mark.parametrize(("root", "wanted"), MORE)
async def test_fields_may_contradict_each_other(
    demo: Marketplace, root: str, wanted: dict[str, Any]
) -> None:
    await finds_nothing(demo, root, meant(wanted, two(demo, "projects")))


@pytest.mark.parametrize("wanted", NEVER.values(), ids=NEVER)
async def test_a_contradiction_is_an_empty_list_below_each_row(
    demo: Marketplace, wanted: dict[str, Any]
) -> None:
    document = """query($f: ResourceFilter) { projects(first: 300) { nodes {
        resources(filter: $f) { totalCount nodes { uuid } } } } }"""
    given = meant(wanted, two(demo, "resources"))
    rows = (await demo.data(document, "owner", f=given))["projects"]["nodes"]
    assert rows
    assert all(row["resources"] == {"totalCount": 0, "nodes": []} for row in rows)


async def test_sides_searches_and_names_contradict_filters_too(demo: Marketplace) -> None:
    for arguments in (
        'visibleAs: CONSUMER, visibleToUsername: "nobody"',
        'query: "no such thing", filter: { state: OK }',
        'query: "0123456789abcdef0123456789abcdef", filter: { uuid: [] }',
        'visibleToUsername: "no such user", filter: { not: { uuid: [] } }',
    ):
        found = await demo.data(f"{{ resources({arguments}) {{ totalCount nodes {{ uuid }} }} }}")
        assert found["resources"] == {"totalCount": 0, "nodes": []}
