"""Take docs/graphiql.png, the picture of GraphiQL in README.md, in a headless Chromium.

    python -m tools.screenshot

GraphiQL runs over a demo marketplace in a temporary folder and sends the query with the token of
the user `member`.
"""

import asyncio
import tempfile
from pathlib import Path

import psycopg
from playwright.async_api import Browser, ViewportSize, expect

from gateway.config.settings import load_settings
from gateway.db.installation.installation import inspect_installation
from gateway.db.queries.tokens import load_tokens_by_username
from gateway.demo.postgres import EmbeddedPostgres
from gateway.server.app import build_application
from tests.graphiql.browser_session import BrowserSession, launch_chromium, serve_app
from tools.tour import create_tour_demo

PICTURE_PATH = Path(__file__).parents[1] / "docs" / "graphiql.png"
VIEWPORT = ViewportSize(width=1200, height=800)
USERNAME = "member"
QUERY = """# What the user `member` sees.
query Resources {
  resources(
    first: 2
    orderBy: NAME_ASC
    filter: { state: OK, limitBased: true }
  ) {
    totalCount
    nodes {
      name
      state
      endDate
      cost
      offering {
        name
        provider { name }
      }
      project {
        name
        customer { name }
      }
    }
  }
}
"""
SET_QUERY = """query =>
    document.querySelector(".graphiql-query-editor .CodeMirror").CodeMirror.setValue(query)
"""


async def take_picture(browser: Browser, url: str) -> bytes:
    """Return a PNG of GraphiQL after it executed the query."""
    async with await browser.new_context(viewport=VIEWPORT, color_scheme="light") as context:
        session = BrowserSession(await context.new_page())
        await session.open_explorer(url)
        await session.page.evaluate(SET_QUERY, QUERY)
        await session.press_button("Hide editor tools")
        await session.execute_query('"totalCount"')
        await session.page.mouse.move(0, 0)
        await expect(session.page.locator(".graphiql-spinner")).to_have_count(0)
        return await session.page.screenshot(animations="disabled")


async def main() -> None:
    """Write the picture."""
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedPostgres.start(Path(folder) / "data") as server,
    ):
        create_tour_demo(server.url)
        with psycopg.connect(server.url) as connection:
            installation = inspect_installation(connection)
            token = load_tokens_by_username(connection)[USERNAME]
        gateway_settings = load_settings({}, database_url=server.url, dev="on")
        with serve_app(build_application(gateway_settings, installation, token)) as url:
            async with launch_chromium() as browser:
                PICTURE_PATH.write_bytes(await take_picture(browser, f"{url}/graphql"))


if __name__ == "__main__":
    asyncio.run(main())
