"""Query plans with 100,000 resources: no first page and no single row scans a large table."""

from collections.abc import AsyncIterator, Iterator
from itertools import chain

import psycopg
import pytest
import pytest_asyncio

from gateway.db.admin.search_index import SEARCH_INDEX_NAME
from gateway.demo.marketplace.fill import create_marketplace
from gateway.resolvers.query import NODE_TYPES
from tests.conftest import DatabaseFactory
from tests.support.explain_plans import (
    SEARCHING_QUERIES,
    ExplainedDocument,
    RequestRecordingDatabase,
    StatementPlanner,
    count_rows_read,
    find_scanned_tables,
    list_contract_documents,
    list_filter_documents,
    list_page_documents,
    list_single_row_documents,
    record_statements,
)
from tests.support.marketplaces import Marketplace

pytestmark = pytest.mark.large
RESOURCE_COUNT = 100_000
VIEWERS = "staff", "member", "owner", "provider"
COUNT_REASON = (
    "counts read all rows that they count: a large organisation has many of all resources"
)
ALLOWED_SCANS = {
    "customer": COUNT_REASON,
    "customers with all": COUNT_REASON,
    "node: Customer": COUNT_REASON,
}
"""Documents that may scan a large table, with the reason; the planner decides by statistics."""
MAX_ROWS_READ = 2100
"""The most are the usages of 50 resources: 2009 on the first of a month, when they are most."""
ALLOWED_LARGE_READS = {
    "resources PROJECT_NAME_ASC": "all visible resources: the sort column is in another table",
    "resources PROJECT_NAME_DESC": "the same",
    "projects with all": "all resources of a project: the planner underestimates them",
    "offerings with all": "the offering's resources, until enough visible ones were read",
    "customers with all": "all resources by age, until enough of the customer's were read",
}
"""Documents that may read more rows for a first page, and which; each takes less than 0.2 s."""


@pytest.fixture(scope="module")
def large_database_url(new_database: DatabaseFactory) -> str:
    """Return the URL of a demo marketplace with 100,000 resources."""
    database_url = new_database()
    with psycopg.connect(database_url) as connection:
        create_marketplace(connection, resource_count=RESOURCE_COUNT, seed=1)
    return database_url


@pytest.fixture(scope="module")
def planner(large_database_url: str) -> Iterator[StatementPlanner]:
    """Open a planner of statements on it."""
    query_planner = StatementPlanner(large_database_url)
    yield query_planner
    query_planner.connection.close()


@pytest.fixture(scope="module")
def uuids_by_type(planner: StatementPlanner) -> dict[str, str]:
    """Return the uuid of one row of each node type that has rows."""
    uuids_by_type = {}
    for row in NODE_TYPES:
        statement = f"select uuid from {row.tables[0].name} order by id limit 1 offset 5"
        for (uuid,) in planner.connection.execute(statement.encode()):
            uuids_by_type[row.__name__] = uuid.hex
    return uuids_by_type


@pytest_asyncio.fixture(scope="module", loop_scope="session", params=["compiled", "reference"])
async def large_marketplace(
    large_database_url: str, request: pytest.FixtureRequest
) -> AsyncIterator[Marketplace]:
    """Open that marketplace with each of the two executions."""
    database = await RequestRecordingDatabase.connect(large_database_url)
    assert isinstance(database, RequestRecordingDatabase)
    database.recorded_sql, database.requests = [], []
    yield Marketplace(large_database_url, database, request.param)
    await database.close()


def test_the_large_tables_are_those_that_grow_with_use(planner: StatementPlanner) -> None:
    assert planner.find_large_tables() >= {
        "marketplace_resource",
        "marketplace_order",
        "marketplace_componentusage",
        "marketplace_componentquota",
        "marketplace_resourceplanperiod",
        "marketplace_resourceaccessendpoint",
    }


@pytest.mark.parametrize("viewer", VIEWERS)
async def test_nothing_scans_a_large_table(
    large_marketplace: Marketplace,
    planner: StatementPlanner,
    uuids_by_type: dict[str, str],
    viewer: str,
) -> None:
    large_tables, scanning_documents = planner.find_large_tables(), set()
    for document in chain(
        list_page_documents(),
        list_contract_documents(),
        list_filter_documents(),
        list_single_row_documents(uuids_by_type),
    ):
        for statement_request in await record_statements(large_marketplace, document, viewer):
            if find_scanned_tables(planner.explain_statement(statement_request), large_tables):
                scanning_documents.add(document.name)
    assert scanning_documents <= ALLOWED_SCANS.keys()


@pytest.mark.parametrize("query", SEARCHING_QUERIES)
async def test_parts_of_texts_are_found_by_the_search_index(
    large_marketplace: Marketplace, planner: StatementPlanner, query: str
) -> None:
    """Pages of resources read an index in the list's order instead, until they are full."""
    document = ExplainedDocument(query, query, {})
    requests = await record_statements(large_marketplace, document, "staff")
    nodes = planner.explain_statement(requests[-1])
    assert SEARCH_INDEX_NAME in {each.get("Index Name") for each in nodes}


@pytest.mark.parametrize("viewer", VIEWERS)
async def test_a_first_page_reads_few_rows(
    large_marketplace: Marketplace,
    planner: StatementPlanner,
    uuids_by_type: dict[str, str],
    viewer: str,
) -> None:
    """Counts are left out: they read all rows that they count."""
    large_tables, costly_documents = planner.find_large_tables(), set()
    for document in chain(
        list_page_documents(), list_contract_documents(), list_single_row_documents(uuids_by_type)
    ):
        for statement_request in await record_statements(large_marketplace, document, viewer):
            if "count(*)" not in statement_request[0]:
                plan_nodes = planner.explain_statement(statement_request, "analyze", "timing off")
                if count_rows_read(plan_nodes, large_tables) > MAX_ROWS_READ:
                    costly_documents.add(document.name)
    assert costly_documents <= ALLOWED_LARGE_READS.keys()
