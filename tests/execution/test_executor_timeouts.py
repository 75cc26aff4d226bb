"""Test that no statement is sent again by the reference execution if the database can't answer."""

from collections.abc import AsyncIterator, Hashable, Iterator, Sequence

import psycopg
import pytest
import pytest_asyncio

from gateway.api import schema
from gateway.db.driver.database import PendingRequest
from gateway.execution.executor import Executor
from gateway.execution.graphql_request import GraphQLRequest
from gateway.marketplace.requester import Requester
from gateway.schema.framework.context import RequestContext
from tests.conftest import DatabaseFactory
from tests.execution.corpus.document_files import load_cases
from tests.support.gateway_server import create_small_demo
from tests.support.marketplaces import Marketplace, RecordingDatabase
from tests.support.operation_limits import LARGE_POLICY
from tests.support.time_limits import scale_seconds

TWO_LEVELS_QUERY = """
{ resources(first: 5) { totalCount nodes { name endpoints { name } offering { name } } } }
"""


class SourceRecordingDatabase(RecordingDatabase):
    """Database that records the sources of its statements."""

    recorded_sources: list[Hashable]

    def send(self, pending_requests: Sequence[PendingRequest]) -> None:
        """Send statements and record their sources."""
        self.recorded_sources.extend(statement.source for (statement, _), _ in pending_requests)
        super().send(pending_requests)


@pytest.fixture(scope="module")
def url(new_database: DatabaseFactory) -> str:
    """Return the URL of a small demo."""
    return create_small_demo(new_database())


@pytest_asyncio.fixture(loop_scope="session")
async def marketplace(url: str) -> AsyncIterator[Marketplace]:
    """Yield a marketplace with compiled plans whose statements time out soon."""
    database = await SourceRecordingDatabase.connect(url, statement_seconds=scale_seconds(0.35))
    assert isinstance(database, SourceRecordingDatabase)
    database.recorded_sql, database.recorded_sources = [], []
    marketplace = Marketplace(url, database, "compiled")
    marketplace.executor = Executor(schema, execution="compiled", policy=LARGE_POLICY)
    yield marketplace
    await database.close()


@pytest.fixture
def lock_holder(url: str) -> Iterator[psycopg.Connection]:
    """Yield a connection whose locks end with the test."""
    with psycopg.connect(url) as connection:
        yield connection
        connection.rollback()


@pytest.mark.parametrize("table", ["marketplace_resource", "marketplace_resourceaccessendpoint"])
async def test_a_timed_out_statement_is_sent_once(
    marketplace: Marketplace, lock_holder: psycopg.Connection, table: str
) -> None:
    expected_data = await marketplace.fetch_data(TWO_LEVELS_QUERY)
    expected_count = count_statements(marketplace, table)
    lock_holder.execute(f"lock table {table} in access exclusive mode".encode())
    result = await marketplace.execute_query(TWO_LEVELS_QUERY)
    assert {error["extensions"]["code"] for error in result["errors"]} == {"TIMEOUT"}
    assert count_statements(marketplace, table) == expected_count > 0
    lock_holder.rollback()
    assert await marketplace.fetch_data(TWO_LEVELS_QUERY) == expected_data


def count_statements(marketplace: Marketplace, table: str) -> int:
    """Return the number of statements that were sent and read a table."""
    return sum(f"{table}." in sql for sql in marketplace.database.recorded_sql)


async def test_fields_beside_a_timed_out_statement_are_read(
    marketplace: Marketplace, lock_holder: psycopg.Connection
) -> None:
    expected_data = await marketplace.fetch_data(TWO_LEVELS_QUERY)
    lock_holder.execute("lock table marketplace_resourceaccessendpoint in access exclusive mode")
    error = await marketplace.fetch_error(TWO_LEVELS_QUERY)
    assert error["path"] == ["resources", "nodes", 0, "endpoints"]
    assert expected_data["resources"]["totalCount"] == 20


async def test_nothing_is_sent_again_if_the_database_is_unavailable(
    marketplace: Marketplace,
) -> None:
    await marketplace.fetch_data(TWO_LEVELS_QUERY)
    levels = [*marketplace.database.recorded_sql]
    viewer = await marketplace.load_viewer("staff")
    marketplace.database.recorded_sql = []
    await marketplace.database.close()
    result = await marketplace.execute_as(viewer, TWO_LEVELS_QUERY)
    assert {error["extensions"]["code"] for error in result["errors"]} == {"UNAVAILABLE"}
    sent_sql = marketplace.database.recorded_sql
    assert 0 < len(sent_sql) < len(levels)
    assert sent_sql == levels[: len(sent_sql)]


async def test_statements_of_both_executions_have_the_same_sources(
    marketplace: Marketplace,
) -> None:
    """Otherwise the reference would send a statement again that timed out."""
    viewer, sources_by_case = await marketplace.load_viewer("member"), {}
    database = marketplace.database
    assert isinstance(database, SourceRecordingDatabase)
    for execution in ("compiled", "reference"):
        executor = Executor(schema, execution=execution, policy=LARGE_POLICY)
        for case in load_cases():
            database.recorded_sources = []
            context = RequestContext(database, marketplace.statement_compiler, Requester(viewer))
            request = GraphQLRequest(case.query, case.variables, case.operation)
            await executor.execute(request, context)
            sources_by_case[execution, case.name] = {*database.recorded_sources}
    for case in load_cases():
        compiled_sources = sources_by_case["compiled", case.name]
        assert None not in compiled_sources, case.name
        assert compiled_sources <= sources_by_case["reference", case.name], case.name
