"""Contradictory filters match nothing, tautological ones everything; neither is an error."""

from typing import Any

import pytest

from tests.support.filter_queries import (
    TABLE_ALIASES,
    get_filter_type,
    list_filtered_uuids,
    select_expected_uuids,
)
from tests.support.marketplaces import Marketplace

FIRST_UNKNOWN_UUID, SECOND_UNKNOWN_UUID = "0123456789abcdef" * 2, "fedcba9876543210" * 2
PAGE_QUERY = """query($f: {kind}) {{ {root}(filter: $f) {{
    totalCount nodes {{ uuid }} edges {{ cursor }}
    pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }}"""
EMPTY_PAGE = {
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
UNSATISFIABLE_FILTERS: dict[str, dict[str, Any]] = {
    "empty list of uuids": {"uuid": []},
    "empty or": {"or": []},
    "unknown uuids": {"uuid": [FIRST_UNKNOWN_UUID, SECOND_UNKNOWN_UUID]},
    "two uuids by and": {"and": [{"uuid": ["@one"]}, {"uuid": ["@other"]}]},
    "two uuids by field and by and": {"uuid": ["@one"], "and": [{"uuid": ["@other"]}]},
    "a uuid and not the same": {"uuid": ["@one"], "not": {"uuid": ["@one"]}},
    "not a tautology": {"not": {"or": [{"uuid": ["@one"]}, {"not": {"uuid": ["@one"]}}]}},
    "double negation of two uuids": {
        "not": {"not": {"and": [{"uuid": ["@one"]}, {"uuid": ["@other"]}]}}
    },
    "or of contradictions": {"or": [{"uuid": []}, {"or": []}, {"not": {"not": {"or": []}}}]},
    "far future": {"created": "9999-12-31T23:59:59Z"},
}
TAUTOLOGICAL_FILTERS: dict[str, dict[str, Any]] = {
    "empty filter": {},
    "nulls": {"uuid": None, "created": None, "not": None, "and": None, "or": None},
    "not empty list of uuids": {"not": {"uuid": []}},
    "not a contradiction": {"not": {"and": [{"uuid": ["@one"]}, {"uuid": ["@other"]}]}},
    "a uuid or not the same": {"or": [{"uuid": ["@one"]}, {"not": {"uuid": ["@one"]}}]},
    "far past": {"created": "0001-01-01T00:00:00Z"},
}
UNSATISFIABLE_LIST_FILTERS: list[tuple[str, dict[str, Any]]] = [
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


def substitute_uuids(filter_value: Any, uuids: list[str]) -> Any:
    """Return a filter with `@one` and `@other` replaced by uuids."""
    if isinstance(filter_value, dict):
        return {name: substitute_uuids(item, uuids) for name, item in filter_value.items()}
    if isinstance(filter_value, list):
        return [substitute_uuids(item, uuids) for item in filter_value]
    if filter_value in ("@one", "@other"):
        return uuids[filter_value == "@other"]
    return filter_value


def get_two_uuids(marketplace: Marketplace, root: str) -> list[str]:
    """Return the uuids of two rows of a list."""
    return sorted(select_expected_uuids(marketplace.url, root, "true"))[:2]


async def assert_empty_page(
    marketplace: Marketplace, root: str, filter_value: Any, username: str = "staff"
) -> None:
    document = PAGE_QUERY.format(kind=get_filter_type(root).name, root=root)
    assert (await marketplace.fetch_data(document, username, f=filter_value))[root] == EMPTY_PAGE


@pytest.mark.parametrize("root", TABLE_ALIASES)
@pytest.mark.parametrize("filter_value", UNSATISFIABLE_FILTERS.values(), ids=UNSATISFIABLE_FILTERS)
async def test_a_contradiction_is_an_empty_list(
    demo: Marketplace, waldur: Marketplace, root: str, filter_value: dict[str, Any]
) -> None:
    for marketplace in (demo, waldur):
        await assert_empty_page(
            marketplace, root, substitute_uuids(filter_value, get_two_uuids(marketplace, root))
        )
    await assert_empty_page(
        demo, root, substitute_uuids(filter_value, get_two_uuids(demo, root)), "owner"
    )


@pytest.mark.parametrize("root", TABLE_ALIASES)
@pytest.mark.parametrize("filter_value", TAUTOLOGICAL_FILTERS.values(), ids=TAUTOLOGICAL_FILTERS)
async def test_tautological_filters_match_everything(
    demo: Marketplace, root: str, filter_value: dict[str, Any]
) -> None:
    uuids = await list_filtered_uuids(
        demo, root, substitute_uuids(filter_value, get_two_uuids(demo, root))
    )
    assert uuids == select_expected_uuids(demo.url, root, "true")


@pytest.mark.parametrize(("root", "filter_value"), UNSATISFIABLE_LIST_FILTERS)
async def test_fields_may_contradict_each_other(
    demo: Marketplace, root: str, filter_value: dict[str, Any]
) -> None:
    await assert_empty_page(
        demo, root, substitute_uuids(filter_value, get_two_uuids(demo, "projects"))
    )


@pytest.mark.parametrize("filter_value", UNSATISFIABLE_FILTERS.values(), ids=UNSATISFIABLE_FILTERS)
async def test_a_contradiction_is_an_empty_nested_list(
    demo: Marketplace, filter_value: dict[str, Any]
) -> None:
    document = """query($f: ResourceFilter) { projects(first: 300) { nodes {
        resources(filter: $f) { totalCount nodes { uuid } } } } }"""
    substituted_filter = substitute_uuids(filter_value, get_two_uuids(demo, "resources"))
    rows = (await demo.fetch_data(document, "owner", f=substituted_filter))["projects"]["nodes"]
    assert rows
    assert all(row["resources"] == {"totalCount": 0, "nodes": []} for row in rows)


async def test_other_arguments_can_contradict_filters(demo: Marketplace) -> None:
    for arguments in (
        'visibleAs: CONSUMER, visibleToUsername: "nobody"',
        'query: "no such thing", filter: { state: OK }',
        'query: "0123456789abcdef0123456789abcdef", filter: { uuid: [] }',
        'visibleToUsername: "no such user", filter: { not: { uuid: [] } }',
    ):
        data = await demo.fetch_data(
            f"{{ resources({arguments}) {{ totalCount nodes {{ uuid }} }} }}"
        )
        assert data["resources"] == {"totalCount": 0, "nodes": []}
