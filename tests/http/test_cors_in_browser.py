"""A portal's page on another origin in a browser: queries, errors, streams, uploads, WebSockets."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from tests.conftest import DatabaseFactory
from tests.graphiql.browser_session import serve_app
from tests.graphiql.conftest import browser
from tests.support.gateway_server import create_small_demo
from tests.transports.streaming_server import (
    RESOURCE_CHANGED_SUBSCRIPTION,
    ServedGateway,
    serve_gateway,
)

__all__ = ["browser"]
pytestmark = pytest.mark.browser

FETCH_SCRIPT = """async ([url, headers, body]) => {
    try {
        const response = await fetch(url, {method: "POST", headers, body: JSON.stringify(body)});
        const reader = response.body.getReader();
        const text = new TextDecoder().decode((await reader.read()).value);
        await reader.cancel();
        return [response.status, response.headers.get("X-Request-ID"), text];
    } catch (error) {
        return error.name;
    }
}"""
UPLOAD_SCRIPT = """async ([url, headers]) => {
    const body = new FormData();
    body.append("operations", "{}");
    try {
        return (await fetch(url, {method: "POST", headers, body})).status;
    } catch (error) {
        return error.name;
    }
}"""
SOCKET_SCRIPT = """async (url) => await new Promise((resolve) => {
    const socket = new WebSocket(url, "graphql-transport-ws");
    socket.onopen = () => resolve("open");
    socket.onerror = () => resolve("error");
})"""


@pytest.fixture(scope="module")
def portal_url() -> Iterator[str]:
    """Yield the URL of an empty page."""

    async def serve_page(_request: Request) -> Response:
        return HTMLResponse("<!doctype html><title>Portal</title>")

    with serve_app(Starlette(routes=[Route("/", serve_page)])) as address:
        yield address


@pytest_asyncio.fixture(scope="module")
async def gateway(new_database: DatabaseFactory, portal_url: str) -> AsyncIterator[ServedGateway]:
    """Yield a gateway that the portal's page may use."""
    database_url = create_small_demo(new_database())
    async with serve_gateway(database_url, origins=portal_url) as served_gateway:
        yield served_gateway


@asynccontextmanager
async def open_page(browser: Browser, url: str) -> AsyncIterator[Page]:
    """Open a page in a new browser profile."""
    async with await browser.new_context() as context:
        page = await context.new_page()
        await page.goto(url)
        yield page


async def fetch_response(
    page: Page, gateway: ServedGateway, query: str = "{ __typename }", **headers: str
) -> Any:
    """Return status, request id and first chunk of a response, or the name of fetch's error."""
    all_headers = {
        "Content-Type": "application/json",
        "X-Request-ID": "the-id",
        **gateway.create_auth_header(),
        **headers,
    }
    return await page.evaluate(FETCH_SCRIPT, [gateway.url, all_headers, {"query": query}])


async def test_pages_of_an_allowed_origin_use_all_transports(
    browser: Browser, portal_url: str, gateway: ServedGateway
) -> None:
    async with open_page(browser, portal_url) as page:
        status, request_id, text = await fetch_response(page, gateway)
        assert (status, request_id) == (200, "the-id")
        assert json.loads(text) == {"data": {"__typename": "Query"}}
        status, request_id, text = await fetch_response(page, gateway, Authorization="Token no")
        assert (status, request_id) == (401, "the-id")
        assert "UNAUTHENTICATED" in text
        for media_type in (
            "text/event-stream",
            'multipart/mixed;boundary="graphql";subscriptionSpec=1.0',
        ):
            stream = await fetch_response(
                page, gateway, RESOURCE_CHANGED_SUBSCRIPTION, Accept=media_type
            )
            assert stream[:2] == [200, "the-id"]
        upload_headers = {"GraphQL-Preflight": "1", **gateway.create_auth_header()}
        assert await page.evaluate(UPLOAD_SCRIPT, [gateway.url, upload_headers]) == 400
        assert await page.evaluate(SOCKET_SCRIPT, gateway.url.replace("http", "ws")) == "open"


async def test_pages_of_other_origins_can_read_nothing(
    browser: Browser, portal_url: str, gateway: ServedGateway
) -> None:
    foreign_url = portal_url.replace("127.0.0.1", "localhost")
    async with open_page(browser, foreign_url) as page:
        assert await fetch_response(page, gateway) == "TypeError"
        upload_headers = {"GraphQL-Preflight": "1"}
        assert await page.evaluate(UPLOAD_SCRIPT, [gateway.url, upload_headers]) == "TypeError"
        assert await page.evaluate(SOCKET_SCRIPT, gateway.url.replace("http", "ws")) == "error"
