"""The explorer follows a subscription of the gateway itself, and ends it when it is stopped."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import psycopg
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, WebSocket, expect

from gateway.db.events import triggers
from gateway.graphiql.examples import EXAMPLES
from tests.conftest import NewDatabase
from tests.graphiql.browser_session import Visit, visit
from tests.support.gateway_server import Process, process, small_demo, tokens_at

pytestmark = pytest.mark.browser
RESOURCES = "{ resources(filter: { state: OK }) { nodes { uuid allowedOperations } } }"
PULL = "mutation($uuid: UUID!) { pullResource(input: { uuid: $uuid }) { __typename } }"
CHANGES = EXAMPLES[-1].query


class Gateway:
    """A gateway with triggers, where each user may have one subscription at a time."""

    def __init__(self, process: Process, tokens: dict[str, str], http: httpx.AsyncClient) -> None:
        self.process, self.url = process, f"{process.url}/graphql"
        self.tokens, self.http = tokens, http

    def headers(self, user: str) -> dict[str, str]:
        """Give what a user sends along."""
        return {"Authorization": f"Token {self.tokens[user]}"}

    async def ask(self, query: str, **variables: Any) -> Any:
        """Give the data of an answer, as the staff."""
        asked = {"query": query, "variables": variables}
        headers = self.headers("staff")
        answer = (await self.http.post(self.url, json=asked, headers=headers)).json()
        assert "errors" not in answer, answer
        return answer["data"]

    async def pullable(self) -> list[str]:
        """Give the uuids of resources that can be pulled."""
        found = (await self.ask(RESOURCES))["resources"]["nodes"]
        return [each["uuid"] for each in found if "PULL_RESOURCE" in each["allowedOperations"]]

    async def pull(self, uuid: str) -> None:
        """Have a resource pulled; the provider then changes it."""
        await self.ask(PULL, uuid=uuid)

    @asynccontextmanager
    async def followed(self, user: str = "staff") -> AsyncIterator[httpx.Response]:
        """Follow the changes as another client does."""
        headers = {**self.headers(user), "Accept": "text/event-stream"}
        asked = {"query": CHANGES}
        async with self.http.stream("POST", self.url, json=asked, headers=headers) as response:
            yield response

    async def room(self, user: str = "staff") -> bool:
        """Say whether a user may have one more subscription."""
        async with self.followed(user) as response:
            return response.status_code == httpx.codes.OK


@pytest.fixture(scope="module")
def url(new_database: NewDatabase) -> str:
    """Give the address of a small demo with triggers."""
    url = small_demo(new_database())
    with psycopg.connect(url) as connection:
        triggers.install(connection)
    return url


@asynccontextmanager
async def _serving(url: str) -> AsyncIterator[Gateway]:
    """Serve the demo; its provider carries out at once what is asked of it."""
    with process(database_url=url, provider_seconds="0", user_subscriptions="1") as serving:
        async with httpx.AsyncClient(timeout=20) as http:
            yield Gateway(serving, tokens_at(url), http)


@pytest_asyncio.fixture(scope="module")
async def gateway(url: str) -> AsyncIterator[Gateway]:
    """Give a gateway over the demo."""
    async with _serving(url) as serving:
        yield serving


def _inits(page: Page) -> list[dict[str, Any]]:
    """Keep what the page's WebSockets say first."""
    said: list[dict[str, Any]] = []

    def sent(frame: str | bytes) -> None:
        message = json.loads(frame)
        if message["type"] == "connection_init":
            said.append(message)

    def opened(socket: WebSocket) -> None:
        socket.on("framesent", sent)

    page.on("websocket", opened)
    return said


async def _subscribe(seen: Visit, headers: dict[str, str] | None = None) -> None:
    """Subscribe in the example's tab, with other headers in their editor if they are given."""
    await seen.turn_to("Changes")
    if headers is not None:
        await seen.press("Headers")
        editor = seen.page.locator("[aria-label=Headers] .graphiql-editor:not(.hidden) .CodeMirror")
        await editor.evaluate("(it, text) => it.CodeMirror.setValue(text)", json.dumps(headers))
    await seen.press("Execute query")


