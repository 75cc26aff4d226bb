"""The explorer in a browser, over a small real schema."""

from collections.abc import AsyncIterator, Iterator

import pytest
import strawberry
from playwright.async_api import Browser, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from strawberry.asgi import GraphQL

from gateway.graphiql.page import Example, page, routes
from tests.graphiql.browser_session import explores, served, visit

pytestmark = pytest.mark.browser

TOKEN = "Token 0f1e2d3c"
HEADERS = {"Authorization": TOKEN}
EXAMPLES = [
    Example(
        "Fruit </script><script>alert(1)</script>\nand how much of it",
        "query Fruit($kind: String!) {\n  fruit(kind: $kind) {\n    kind\n    kilos\n  }\n}",
        '{"kind": "pear"}',
    ),
    Example("Who asks", "query WhoAsks {\n  caller\n}"),
    Example("Numbers as they come", "subscription Counting {\n  count\n}"),
]


@strawberry.type
class Fruit:
    """Something sweet."""

    kind: str
    kilos: int = 3


@strawberry.type
class Query:
    """What can be asked."""

    @strawberry.field
    def fruit(self, kind: str) -> Fruit:
        """Give some fruit."""
        return Fruit(kind=kind)

    @strawberry.field
    def caller(self, info: strawberry.Info) -> str:
        """Give the header that came along."""
        return str(info.context["request"].headers["authorization"])


@strawberry.type
class Subscription:
    """What can be followed."""

    @strawberry.subscription
    async def count(self, info: strawberry.Info) -> AsyncIterator[str]:
        """Count to two for the one who asks."""
        for number in (1, 2):
            yield f"{number} for {info.context['connection_params']['Authorization']}"


async def explorer(request: Request) -> Response:
    return page(headers=HEADERS, examples=EXAMPLES)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    schema = strawberry.Schema(query=Query, subscription=Subscription)
    endpoint: GraphQL[None, None] = GraphQL(schema, graphql_ide=None)
    app = Starlette(
        routes=[
            Route("/graphql", explorer, methods=["GET"]),
            Route("/graphql", endpoint),
            WebSocketRoute("/graphql", endpoint),
            *routes(),
        ]
    )
    with served(app) as address:
        yield f"{address}/graphql"


async def test_explores_without_another_host(browser: Browser, url: str) -> None:
    await explores(browser, url, answer='"kind": "pear"', headers=HEADERS, field="caller")


async def test_every_example_has_a_tab_that_tells_what_it_shows(browser: Browser, url: str) -> None:
    async with visit(browser, url) as seen:
        assert await seen.page.title() == "Marketplace gateway"
        tabs = await seen.page.get_by_role("tab").all_inner_texts()
        assert tabs == ["Fruit", "WhoAsks", "Counting"]
        await expect(seen.text("query")).to_contain_text("# Fruit </script><script>alert(1)")
        await expect(seen.text("query")).to_contain_text("# and how much of it")
        await expect(seen.text("variables")).to_contain_text('{"kind": "pear"}')
        await seen.turn_to("WhoAsks")
        await expect(seen.text("query")).to_contain_text("# Who asks")
        await expect(seen.text("variables")).not_to_contain_text("pear")
        await seen.execute(TOKEN)


async def test_follows_a_subscription(browser: Browser, url: str) -> None:
    async with visit(browser, url) as seen:
        await seen.turn_to("Counting")
        await seen.execute(f"2 for {TOKEN}")
        assert seen.addresses[-1].startswith("ws://")


async def test_keeps_tabs_but_never_the_token(browser: Browser, url: str) -> None:
    async with visit(browser, url) as seen:
        await seen.turn_to("WhoAsks")
        await seen.execute(TOKEN)
        await seen.text("query").click()
        await seen.page.keyboard.press("ControlOrMeta+Home")
        await seen.page.keyboard.type("# my note\n")
        kept = await seen.kept("tabState", "# my note")
        assert "graphiql:queries" in kept
        assert TOKEN not in kept
        await seen.open(url)
        await expect(seen.text("query")).to_contain_text("# my note")
        await seen.execute(TOKEN)


async def test_a_query_of_an_earlier_visit_is_sent_with_the_headers(
    browser: Browser, url: str
) -> None:
    async with visit(browser, url) as seen:
        await seen.turn_to("WhoAsks")
        await seen.execute(TOKEN)
        await seen.open(url)
        await seen.turn_to("Fruit")
        await seen.take_from_history("WhoAsks")
        await seen.execute(TOKEN)


async def test_follows_the_systems_colours(browser: Browser, url: str) -> None:
    async with visit(browser, url, "light") as light, visit(browser, url, "dark") as dark:
        for seen, colour in ((light, "rgb(255, 255, 255)"), (dark, "rgb(33, 42, 59)")):
            container = seen.page.locator(".graphiql-container")
            await expect(container).to_have_css("background-color", colour)


async def test_works_where_the_browser_keeps_nothing(browser: Browser, url: str) -> None:
    async with visit(browser, url) as seen:
        await seen.page.add_init_script(
            "Object.defineProperty(window, 'localStorage', {get() { throw new Error('no'); }})"
        )
        await seen.open(url)
        await seen.execute('"kind": "pear"')
