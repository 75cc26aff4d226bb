"""The GraphiQL page in a browser, on a small schema."""

from collections.abc import AsyncIterator, Iterator

import pytest
import strawberry
from playwright.async_api import Browser, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from strawberry.asgi import GraphQL

from gateway.graphiql.page import ExampleQuery, build_static_routes, render_page
from tests.graphiql.browser_session import check_explorer, open_session, serve_app

pytestmark = pytest.mark.browser

AUTHORIZATION = "Token 0f1e2d3c"
HEADERS = {"Authorization": AUTHORIZATION}
EXAMPLE_QUERIES = [
    ExampleQuery(
        "Fruit </script><script>alert(1)</script>\nand how much of it",
        "query Fruit($kind: String!) {\n  fruit(kind: $kind) {\n    kind\n    kilos\n  }\n}",
        '{"kind": "pear"}',
    ),
    ExampleQuery("The caller", "query Caller {\n  caller\n}"),
    ExampleQuery("Numbers as they come", "subscription Counting {\n  count\n}"),
]


@strawberry.type
class Fruit:
    """A kind of fruit."""

    kind: str
    kilos: int = 3


@strawberry.type
class Query:
    """The queries of the schema."""

    @strawberry.field
    def fruit(self, kind: str) -> Fruit:
        """Return fruit of a kind."""
        return Fruit(kind=kind)

    @strawberry.field
    def caller(self, info: strawberry.Info) -> str:
        """Return the Authorization header of the request."""
        return str(info.context["request"].headers["authorization"])


@strawberry.type
class Subscription:
    """The subscriptions of the schema."""

    @strawberry.subscription
    async def count(self, info: strawberry.Info) -> AsyncIterator[str]:
        """Yield two numbers, each with the authorization of the subscriber."""
        for number in (1, 2):
            yield f"{number} for {info.context['connection_params']['Authorization']}"


async def serve_explorer(request: Request) -> Response:
    return render_page(headers=HEADERS, examples=EXAMPLE_QUERIES)


@pytest.fixture(scope="module")
def explorer_url() -> Iterator[str]:
    schema = strawberry.Schema(query=Query, subscription=Subscription)
    endpoint: GraphQL[None, None] = GraphQL(schema, graphql_ide=None)
    app = Starlette(
        routes=[
            Route("/graphql", serve_explorer, methods=["GET"]),
            Route("/graphql", endpoint),
            WebSocketRoute("/graphql", endpoint),
            *build_static_routes(),
        ]
    )
    with serve_app(app) as address:
        yield f"{address}/graphql"


async def test_the_explorer_uses_no_other_host(browser: Browser, explorer_url: str) -> None:
    await check_explorer(
        browser, explorer_url, expected_text='"kind": "pear"', headers=HEADERS, field="caller"
    )


async def test_every_example_has_a_tab_with_its_title(browser: Browser, explorer_url: str) -> None:
    async with open_session(browser, explorer_url) as session:
        assert await session.page.title() == "Marketplace gateway"
        tabs = await session.page.get_by_role("tab").all_inner_texts()
        assert tabs == ["Fruit", "Caller", "Counting"]
        await expect(session.locate_text("query")).to_contain_text(
            "# Fruit </script><script>alert(1)"
        )
        await expect(session.locate_text("query")).to_contain_text("# and how much of it")
        await expect(session.locate_text("variables")).to_contain_text('{"kind": "pear"}')
        await session.select_tab("Caller")
        await expect(session.locate_text("query")).to_contain_text("# The caller")
        await expect(session.locate_text("variables")).not_to_contain_text("pear")
        await session.execute_query(AUTHORIZATION)


async def test_executes_a_subscription(browser: Browser, explorer_url: str) -> None:
    async with open_session(browser, explorer_url) as session:
        await session.select_tab("Counting")
        await session.execute_query(f"2 for {AUTHORIZATION}")
        assert session.requested_urls[-1].startswith("ws://")


async def test_stores_tabs_but_never_the_token(browser: Browser, explorer_url: str) -> None:
    async with open_session(browser, explorer_url) as session:
        await session.select_tab("Caller")
        await session.execute_query(AUTHORIZATION)
        await session.locate_text("query").click()
        await session.page.keyboard.press("ControlOrMeta+Home")
        await session.page.keyboard.type("# my note\n")
        storage_json = await session.wait_for_storage("tabState", "# my note")
        assert "graphiql:queries" in storage_json
        assert AUTHORIZATION not in storage_json
        await session.open_explorer(explorer_url)
        await expect(session.locate_text("query")).to_contain_text("# my note")
        await session.execute_query(AUTHORIZATION)


async def test_a_query_of_an_earlier_visit_is_sent_with_the_headers(
    browser: Browser, explorer_url: str
) -> None:
    async with open_session(browser, explorer_url) as session:
        await session.select_tab("Caller")
        await session.execute_query(AUTHORIZATION)
        await session.open_explorer(explorer_url)
        await session.select_tab("Fruit")
        await session.load_from_history("Caller")
        await session.execute_query(AUTHORIZATION)


async def test_uses_the_colour_scheme_of_the_system(browser: Browser, explorer_url: str) -> None:
    async with (
        open_session(browser, explorer_url, "light") as light,
        open_session(browser, explorer_url, "dark") as dark,
    ):
        for session, colour in ((light, "rgb(255, 255, 255)"), (dark, "rgb(33, 42, 59)")):
            container = session.page.locator(".graphiql-container")
            await expect(container).to_have_css("background-color", colour)


async def test_works_without_local_storage(browser: Browser, explorer_url: str) -> None:
    async with open_session(browser, explorer_url) as session:
        await session.page.add_init_script(
            "Object.defineProperty(window, 'localStorage', {get() { throw new Error('no'); }})"
        )
        await session.open_explorer(explorer_url)
        await session.execute_query('"kind": "pear"')
