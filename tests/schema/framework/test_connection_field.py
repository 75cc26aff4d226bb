"""Pagination: every sort order in both directions, with nulls and ties, against ORDER BY."""

from typing import Any

import psycopg
import pytest

from tests.support.marketplaces import EXECUTION_MODE, Marketplace

SORT_COLUMNS = {
    "resources": {
        "CREATED": "r.created",
        "NAME": "r.name",
        "PROJECT_NAME": "p.name",
        "STATE": "r.state",
        "END_DATE": "r.end_date",
    },
    "offerings": {
        "CREATED": "r.created",
        "NAME": "r.name",
        "TYPE": "r.type",
        "STATE": "r.state",
    },
    "projects": {
        "CREATED": "r.created",
        "NAME": "r.name",
        "END_DATE": "r.end_date",
        "CUSTOMER_NAME": "c.name",
    },
    "customers": {"CREATED": "r.created", "NAME": "r.name"},
    "orders": {
        "CREATED": "r.created",
        "CONSUMER_REVIEWED_AT": "r.consumer_reviewed_at",
        "COST": "r.cost",
        "STATE": "r.state",
    },
}
FROM_CLAUSES = {
    "resources": "marketplace_resource r join structure_project p on p.id = r.project_id",
    "offerings": "marketplace_offering r",
    "projects": "structure_project r join structure_customer c on c.id = r.customer_id",
    "customers": "structure_customer r",
    "orders": "marketplace_order r",
}
SORT_CASES = [
    (root, key, way)
    for root, keys in SORT_COLUMNS.items()
    for key in keys
    for way in ("ASC", "DESC")
]
NULLABLE_SORT_KEYS = (
    ("resources", "END_DATE"),
    ("projects", "END_DATE"),
    ("orders", "COST"),
    ("orders", "CONSUMER_REVIEWED_AT"),
)
"""Sort keys that are null in some rows, but not in all."""
FORWARD_QUERY = """query($after: String, $n: Int!) {{
  {root}(first: $n, after: $after, orderBy: {order}) {{
    nodes {{ uuid }} edges {{ cursor node {{ uuid }} }}
    pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }}"""
BACKWARD_QUERY = """query($before: String, $n: Int!) {{
  {root}(last: $n, before: $before, orderBy: {order}) {{
    nodes {{ uuid }} edges {{ cursor }}
    pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }}"""


def select_sorted_uuids(url: str, root: str, key: str, way: str) -> list[str]:
    where = "where not r.is_removed" if root == "projects" else ""
    statement = f"""select r.uuid from {FROM_CLAUSES[root]} {where}
        order by {SORT_COLUMNS[root][key]} {way}, r.id {way}"""
    with psycopg.connect(url) as connection:
        return [uuid.hex for (uuid,) in connection.execute(statement.encode())]


def get_page_uuids(page: Any) -> list[str]:
    return [node["uuid"] for node in page["nodes"]]


@pytest.mark.parametrize(("root", "key", "way"), SORT_CASES)
async def test_pages_forward_through_every_order(
    demo: Marketplace, root: str, key: str, way: str
) -> None:
    document = FORWARD_QUERY.format(root=root, order=f"{key}_{way}")
    collected: list[str] = []
    after, has_more = None, True
    while has_more:
        page = (await demo.fetch_data(document, after=after, n=97))[root]
        collected += get_page_uuids(page)
        assert [each["node"]["uuid"] for each in page["edges"]] == get_page_uuids(page)
        assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
        assert page["pageInfo"]["startCursor"] == page["edges"][0]["cursor"]
        after, has_more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    assert collected == select_sorted_uuids(demo.url, root, key, way)


@pytest.mark.parametrize(("root", "key", "way"), SORT_CASES)
async def test_pages_backward_through_every_order(
    demo: Marketplace, root: str, key: str, way: str
) -> None:
    document = BACKWARD_QUERY.format(root=root, order=f"{key}_{way}")
    collected: list[str] = []
    before, has_more = None, True
    while has_more:
        page = (await demo.fetch_data(document, before=before, n=101))[root]
        collected = get_page_uuids(page) + collected
        assert page["pageInfo"]["hasNextPage"] is (before is not None)
        before, has_more = page["pageInfo"]["startCursor"], page["pageInfo"]["hasPreviousPage"]
    assert collected == select_sorted_uuids(demo.url, root, key, way)


@pytest.mark.parametrize(("root", "key"), NULLABLE_SORT_KEYS)
def test_nullable_sort_keys_are_null_in_some_rows(demo: Marketplace, root: str, key: str) -> None:
    column = SORT_COLUMNS[root][key]
    statement = f"select count(*), count({column}) from {FROM_CLAUSES[root]}"
    with psycopg.connect(demo.url) as connection:
        row_count, non_null_count = connection.execute(statement.encode()).fetchone() or (0, 0)
    assert 0 < non_null_count < row_count


