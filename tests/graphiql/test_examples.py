"""The explorer of the gateway itself: its examples work, and it starts as the demo's staff."""

from collections.abc import Iterator

import pytest
from playwright.async_api import Browser, expect

from gateway.config.settings import settings
from gateway.graphiql.examples import EXAMPLES
from gateway.graphiql.page import Example
from gateway.server.app import application
from tests.graphiql.browser_session import explores, served, visit
from tests.support.marketplaces import Marketplace


@pytest.fixture(scope="module")
def address(demo: Marketplace) -> Iterator[str]:
    """Serve the demo marketplace."""
    effective = settings({}, database_url=demo.url)
    with served(application(effective, demo.installation, demo.tokens["staff"])) as url:
        yield f"{url}/graphql"


QUERIES = [each for each in EXAMPLES if each.query.startswith("query")]


@pytest.mark.parametrize("example", QUERIES, ids=lambda each: each.title[:20])
async def test_each_example_is_answered_with_something(demo: Marketplace, example: Example) -> None:
    answer = await demo.data(example.query)
    assert all(answer.values())


@pytest.mark.browser
async def test_the_gateway_can_be_explored(
    browser: Browser, address: str, demo: Marketplace
) -> None:
    headers = {"Authorization": f"Token {demo.tokens['staff']}"}
    await explores(browser, address, answer='"totalCount"', headers=headers, field="resources")


@pytest.mark.browser
async def test_every_example_can_be_executed(browser: Browser, address: str) -> None:
    async with visit(browser, address) as seen:
        for name in ("Catalogue", "Projects", "Viewer"):
            await seen.turn_to(name)
            await seen.execute('"data"')
        await expect(seen.text("response")).to_contain_text('"isStaff": true')