async def _shown(seen: Visit, gateway: Gateway, uuid: str) -> None:
    """Have a resource pulled until the page, which is about to subscribe, shows it."""
    async with asyncio.timeout(20):
        while f'"uuid": "{uuid}"' not in await seen.text("response").inner_text():
            await gateway.pull(uuid)
            await asyncio.sleep(0.5)


async def test_changes_are_seen_as_they_come_until_they_are_stopped(
    browser: Browser, gateway: Gateway
) -> None:
    first, second, later, *_ = await gateway.pullable()
    async with visit(browser, gateway.url) as seen:
        await _subscribe(seen)
        await _shown(seen, gateway, first)
        assert not await gateway.room()
        await gateway.pull(second)
        await expect(seen.text("response")).to_contain_text(f'"uuid": "{second}"')
        await expect(seen.text("response")).to_contain_text('"kind": "UPDATED"')
        await seen.press("Stop query")
        await _until_room(gateway)
        await _followed(gateway, later)
        await expect(seen.text("response")).to_contain_text(second)
        await expect(seen.text("response")).not_to_contain_text(later)


async def _until_room(gateway: Gateway) -> None:
    """Wait until the staff may have one more subscription."""
    async with asyncio.timeout(5):
        while True:
            if await gateway.room():
                return
            await asyncio.sleep(0.05)


async def _followed(gateway: Gateway, uuid: str) -> None:
    """Pull a resource, until another client was told of it."""
    async with asyncio.timeout(10), gateway.followed() as response:
        lines = response.aiter_lines()
        await anext(lines)
        await gateway.pull(uuid)
        async for line in lines:
            if uuid in line:
                return


async def test_the_token_is_that_of_the_headers_editor(browser: Browser, gateway: Gateway) -> None:
    uuid, *_ = await gateway.pullable()
    async with visit(browser, gateway.url) as seen:
        said = _inits(seen.page)
        token = {"authorization": f"Token {gateway.tokens['support']}"}
        await _subscribe(seen, token)
        await _shown(seen, gateway, uuid)
        assert (await gateway.room("support"), await gateway.room("staff")) == (False, True)
        assert [each["payload"] for each in said] == [token]


async def test_a_token_that_does_not_count_is_told_of(browser: Browser, gateway: Gateway) -> None:
    async with visit(browser, gateway.url) as seen:
        await _subscribe(seen, {"Authorization": "Token 0"})
        await _ended(seen, "Invalid token.")


async def test_a_connection_that_is_lost_is_told_of(browser: Browser, url: str) -> None:
    async with _serving(url) as ending, visit(browser, ending.url) as seen:
        uuid, *_ = await ending.pullable()
        await _subscribe(seen)
        await _shown(seen, ending, uuid)
        ending.process.end(signal.SIGTERM)
        await _ended(seen, "The connection was lost (1012).")


async def _ended(seen: Visit, why: str) -> None:
    """See that a subscription ends with a reason; GraphiQL's client lets it go through uncaught."""
    await expect(seen.text("response")).to_contain_text(why)
    await expect(seen.page.get_by_label("Execute query")).to_be_visible()
    assert seen.complaints == [why]
    seen.complaints.clear()


OPENED = """url => new Promise(resolve => {
  document.addEventListener("securitypolicyviolation", each => resolve(each.effectiveDirective));
  const socket = new WebSocket(url, "graphql-transport-ws");
  socket.onopen = () => resolve("open");
})"""


async def test_the_pages_policy_lets_websockets_through_to_its_own_host_alone(
    browser: Browser, gateway: Gateway
) -> None:
    own, other = gateway.url.replace("http", "ws"), "ws://127.0.0.1:9/graphql"
    async with await browser.new_context() as context:
        page = await context.new_page()
        await page.goto(gateway.url)
        assert await page.evaluate(OPENED, own) == "open"
        assert await page.evaluate(OPENED, other) == "connect-src"
