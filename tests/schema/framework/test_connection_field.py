"""Pages: every order, both ways, with nulls and ties, against PostgreSQL's own sorting."""

from typing import Any

import psycopg
import pytest

from tests.support.marketplaces import EXECUTION, Marketplace

KEYS = {
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
ROWS = {
    "resources": "marketplace_resource r join structure_project p on p.id = r.project_id",
    "offerings": "marketplace_offering r",
    "projects": "structure_project r join structure_customer c on c.id = r.customer_id",
    "customers": "structure_customer r",
    "orders": "marketplace_order r",
}
ORDERS = [
    (root, key, way) for root, keys in KEYS.items() for key in keys for way in ("ASC", "DESC")
]
NULLABLE = (
    ("resources", "END_DATE"),
    ("projects", "END_DATE"),
    ("orders", "COST"),
    ("orders", "CONSUMER_REVIEWED_AT"),
)
"""Where some keys are null, and others are not."""
FORWARD = """query($after: String, $n: Int!) {{
  {root}(first: $n, after: $after, orderBy: {order}) {{
    nodes {{ uuid }} edges {{ cursor node {{ uuid }} }}
    pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }}"""
BACKWARD = """query($before: String, $n: Int!) {{
  {root}(last: $n, before: $before, orderBy: {order}) {{
    nodes {{ uuid }} edges {{ cursor }}
    pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }}"""


def sorted_uuids(url: str, root: str, key: str, way: str) -> list[str]:
    where = "where not r.is_removed" if root == "projects" else ""
    statement = (
        f"select r.uuid from {ROWS[root]} {where} order by {KEYS[root][key]} {way}, r.id {way}"
    )
    with psycopg.connect(url) as connection:
        return [uuid.hex for (uuid,) in connection.execute(statement.encode())]


def uuids(page: Any) -> list[str]:
    return [each["uuid"] for each in page["nodes"]]


@pytest.mark.parametrize(("root", "key", "way"), ORDERS)
async def test_pages_forward_through_every_order(
    demo: Marketplace, root: str, key: str, way: str
) -> None:
    document = FORWARD.format(root=root, order=f"{key}_{way}")
    met: list[str] = []
    after, more = None, True
    while more:
        page = (await demo.data(document, after=after, n=97))[root]
        met += uuids(page)
        assert [each["node"]["uuid"] for each in page["edges"]] == uuids(page)
        assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
        assert page["pageInfo"]["startCursor"] == page["edges"][0]["cursor"]
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    assert met == sorted_uuids(demo.url, root, key, way)


@pytest.mark.parametrize(("root", "key", "way"), ORDERS)
async def test_pages_backward_through_every_order(
    demo: Marketplace, root: str, key: str, way: str
) -> None:
    document = BACKWARD.format(root=root, order=f"{key}_{way}")
    met: list[str] = []
    before, more = None, True
    while more:
        page = (await demo.data(document, before=before, n=101))[root]
        met = uuids(page) + met
        assert page["pageInfo"]["hasNextPage"] is (before is not None)
        before, more = page["pageInfo"]["startCursor"], page["pageInfo"]["hasPreviousPage"]
    assert met == sorted_uuids(demo.url, root, key, way)


@pytest.mark.parametrize(("root", "key"), NULLABLE)
def test_some_keys_are_null(demo: Marketplace, root: str, key: str) -> None:
    column = KEYS[root][key]
    statement = f"select count(*), count({column}) from {ROWS[root]}"
    with psycopg.connect(demo.url) as connection:
        everything, known = connection.execute(statement.encode()).fetchone() or (0, 0)
    assert 0 < known < everything


BELOW = """query($c: UUID!, $after: String, $before: String, $first: Int, $last: Int) {{
  customer(uuid: $c) {{
    resources(after: $after, before: $before, first: $first, last: $last, orderBy: {order}) {{
      nodes {{ uuid }}
      pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }} }}"""


@pytest.mark.parametrize("key", ["PROJECT_NAME", "END_DATE", "STATE"])
@pytest.mark.parametrize("way", ["ASC", "DESC"])
async def test_pages_below_a_row_go_both_ways(demo: Marketplace, key: str, way: str) -> None:
    """Of a joined name, of a key that may be null, and of one that many rows share."""
    customer = "select id, uuid from structure_customer where slug = 'vesterlund'"
    statement = f"""select r.uuid from {ROWS["resources"]} join ({customer}) c
        on c.id = p.customer_id order by {KEYS["resources"][key]} {way}, r.id {way}"""
    with psycopg.connect(demo.url) as connection:
        wanted = [uuid.hex for (uuid,) in connection.execute(statement.encode())]
        ((_, owner),) = connection.execute(customer.encode())
    document = BELOW.format(order=f"{key}_{way}")
    forward: list[str] = []
    backward: list[str] = []
    after = before = None
    while len(forward) < len(wanted):
        given = {"c": owner.hex, "first": 37, "after": after}
        page = (await demo.data(document, **given))["customer"]["resources"]
        forward += uuids(page)
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
        assert more is (len(forward) < len(wanted))
        given = {"c": owner.hex, "last": 37, "before": before}
        page = (await demo.data(document, **given))["customer"]["resources"]
        backward = uuids(page) + backward
        before, more = page["pageInfo"]["startCursor"], page["pageInfo"]["hasPreviousPage"]
        assert more is (len(backward) < len(wanted))
    assert forward == backward == wanted


async def test_a_window_between_two_cursors(demo: Marketplace) -> None:
    first = await demo.data(FORWARD.format(root="resources", order="END_DATE_DESC"), n=30)
    edges = first["resources"]["edges"]
    document = """query($a: String, $b: String) {
      resources(after: $a, before: $b, orderBy: END_DATE_DESC) { nodes { uuid } } }"""
    between = await demo.data(document, a=edges[3]["cursor"], b=edges[20]["cursor"])
    assert uuids(between["resources"]) == uuids(first["resources"])[4:20]


async def test_an_empty_page_has_no_cursors(demo: Marketplace) -> None:
    page = (await demo.data(FORWARD.format(root="resources", order="NAME_ASC"), n=0))["resources"]
    assert page["nodes"] == []
    info = {"hasNextPage": True, "hasPreviousPage": False, "startCursor": None, "endCursor": None}
    assert page["pageInfo"] == info


async def test_twenty_nodes_unless_told(demo: Marketplace) -> None:
    answer = await demo.data("{ resources { nodes { uuid } } }")
    assert len(answer["resources"]["nodes"]) == 20


async def test_the_total_costs_a_statement_only_when_asked(demo: Marketplace) -> None:
    await demo.data("{ resources { nodes { uuid } } }")
    without = len(demo.database.asked)
    answer = await demo.data("{ resources(first: 1) { totalCount nodes { uuid } } }")
    assert answer["resources"]["totalCount"] == 600
    assert len(demo.database.asked) == without + 1


async def test_a_total_alone_reads_no_page(demo: Marketplace) -> None:
    await demo.data("{ resources { totalCount } }")
    assert len(demo.database.asked) == 1


async def test_a_page_per_parent_takes_one_statement(demo: Marketplace) -> None:
    document = """{ projects(first: 50) { nodes { uuid resources(first: 2, orderBy: NAME_DESC) {
      totalCount pageInfo { hasNextPage } nodes { name project { uuid } } } } } }"""
    answer = await demo.data(document)
    assert len(demo.database.asked) == {"compiled": 3, "reference": 4}[EXECUTION]
    for project in answer["projects"]["nodes"]:
        page = project["resources"]
        names = [each["name"] for each in page["nodes"]]
        assert {each["project"]["uuid"] for each in page["nodes"]} <= {project["uuid"]}
        assert names == sorted(names, reverse=True)
        assert len(names) == min(2, page["totalCount"])
        assert page["pageInfo"]["hasNextPage"] is (page["totalCount"] > 2)
