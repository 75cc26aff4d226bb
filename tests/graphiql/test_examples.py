"""GraphiQL on the gateway: the example queries, and the token of the demo's staff."""

from collections.abc import Iterator

import pytest
from playwright.async_api import Browser, expect

from gateway.config.settings import load_settings
from gateway.graphiql.examples import EXAMPLE_QUERIES
from gateway.graphiql.page import ExampleQuery
from gateway.server.app import build_application
from tests.graphiql.browser_session import check_explorer, open_session, serve_app
from tests.support.marketplaces import Marketplace


@pytest.fixture(scope="module")
def explorer_url(demo: Marketplace) -> Iterator[str]:
    """Serve the demo marketplace; yield the URL of its page."""
    gateway_settings = load_settings({}, database_url=demo.url, dev="on")
    with serve_app(
        build_application(gateway_settings, demo.installation, demo.tokens["staff"])
    ) as server_url:
        yield f"{server_url}/graphql"


QUERY_EXAMPLES = [each for each in EXAMPLE_QUERIES if each.query.startswith("query")]


@pytest.mark.parametrize("example", QUERY_EXAMPLES, ids=lambda each: each.title[:20])
async def test_each_example_returns_data(demo: Marketplace, example: ExampleQuery) -> None:
    data = await demo.fetch_data(example.query)
    assert all(data.values())


@pytest.mark.browser
async def test_the_page_works_on_the_gateway(
    browser: Browser, explorer_url: str, demo: Marketplace
) -> None:
    headers = {"Authorization": f"Token {demo.tokens['staff']}"}
    await check_explorer(
        browser, explorer_url, expected_text='"totalCount"', headers=headers, field="resources"
    )


@pytest.mark.browser
async def test_every_example_can_be_executed(browser: Browser, explorer_url: str) -> None:
    async with open_session(browser, explorer_url) as session:
        for name in ("Catalogue", "Projects", "Viewer"):
            await session.select_tab(name)
            await session.execute_query('"data"')
        await expect(session.locate_text("response")).to_contain_text('"isStaff": true')
