"""Counting the resources of a few reads no more of the table than these, by its indexes."""

from collections.abc import AsyncIterator

import psycopg
import pytest
import pytest_asyncio
from psycopg.sql import SQL, Literal

from gateway.db.driver.database import Ask
from gateway.db.driver.encoding import text
from gateway.db.queries.aggregates import (
    STATES_OF_CUSTOMER,
    STATES_OF_OFFERING,
    STATES_OF_PLAN,
    STATES_OF_PROJECT,
)
from gateway.db.sql.aggregate import Total
from gateway.demo.marketplace.fill import make
from gateway.loaders.read_loader import Loads
from tests.conftest import NewDatabase
from tests.support.marketplaces import Marketplace, opened

MEMBERS = ("signe.hauge", "emil.corvin", "jette.corvin")
"""See a small part of the resources, as most people do."""
TOTALS = {
    "projects": STATES_OF_PROJECT,
    "customers": STATES_OF_CUSTOMER,
    "offerings": STATES_OF_OFFERING,
    "plans": STATES_OF_PLAN,
}
KEYS = list(range(1, 301))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def large(new_database: NewDatabase) -> AsyncIterator[Marketplace]:
    """Give a marketplace in which a part of the resources is found sooner than all are read."""
    url = new_database()
    with psycopg.connect(url) as connection:
        make(connection, resources=6000, seed=1)
    async with opened(url) as marketplace:
        yield marketplace


@pytest.mark.parametrize("total", TOTALS.values(), ids=TOTALS)
@pytest.mark.parametrize("username", MEMBERS)
async def test_a_member_s_are_found_by_an_index(
    large: Marketplace, username: str, total: Total
) -> None:
    loads = Loads(large.database, large.statements, await large.viewer(username))
    asked = loads.ask(total.read, {"keys": text(KEYS)})
    assert asked is not None
    plan = explained(large.url, asked)
    assert "Seq Scan on marketplace_resource" not in plan
    assert "marketplace_resource_project_id" in plan


def explained(url: str, asked: Ask) -> str:
    """Give the database's plan of a statement with its values."""
    statement, values = asked
    given = SQL(", ").join(map(Literal, values))
    with psycopg.connect(url) as connection:
        connection.execute(f"prepare asked as {statement.sql}".encode())
        rows = connection.execute(SQL("explain execute asked({})").format(given))
        return "\n".join(line for (line,) in rows)
