"""Filtered lists, read by the gateway and by plain SQL for comparison."""

from typing import Any

import psycopg
from graphql import GraphQLInputObjectType

from tests.support.marketplaces import Marketplace
from tests.support.schema_documents import SCHEMA

OFFERING_JOINS = """marketplace_offering o
left join structure_customer provider on provider.id = o.customer_id
left join marketplace_offering parent on parent.id = o.parent_id
join marketplace_category category on category.id = o.category_id"""
FROM_CLAUSES = {
    "resources": f"""(select 1) one cross join {OFFERING_JOINS}
        join marketplace_resource r on r.offering_id = o.id
        join structure_project p on p.id = r.project_id
        join structure_customer c on c.id = p.customer_id
        left join marketplace_plan plan on plan.id = r.plan_id""",
    "orders": f"""(select 1) one cross join {OFFERING_JOINS}
        join marketplace_order d on d.offering_id = o.id
        join structure_project p on p.id = d.project_id
        join structure_customer c on c.id = p.customer_id
        left join marketplace_resource r on r.id = d.resource_id""",
    "offerings": f"{OFFERING_JOINS} left join structure_project p on p.id = o.project_id",
    "projects": "structure_project p join structure_customer c on c.id = p.customer_id",
    "customers": "structure_customer c",
}
TABLE_ALIASES = {
    "resources": "r",
    "orders": "d",
    "offerings": "o",
    "projects": "p",
    "customers": "c",
}


def get_filter_type(root: str) -> GraphQLInputObjectType:
    """Return the filter input type of a root list."""
    assert SCHEMA.query_type
    filter_type = SCHEMA.query_type.fields[root].args["filter"].type
    assert isinstance(filter_type, GraphQLInputObjectType)
    return filter_type


def select_first_column(url: str, statement: str, *values: Any) -> list[Any]:
    """Return the first column of a statement's rows."""
    with psycopg.connect(url) as connection:
        cursor = connection.execute(statement.encode(), values or None)
        return [row[0] for row in cursor]


async def list_filtered_uuids(
    marketplace: Marketplace, root: str, filter_value: dict[str, Any], username: str = "staff"
) -> set[str]:
    """Return the uuids of a filtered root list, read page by page."""
    document = f"""query($filter: {get_filter_type(root).name}, $after: String) {{
      {root}(first: 300, after: $after, filter: $filter) {{
        totalCount nodes {{ uuid }} pageInfo {{ endCursor hasNextPage }} }} }}"""
    uuids: list[str] = []
    page: Any = None
    after, has_more = None, True
    while has_more:
        page = (await marketplace.fetch_data(document, username, filter=filter_value, after=after))[
            root
        ]
        uuids += [each["uuid"] for each in page["nodes"]]
        after, has_more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    assert len(uuids) == page["totalCount"] == len(set(uuids))
    return set(uuids)


def select_expected_uuids(url: str, root: str, condition: str, *values: Any) -> set[str]:
    """Return the uuids of a root list's rows that meet an SQL condition."""
    base_condition = "not p.is_removed and " if root == "projects" else ""
    statement = f"""select {TABLE_ALIASES[root]}.uuid from {FROM_CLAUSES[root]}
        where {base_condition}({condition})"""
    return {uuid.hex for uuid in select_first_column(url, statement, *values)}
