"""Test lists by times, dates and numbers that few clients expect: infinite, before Christ, NaN."""

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
import pytest_asyncio
from graphql import get_named_type

from gateway.demo.marketplace.fill import create_marketplace
from gateway.execution.graphql_request import GraphQLRequest
from tests.conftest import DatabaseFactory
from tests.execution.corpus.both_executions import DualExecutor
from tests.execution.corpus.known_rows import ROOT_LISTS, list_orders
from tests.support.marketplaces import open_marketplace
from tests.support.schema_documents import find_reachable_types, select_all_fields
from tests.support.visibility.viewer_scenes import Viewpoint

VIEWPOINT = Viewpoint("odd", "staff")
ODD_DATES = (
    "infinity",
    "-infinity",
    "0044-03-15 BC",
    "4714-11-24 BC",
    "0001-01-01",
    "9999-12-31",
    "12000-02-29",
    "294276-12-31",
)
ODD_VALUES = {
    "date": ODD_DATES,
    "timestamp with time zone": (
        *ODD_DATES,
        "0044-03-15 12:00:00.512 BC",
        "12000-01-01 00:00:00.12345",
        "9999-12-31 23:59:59.999999",
        "2026-01-31 12:00:00.5",
    ),
    "numeric": ("NaN", "-0.0000000001", "0", "999999999999.9999999999"),
}
"""Values by column type; they are stored in some rows of each table, twice or more often."""
COLUMNS_SQL = """
select table_name, quote_ident(column_name), data_type, is_nullable = 'YES'
from information_schema.columns
where table_schema = 'public' and is_updatable = 'YES'
    and (data_type = any(%s) or (table_name, column_name) = ('marketplace_order', 'cost'))
    and table_name not in ('authtoken_token', 'permissions_userrole')
order by table_name, column_name
"""
TIME_PATTERN = re.compile(r'"(-?infinity|\d{4,}-\d\d-\d\d[^"]*)"')
WELL_FORMED_PATTERN = re.compile(
    r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d{6})?(Z|\+00:00))?", re.ASCII
)
ORDERS = [(field, order) for name, field in ROOT_LISTS.items() for order in list_orders(name)]


def store_odd_values(connection: psycopg.Connection[Any]) -> None:
    """Store odd values in three of four rows of each table, in all columns of their types."""
    connection.execute("set session_replication_role = replica")
    connection.execute(
        "alter table marketplace_componentusage drop constraint"
        " marketplace_componentusage_resource_id_component_id_pla_0136"
    )
    for table, column, type_name, is_nullable in connection.execute(
        COLUMNS_SQL, [["date", "timestamp with time zone"]]
    ).fetchall():
        values = [*ODD_VALUES[type_name], *([None] if is_nullable else [])]
        connection.execute(
            f"update {table} set {column} = (%s::text[])[1 + number %% %s]::{type_name} from ("
            f" select ctid as place, row_number() over (order by ctid) as number from {table}"
            f") numbered where ctid = place and number %% 4 > 0".encode(),
            [values, len(values)],
        )


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def dual_executor(new_database: DatabaseFactory) -> AsyncIterator[DualExecutor]:
    """Yield both executions over a marketplace with odd times, dates and prices."""
    url = new_database()
    with psycopg.connect(url) as connection:
        create_marketplace(connection, resource_count=60, seed=1)
        store_odd_values(connection)
    async with open_marketplace(url) as marketplace:
        yield DualExecutor.open_over(marketplace)


async def fetch_data(dual_executor: DualExecutor, query: str, **variables: Any) -> Any:
    """Return the data of a query, which both executions must give without errors."""
    result_pair = await dual_executor.execute_both(GraphQLRequest(query, variables), VIEWPOINT)
    assert result_pair.is_equal
    assert result_pair.counted_as == "compiled"
    assert "errors" not in result_pair.reference_body, result_pair.reference_body["errors"][:2]
    return result_pair.reference_body["data"]


async def read_by_pages(
    dual_executor: DualExecutor, field: str, order: str, *, backward: bool
) -> list[str]:
    """Return the uuids of a list that is read in pages of seven."""
    size, cursor_name, end = ("last", "before", "start") if backward else ("first", "after", "end")
    query = (
        f"query ($cursor: String) {{ list: {field}"
        f"({size}: 7, {cursor_name}: $cursor, orderBy: {order}) {{ nodes {{ uuid }} pageInfo {{"
        f" cursor: {end}Cursor hasMore: has{'Previous' if backward else 'Next'}Page }} }} }}"
    )
    uuids: list[str] = []
    cursor, has_more = None, True
    while has_more:
        page = (await fetch_data(dual_executor, query, cursor=cursor))["list"]
        page_uuids = [node["uuid"] for node in page["nodes"]]
        uuids = [*page_uuids, *uuids] if backward else [*uuids, *page_uuids]
        cursor, has_more = page["pageInfo"]["cursor"], page["pageInfo"]["hasMore"]
    return uuids


@pytest.mark.parametrize(("field", "order"), ORDERS)
async def test_lists_page_whole_in_both_directions(
    dual_executor: DualExecutor, field: str, order: str
) -> None:
    query = f"{{ list: {field}(first: 300, orderBy: {order}) {{ totalCount nodes {{ uuid }} }} }}"
    whole_list = (await fetch_data(dual_executor, query))["list"]
    uuids = [node["uuid"] for node in whole_list["nodes"]]
    assert len(uuids) == whole_list["totalCount"] > 1
    for backward in (False, True):
        assert await read_by_pages(dual_executor, field, order, backward=backward) == uuids


@pytest.mark.parametrize("field", ROOT_LISTS.values())
async def test_times_are_well_formed_or_null(dual_executor: DualExecutor, field: str) -> None:
    query_type = find_reachable_types()["Query"]
    connection_type: Any = get_named_type(query_type.fields[field].type)
    node_type = get_named_type(connection_type.fields["nodes"].type)
    selection = select_all_fields(node_type.name, 1)
    query = f"{{ list: {field}(first: 60) {{ nodes {{ {selection} }} }} }}"
    response = json.dumps(await fetch_data(dual_executor, query))
    times = TIME_PATTERN.findall(response)
    assert {"9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00Z"} < {*times}
    assert [each for each in times if not WELL_FORMED_PATTERN.fullmatch(each)] == []
    assert [each for each in times if each.startswith(("0044", "4714"))] == []
