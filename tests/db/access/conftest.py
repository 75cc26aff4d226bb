"""Who looks at which marketplace, from where."""

from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest
import pytest_asyncio

from gateway.demo.marketplace.fill import make
from tests.conftest import NewDatabase
from tests.support.marketplaces import Marketplace, opened
from tests.support.visibility.altered_marketplace import Altered, keep, undo
from tests.support.visibility.oracle_truth import Truth
from tests.support.visibility.viewer_scenes import SCENES, Look, Scene


@pytest.fixture(scope="session")
def demo_truth(demo_url: str) -> Iterator[Truth]:
    """Give what is true of the demo."""
    with psycopg.connect(demo_url) as connection:
        yield Truth(connection, 2026)


@pytest.fixture(scope="session")
def waldur_truth(waldur2024_url: str) -> Iterator[Truth]:
    """Give what is true of the Waldur of October 2024."""
    with psycopg.connect(waldur2024_url) as connection:
        yield Truth(connection, 2024)


@pytest.fixture(params=SCENES, ids=str)
def scene(
    request: pytest.FixtureRequest,
    demo: Marketplace,
    waldur: Marketplace,
    demo_truth: Truth,
    waldur_truth: Truth,
) -> Scene:
    """Give each way of looking at a marketplace."""
    look: Look = request.param
    at, truth = {"demo": (demo, demo_truth), "waldur": (waldur, waldur_truth)}[look.marketplace]
    return Scene(look, at, truth.seen_by(look.username, look.address))


@pytest.fixture(scope="session")
def small_url(new_database: NewDatabase) -> str:
    """Give the address of a small demo marketplace, which keeps what `altered` changes."""
    url = new_database()
    with psycopg.connect(url) as connection:
        make(connection, resources=60, seed=1)
        keep(connection)
    return url


@pytest_asyncio.fixture(scope="session")
async def small(small_url: str, demo: Marketplace) -> AsyncIterator[Marketplace]:
    """Give the small marketplace; its statements are those of the large one."""
    async with opened(small_url) as marketplace:
        marketplace.statements = demo.statements
        yield marketplace


@pytest.fixture
def altered(small: Marketplace) -> Iterator[Altered]:
    """Give the small marketplace to change; the changes are undone."""
    with psycopg.connect(small.url, autocommit=True) as connection:
        try:
            yield Altered(small, connection)
        finally:
            undo(connection)
