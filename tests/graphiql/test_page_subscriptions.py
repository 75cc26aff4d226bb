"""Subscriptions of the gateway on the GraphiQL page: their messages, their end, their errors."""

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
from gateway.graphiql.examples import EXAMPLE_QUERIES
from tests.conftest import DatabaseFactory
from tests.graphiql.browser_session import BrowserSession, open_session
from tests.support.gateway_server import (
    GatewayProcess,
    create_small_demo,
    load_user_tokens,
    run_gateway_process,
)
from tests.support.time_limits import scale_seconds, time_limit, wait_until_async

pytestmark = pytest.mark.browser
PULLABLE_QUERY = "{ resources(filter: { state: OK }) { nodes { uuid allowedOperations } } }"
PULL_MUTATION = "mutation($uuid: UUID!) { pullResource(input: { uuid: $uuid }) { __typename } }"
CHANGES_SUBSCRIPTION = next(
    each.query for each in EXAMPLE_QUERIES if "resourceChanged" in each.query
)


class SubscriptionGateway:
    """A client of a gateway with event triggers and a quota of one subscription per user."""

    def __init__(
        self, process: GatewayProcess, tokens: dict[str, str], http_client: httpx.AsyncClient
    ) -> None:
        self.process, self.url = process, f"{process.url}/graphql"
        self.tokens, self.http_client = tokens, http_client

    def build_headers(self, username: str) -> dict[str, str]:
        """Return the HTTP headers of a user's requests."""
        return {"Authorization": f"Token {self.tokens[username]}"}

    async def execute_query(self, query: str, **variables: Any) -> Any:
        """Execute a query as staff and return its data."""
        body = {"query": query, "variables": variables}
        headers = self.build_headers("staff")
        result = (await self.http_client.post(self.url, json=body, headers=headers)).json()
        assert "errors" not in result, result
        return result["data"]

    async def list_pullable_resources(self) -> list[str]:
        """Return the uuids of resources that staff can pull."""
        nodes = (await self.execute_query(PULLABLE_QUERY))["resources"]["nodes"]
        return [each["uuid"] for each in nodes if "PULL_RESOURCE" in each["allowedOperations"]]

    async def pull_resource(self, uuid: str) -> None:
        """Pull a resource; the provider then changes it."""
        await self.execute_query(PULL_MUTATION, uuid=uuid)

    @asynccontextmanager
    async def follow_changes(self, username: str = "staff") -> AsyncIterator[httpx.Response]:
        """Subscribe to changes over HTTP; yield the response."""
        headers = {**self.build_headers(username), "Accept": "text/event-stream"}
        body = {"query": CHANGES_SUBSCRIPTION}
        async with self.http_client.stream(
            "POST", self.url, json=body, headers=headers
        ) as response:
            yield response

    async def has_subscription_quota(self, username: str = "staff") -> bool:
        """Return whether a user may have one more subscription."""
        async with self.follow_changes(username) as response:
            return response.status_code == httpx.codes.OK


@pytest.fixture(scope="module")
def demo_url(new_database: DatabaseFactory) -> str:
    """Return the URL of a small demo database with event triggers."""
    database_url = create_small_demo(new_database())
    with psycopg.connect(database_url) as connection:
        triggers.install_triggers(connection)
    return database_url


@asynccontextmanager
async def _serve_gateway(demo_url: str) -> AsyncIterator[SubscriptionGateway]:
    """Serve the demo, whose provider carries out orders and pulls at once."""
    with run_gateway_process(
        database_url=demo_url, provider_seconds="0", user_subscriptions="1", dev="on"
    ) as gateway_process:
        async with httpx.AsyncClient(timeout=scale_seconds(20)) as http:
            yield SubscriptionGateway(gateway_process, load_user_tokens(demo_url), http)


@pytest_asyncio.fixture(scope="module")
async def gateway_client(demo_url: str) -> AsyncIterator[SubscriptionGateway]:
    """Serve the demo; yield a client."""
    async with _serve_gateway(demo_url) as client:
        yield client


def _record_init_messages(page: Page) -> list[dict[str, Any]]:
    """Return a list that collects the `connection_init` messages of the page's WebSockets."""
    messages: list[dict[str, Any]] = []

    def record_frame(frame: str | bytes) -> None:
        message = json.loads(frame)
        if message["type"] == "connection_init":
            messages.append(message)

    def watch_socket(socket: WebSocket) -> None:
        socket.on("framesent", record_frame)

    page.on("websocket", watch_socket)
    return messages


async def _start_subscription(
    session: BrowserSession, headers: dict[str, str] | None = None
) -> None:
    """Subscribe in the tab of the example, with `headers` in the headers editor unless None."""
    await session.select_tab("Changes")
    if headers is not None:
        await session.enter_headers(headers)
    await session.press_button("Execute query")


