"""Filters as tests put them: to the gateway, and to plain SQL."""

from typing import Any

import psycopg
from graphql import GraphQLInputObjectType

from tests.support.marketplaces import Marketplace
from tests.support.schema_documents import SCHEMA

OFFERED = """marketplace_offering o
left join structure_customer provider on provider.id = o.customer_id
left join marketplace_offering parent on parent.id = o.parent_id
join marketplace_category category on category.id = o.category_id"""
ROWS = {
    "resources": f"""(select 1) one cross join {OFFERED}
        join marketplace_resource r on r.offering_id = o.id
        join structure_project p on p.id = r.project_id
        join structure_customer c on c.id = p.customer_id
        left join marketplace_plan plan on plan.id = r.plan_id""",
    "orders": f"""(select 1) one cross join {OFFERED}
        join marketplace_order d on d.offering_id = o.id
        join structure_project p on p.id = d.project_id
        join structure_customer c on c.id = p.customer_id
        left join marketplace_resource r on r.id = d.resource_id""",
    "offerings": f"{OFFERED} left join structure_project p on p.id = o.project_id",
    "projects": "structure_project p join structure_customer c on c.id = p.customer_id",
    "customers": "structure_customer c",
}
ITSELF = {"resources": "r", "orders": "d", "offerings": "o", "projects": "p", "customers": "c"}


def kind(root: str) -> GraphQLInputObjectType:
    """Give the type of a list's filter."""
    assert SCHEMA.query_type
    given = SCHEMA.query_type.fields[root].args["filter"].type
    assert isinstance(given, GraphQLInputObjectType)
    return given


def read(url: str, statement: str, *values: Any) -> list[Any]:
    """Give the first column of what a statement finds."""
    with psycopg.connect(url) as connection:
        found = connection.execute(statement.encode(), values or None)
        return [row[0] for row in found]


async def filtered(
    marketplace: Marketplace, root: str, wanted: dict[str, Any], as_: str = "staff"
) -> set[str]:
    """Give the uuids of a filtered list, read page by page."""
    document = f"""query($filter: {kind(root).name}, $after: String) {{
      {root}(first: 300, after: $after, filter: $filter) {{
        totalCount nodes {{ uuid }} pageInfo {{ endCursor hasNextPage }} }} }}"""
    met: list[str] = []
    page: Any = None
    after, more = None, True
    while more:
        page = (await marketplace.data(document, as_, filter=wanted, after=after))[root]
        met += [each["uuid"] for each in page["nodes"]]
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    assert len(met) == page["totalCount"] == len(set(met))
    return set(met)


def expected(url: str, root: str, condition: str, *values: Any) -> set[str]:
    """Give the uuids of the rows that meet a condition in SQL."""
    there = "not p.is_removed and " if root == "projects" else ""
    statement = f"select {ITSELF[root]}.uuid from {ROWS[root]} where {there}({condition})"
    return {uuid.hex for uuid in read(url, statement, *values)}