NESTED_PAGE_QUERY = """query($c: UUID!, $after: String, $before: String, $first: Int, $last: Int) {{
  customer(uuid: $c) {{
    resources(after: $after, before: $before, first: $first, last: $last, orderBy: {order}) {{
      nodes {{ uuid }}
      pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }} }}"""


@pytest.mark.parametrize("key", ["PROJECT_NAME", "END_DATE", "STATE"])
@pytest.mark.parametrize("way", ["ASC", "DESC"])
async def test_nested_pages_go_both_ways(demo: Marketplace, key: str, way: str) -> None:
    """Sort by a joined column, a nullable column, and a column with many equal values."""
    customer = "select id, uuid from structure_customer where slug = 'vesterlund'"
    statement = f"""select r.uuid from {FROM_CLAUSES["resources"]} join ({customer}) c
        on c.id = p.customer_id order by {SORT_COLUMNS["resources"][key]} {way}, r.id {way}"""
    with psycopg.connect(demo.url) as connection:
        expected = [uuid.hex for (uuid,) in connection.execute(statement.encode())]
        ((_, customer_uuid),) = connection.execute(customer.encode())
    document = NESTED_PAGE_QUERY.format(order=f"{key}_{way}")
    forward: list[str] = []
    backward: list[str] = []
    after = before = None
    while len(forward) < len(expected):
        variables = {"c": customer_uuid.hex, "first": 37, "after": after}
        page = (await demo.fetch_data(document, **variables))["customer"]["resources"]
        forward += get_page_uuids(page)
        after, has_more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
        assert has_more is (len(forward) < len(expected))
        variables = {"c": customer_uuid.hex, "last": 37, "before": before}
        page = (await demo.fetch_data(document, **variables))["customer"]["resources"]
        backward = get_page_uuids(page) + backward
        before, has_more = page["pageInfo"]["startCursor"], page["pageInfo"]["hasPreviousPage"]
        assert has_more is (len(backward) < len(expected))
    assert forward == backward == expected


async def test_a_window_between_two_cursors(demo: Marketplace) -> None:
    first = await demo.fetch_data(
        FORWARD_QUERY.format(root="resources", order="END_DATE_DESC"), n=30
    )
    edges = first["resources"]["edges"]
    document = """query($a: String, $b: String) {
      resources(after: $a, before: $b, orderBy: END_DATE_DESC) { nodes { uuid } } }"""
    between = await demo.fetch_data(document, a=edges[3]["cursor"], b=edges[20]["cursor"])
    assert get_page_uuids(between["resources"]) == get_page_uuids(first["resources"])[4:20]


async def test_an_empty_page_has_no_cursors(demo: Marketplace) -> None:
    page = (await demo.fetch_data(FORWARD_QUERY.format(root="resources", order="NAME_ASC"), n=0))[
        "resources"
    ]
    assert page["nodes"] == []
    info = {"hasNextPage": True, "hasPreviousPage": False, "startCursor": None, "endCursor": None}
    assert page["pageInfo"] == info


async def test_default_page_size_is_twenty(demo: Marketplace) -> None:
    data = await demo.fetch_data("{ resources { nodes { uuid } } }")
    assert len(data["resources"]["nodes"]) == 20


async def test_total_count_takes_a_statement_only_if_selected(demo: Marketplace) -> None:
    await demo.fetch_data("{ resources { nodes { uuid } } }")
    statement_count = len(demo.database.recorded_sql)
    data = await demo.fetch_data("{ resources(first: 1) { totalCount nodes { uuid } } }")
    assert data["resources"]["totalCount"] == 600
    assert len(demo.database.recorded_sql) == statement_count + 1


async def test_total_count_alone_reads_no_page(demo: Marketplace) -> None:
    await demo.fetch_data("{ resources { totalCount } }")
    assert len(demo.database.recorded_sql) == 1


async def test_a_page_per_parent_takes_one_statement(demo: Marketplace) -> None:
    document = """{ projects(first: 50) { nodes { uuid resources(first: 2, orderBy: NAME_DESC) {
      totalCount pageInfo { hasNextPage } nodes { name project { uuid } } } } } }"""
    data = await demo.fetch_data(document)
    assert len(demo.database.recorded_sql) == {"compiled": 3, "reference": 4}[EXECUTION_MODE]
    for project in data["projects"]["nodes"]:
        page = project["resources"]
        names = [each["name"] for each in page["nodes"]]
        assert {each["project"]["uuid"] for each in page["nodes"]} <= {project["uuid"]}
        assert names == sorted(names, reverse=True)
        assert len(names) == min(2, page["totalCount"])
        assert page["pageInfo"]["hasNextPage"] is (page["totalCount"] > 2)