async def _pull_until_visible(
    session: BrowserSession, gateway_client: SubscriptionGateway, uuid: str
) -> None:
    """Pull a resource repeatedly until the page, which is about to subscribe, shows its change."""
    async with time_limit(20, "the change to be visible"):
        while f'"uuid": "{uuid}"' not in await session.locate_text("response").inner_text():
            await gateway_client.pull_resource(uuid)
            await asyncio.sleep(0.5)


async def test_changes_are_shown_until_the_subscription_is_stopped(
    browser: Browser, gateway_client: SubscriptionGateway
) -> None:
    first_uuid, second_uuid, later_uuid, *_ = await gateway_client.list_pullable_resources()
    async with open_session(browser, gateway_client.url) as session:
        await _start_subscription(session)
        await _pull_until_visible(session, gateway_client, first_uuid)
        assert not await gateway_client.has_subscription_quota()
        await gateway_client.pull_resource(second_uuid)
        await expect(session.locate_text("response")).to_contain_text(f'"uuid": "{second_uuid}"')
        await expect(session.locate_text("response")).to_contain_text('"kind": "UPDATED"')
        await session.press_button("Stop query")
        await _wait_for_quota(gateway_client)
        await _pull_until_followed(gateway_client, later_uuid)
        await expect(session.locate_text("response")).to_contain_text(second_uuid)
        await expect(session.locate_text("response")).not_to_contain_text(later_uuid)


async def _wait_for_quota(gateway_client: SubscriptionGateway) -> None:
    """Wait until staff may have one more subscription."""
    await wait_until_async(gateway_client.has_subscription_quota)


async def _pull_until_followed(gateway_client: SubscriptionGateway, uuid: str) -> None:
    """Pull a resource and wait until another subscriber receives its change."""
    async with (
        time_limit(10, "the change to be received"),
        gateway_client.follow_changes() as response,
    ):
        lines = response.aiter_lines()
        await anext(lines)
        await gateway_client.pull_resource(uuid)
        async for line in lines:
            if uuid in line:
                return


async def test_the_token_is_taken_from_the_headers_editor(
    browser: Browser, gateway_client: SubscriptionGateway
) -> None:
    uuid, *_ = await gateway_client.list_pullable_resources()
    async with open_session(browser, gateway_client.url) as session:
        init_messages = _record_init_messages(session.page)
        token = {"authorization": f"Token {gateway_client.tokens['support']}"}
        await _start_subscription(session, token)
        await _pull_until_visible(session, gateway_client, uuid)
        assert (
            await gateway_client.has_subscription_quota("support"),
            await gateway_client.has_subscription_quota("staff"),
        ) == (False, True)
        assert [each["payload"] for each in init_messages] == [token]


async def test_an_invalid_token_is_reported(
    browser: Browser, gateway_client: SubscriptionGateway
) -> None:
    async with open_session(browser, gateway_client.url) as session:
        await _start_subscription(session, {"Authorization": "Token 0"})
        await _expect_subscription_end(session, "Invalid token.")


async def test_a_lost_connection_is_reported(browser: Browser, demo_url: str) -> None:
    async with (
        _serve_gateway(demo_url) as ending_gateway,
        open_session(browser, ending_gateway.url) as session,
    ):
        uuid, *_ = await ending_gateway.list_pullable_resources()
        await _start_subscription(session)
        await _pull_until_visible(session, ending_gateway, uuid)
        ending_gateway.process.end_by_signal(signal.SIGTERM)
        await _expect_subscription_end(session, "The server restarts. Connect again.")


async def _expect_subscription_end(session: BrowserSession, reason: str) -> None:
    """Check that a subscription ended with an error, which GraphiQL's client leaves uncaught."""
    await expect(session.locate_text("response")).to_contain_text(reason)
    await expect(session.page.get_by_label("Execute query")).to_be_visible()
    assert session.console_errors == [reason]
    session.console_errors.clear()


OPEN_SOCKET_SCRIPT = """url => new Promise(resolve => {
  document.addEventListener("securitypolicyviolation", event => resolve(event.effectiveDirective));
  const socket = new WebSocket(url, "graphql-transport-ws");
  socket.onopen = () => resolve("open");
})"""


async def test_content_security_policy_allows_websockets_to_the_own_host_only(
    browser: Browser, gateway_client: SubscriptionGateway
) -> None:
    own_url, other_url = gateway_client.url.replace("http", "ws"), "ws://127.0.0.1:9/graphql"
    async with await browser.new_context() as context:
        page = await context.new_page()
        await page.goto(gateway_client.url)
        assert await page.evaluate(OPEN_SOCKET_SCRIPT, own_url) == "open"
        assert await page.evaluate(OPEN_SOCKET_SCRIPT, other_url) == "connect-src"
