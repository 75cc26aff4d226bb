"""Counting the resources visible to a member reads only these, through indexes."""

from collections.abc import AsyncIterator

import psycopg
import pytest
import pytest_asyncio
from psycopg.sql import SQL, Literal

from gateway.db.driver.database import StatementRequest
from gateway.db.driver.encoding import encode_text
from gateway.db.queries.aggregates import (
    RESOURCE_STATES_BY_CUSTOMER,
    RESOURCE_STATES_BY_OFFERING,
    RESOURCE_STATES_BY_PLAN,
    RESOURCE_STATES_BY_PROJECT,
)
from gateway.db.sql.aggregate import Aggregate
from gateway.demo.marketplace.fill import create_marketplace
from gateway.loaders.read_loader import ReadLoader
from tests.conftest import DatabaseFactory
from tests.support.marketplaces import Marketplace, open_marketplace

MEMBER_USERNAMES = ("signe.hauge", "emil.corvin", "jette.corvin")
"""Users who see a small share of the resources, as most users do."""
AGGREGATES = {
    "projects": RESOURCE_STATES_BY_PROJECT,
    "customers": RESOURCE_STATES_BY_CUSTOMER,
    "offerings": RESOURCE_STATES_BY_OFFERING,
    "plans": RESOURCE_STATES_BY_PLAN,
}
ROW_KEYS = list(range(1, 301))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def large_marketplace(new_database: DatabaseFactory) -> AsyncIterator[Marketplace]:
    """Yield a marketplace so large that the planner prefers an index to a sequential scan."""
    url = new_database()
    with psycopg.connect(url) as connection:
        create_marketplace(connection, resource_count=6000, seed=1)
    async with open_marketplace(url) as marketplace:
        yield marketplace


@pytest.mark.parametrize("aggregate", AGGREGATES.values(), ids=AGGREGATES)
@pytest.mark.parametrize("username", MEMBER_USERNAMES)
async def test_counts_of_a_member_use_an_index(
    large_marketplace: Marketplace, username: str, aggregate: Aggregate
) -> None:
    read_loader = ReadLoader(
        large_marketplace.database,
        large_marketplace.statement_compiler,
        await large_marketplace.load_viewer(username),
    )
    request = await read_loader.build_request(aggregate.query_spec, {"keys": encode_text(ROW_KEYS)})
    assert request is not None
    plan = explain_statement(large_marketplace.url, request)
    assert "Seq Scan on marketplace_resource" not in plan
    assert "marketplace_resource_project_id" in plan


def explain_statement(url: str, request: StatementRequest) -> str:
    """Return PostgreSQL's plan of a statement with its parameters."""
    statement, values = request
    literals = SQL(", ").join(map(Literal, values))
    with psycopg.connect(url) as connection:
        connection.execute(f"prepare counted as {statement.sql}".encode())
        rows = connection.execute(SQL("explain execute counted({})").format(literals))
        return "\n".join(line for (line,) in rows)
