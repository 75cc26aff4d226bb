"""Over 100,000 resources no first page and no single thing reads a large table as a whole."""

from collections.abc import AsyncIterator, Iterator
from itertools import chain

import psycopg
import pytest
import pytest_asyncio

from gateway.demo.marketplace.fill import make
from gateway.resolvers.query import NODES
from tests.conftest import NewDatabase
from tests.support.explain_plans import (
    Kept,
    Planner,
    asked,
    filtered,
    pages,
    promised,
    rows_read,
    scanned,
    single,
)
from tests.support.marketplaces import Marketplace

pytestmark = pytest.mark.large
RESOURCES = 100_000
VIEWERS = "staff", "member", "owner", "provider"
COUNTED = "counts, which read what they count: a large organisation's resources are many of all"
SCANS = {
    "orders.resourceName": "a part of a name: only an index of a PostgreSQL extension finds that",
    "customer": COUNTED,
    "customers with all": COUNTED,
    "node: Customer": COUNTED,
}
"""What may read a large table from end to end, and why; it depends on what is counted."""
MANY = 2000
READS = {
    "resources PROJECT_NAME_ASC": "all that the viewer sees: the name is another table's",
    "resources PROJECT_NAME_DESC": "the same",
    "projects with all": "the project's: the planner takes them for very few",
    "offerings with all": "the offering's, until some are found that the viewer sees",
    "customers with all": "all by age, until some are found that are the customer's",
}
"""What reads more rows of large tables for a first page, and which; none takes 0.2 s."""


@pytest.fixture(scope="module")
def url(new_database: NewDatabase) -> str:
    """Give the address of a demo marketplace of 100,000 resources."""
    made = new_database()
    with psycopg.connect(made) as connection:
        make(connection, resources=RESOURCES, seed=1)
    return made


@pytest.fixture(scope="module")
def planner(url: str) -> Iterator[Planner]:
    """Give what plans statements over it."""
    made = Planner(url)
    yield made
    made.connection.close()


@pytest.fixture(scope="module")
def uuids(planner: Planner) -> dict[str, str]:
    """Give the uuid of a row of each type that has some."""
    found = {}
    for row in NODES:
        statement = f"select uuid from {row.tables[0].name} order by id limit 1 offset 5"
        for (uuid,) in planner.connection.execute(statement.encode()):
            found[row.__name__] = uuid.hex
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="session", params=["compiled", "reference"])
async def large(url: str, request: pytest.FixtureRequest) -> AsyncIterator[Marketplace]:
    """Give that marketplace, asked in either execution."""
    database = await Kept.at(url)
    assert isinstance(database, Kept)
    database.asked, database.kept = [], []
    yield Marketplace(url, database, request.param)
    await database.close()


def test_the_large_tables_are_those_that_grow_with_use(planner: Planner) -> None:
    assert planner.large() >= {
        "marketplace_resource",
        "marketplace_order",
        "marketplace_componentusage",
        "marketplace_componentquota",
        "marketplace_resourceplanperiod",
        "marketplace_resourceaccessendpoint",
    }


@pytest.mark.parametrize("viewer", VIEWERS)
async def test_nothing_scans_a_large_table(
    large: Marketplace, planner: Planner, uuids: dict[str, str], viewer: str
) -> None:
    tables, found = planner.large(), set()
    for document in chain(pages(), promised(), filtered(), single(uuids)):
        for ask in await asked(large, document, viewer):
            if scanned(planner.plan(ask), tables):
                found.add(document.name)
    assert found <= SCANS.keys()


@pytest.mark.parametrize("viewer", VIEWERS)
async def test_a_first_page_reads_few_rows(
    large: Marketplace, planner: Planner, uuids: dict[str, str], viewer: str
) -> None:
    """Counts are left out: they read what they count."""
    tables, found = planner.large(), set()
    for document in chain(pages(), promised(), single(uuids)):
        for ask in await asked(large, document, viewer):
            if "count(*)" not in ask[0]:
                nodes = planner.plan(ask, "analyze", "timing off")
                if rows_read(nodes, tables) > MANY:
                    found.add(document.name)
    assert found <= READS.keys()
