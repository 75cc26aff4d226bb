"""docs/behind-a-proxy.md: its configurations of nginx and HAProxy, run in front of a gateway."""

import asyncio
import json
import re
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect
from starlette.types import ASGIApp, Receive, Scope, Send
from websockets.exceptions import InvalidStatus

from gateway.config.settings import load_settings
from gateway.transports.stream_framing import SSE_FRAMING
from tests.conftest import DatabaseFactory
from tests.graphiql.browser_session import BrowserSession
from tests.graphiql.conftest import browser
from tests.graphiql.test_page import PageElements
from tests.http.test_cors import PORTAL_ORIGIN, PREFLIGHT, expect_readable
from tests.support.gateway_server import create_small_demo
from tests.support.proxy_servers import (
    PROXY_PAGE,
    ROOT_PATH,
    PathHandling,
    ProxyName,
    RunningProxy,
    create_certificate,
    describe_missing_program,
    run_proxy,
)
from tests.support.time_limits import scale_seconds, time_limit
from tests.transports.streaming_server import (
    RESOURCE_CHANGED_SUBSCRIPTION,
    ServedGateway,
    open_websocket,
    serve_gateway,
    wait_for_subscribers,
)
from tests.transports.test_http_stream import StreamReader

__all__ = ["browser"]

JSON_QUERY = {"query": "{ __typename }"}
JSON_RESULT = {"data": {"__typename": "Query"}}
PROXY_NAMES: tuple[ProxyName, ...] = ("nginx", "haproxy")
PATH_HANDLINGS: tuple[PathHandling, ...] = ("root", "forwarded", "stripped")


class RequestRecorder:
    """Middleware that records what the proxy sends."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.scopes: list[Scope] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Record a request and handle it."""
        self.scopes.append(dict(scope))
        await self._app(scope, receive, send)

    def list_header_values(self, name: str) -> list[str]:
        """Return the values of a header of the last request."""
        return [
            value.decode() for each, value in self.scopes[-1]["headers"] if each == name.encode()
        ]


class ProxyClient:
    """Clients of one proxy, and the gateway behind it."""

    def __init__(
        self,
        proxy: RunningProxy,
        gateway: ServedGateway,
        recorder: RequestRecorder,
        http: httpx.AsyncClient,
    ) -> None:
        self.proxy, self.gateway, self.recorder, self.http = proxy, gateway, recorder, http

    async def post_query(self, **headers: str) -> httpx.Response:
        """Send a short query as staff."""
        all_headers = {
            **self.gateway.create_auth_header(),
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        return await self.http.post(self.proxy.url, json=JSON_QUERY, headers=all_headers)

    @asynccontextmanager
    async def open_stream(self) -> AsyncIterator[StreamReader]:
        """Open a stream of changed resources over Server-Sent Events."""
        headers = {**self.gateway.create_auth_header(), "Accept": "text/event-stream"}
        body = {"query": RESOURCE_CHANGED_SUBSCRIPTION}
        async with self.http.stream("POST", self.proxy.url, json=body, headers=headers) as response:
            assert response.status_code == 200
            yield StreamReader(response, "\n\n")

    def open_websocket(self, **headers: str) -> Any:
        """Open a WebSocket with these headers through the proxy."""
        return open_websocket(
            self.gateway,
            uri=self.proxy.url.replace("https", "wss"),
            ssl=load_trust(self.proxy),
            additional_headers=headers,
        )


def load_trust(proxy: RunningProxy) -> ssl.SSLContext:
    """Return a TLS context that trusts the proxy's certificate alone."""
    return ssl.create_default_context(cafile=proxy.certificate)


def rename_resource(gateway: ServedGateway) -> str:
    """Rename a resource, which is an event, and return its new name."""
    name = f"name {uuid4().hex}"
    gateway.rename_resource(name)
    return name


@pytest.fixture(scope="module")
def certificate_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a certificate."""
    folder = tmp_path_factory.mktemp("tls")
    create_certificate(folder)
    return folder


@pytest.fixture(scope="module")
def database_url(new_database: DatabaseFactory) -> str:
    """Return the URL of a demo whose resources tests may rename."""
    return create_small_demo(new_database())


@asynccontextmanager
async def serve_behind_proxy(
    name: ProxyName, path_handling: PathHandling, database_url: str, folder: Path
) -> AsyncIterator[ProxyClient]:
    """Serve the demo behind a proxy with the settings of the page."""
    recorders: list[RequestRecorder] = []

    def record_requests(app: ASGIApp) -> ASGIApp:
        recorders.append(RequestRecorder(app))
        return recorders[0]

    async with AsyncExitStack() as exit_stack:
        gateway = await exit_stack.enter_async_context(
            serve_gateway(
                database_url,
                wrap_app=record_requests,
                trusted_proxies="127.0.0.1/32",
                root_path="" if path_handling == "root" else ROOT_PATH,
                origins=PORTAL_ORIGIN,
                graphiql="on",
            )
        )
        proxy = exit_stack.enter_context(run_proxy(name, path_handling, gateway.port, folder))
        http = await exit_stack.enter_async_context(
            httpx.AsyncClient(verify=load_trust(proxy), timeout=scale_seconds(10))
        )
        yield ProxyClient(proxy, gateway, recorders[0], http)


@pytest_asyncio.fixture(scope="module", params=PROXY_NAMES)
async def client(
    request: pytest.FixtureRequest, database_url: str, certificate_folder: Path
) -> AsyncIterator[ProxyClient]:
    """Yield the clients of a proxy that publishes the gateway at the root of its host."""
    skip_without_programs(request.param)
    async with serve_behind_proxy(
        request.param, "root", database_url, certificate_folder
    ) as proxy_client:
        yield proxy_client


def skip_without_programs(name: ProxyName) -> None:
    """Skip the test if the proxy or a program that the test needs is not installed."""
    if missing := describe_missing_program(name, "openssl", "curl"):
        pytest.skip(missing)


def test_documented_settings_are_valid() -> None:
    exports = re.findall(r"export (GATEWAY_\w+)='(.*?)'", PROXY_PAGE)
    assert len(exports) == 3
    assert load_settings(dict(exports)).root_path == ROOT_PATH


async def test_queries_are_forwarded_with_host_and_address(client: ProxyClient) -> None:
    response = await client.post_query(
        X_Forwarded_For="192.0.2.1",
        X_Forwarded_Proto="http",
        X_Forwarded_Host="evil.example",
        X_Request_ID="the-id",
    )
    assert response.json() == JSON_RESULT
    assert response.headers["X-Request-ID"] == "the-id"
    host = client.proxy.origin.removeprefix("https://")
    expected_values = {
        "host": [host],
        "x-forwarded-host": [host],
        "x-forwarded-proto": ["https"],
        "x-forwarded-for": ["127.0.0.1"],
        "connection": [],
    }
    for name, values in expected_values.items():
        assert client.recorder.list_header_values(name) == values


MAX_KEPT_CONNECTIONS = 2
"""Connections for requests one after the other: HAProxy keeps one in each of its two threads."""


async def test_connections_to_the_gateway_are_kept(client: ProxyClient) -> None:
    first_index = len(client.recorder.scopes)
    for _ in range(10):
        assert (await client.post_query()).status_code == 200
    peers = {scope["client"] for scope in client.recorder.scopes[first_index:]}
    assert len(peers) <= MAX_KEPT_CONNECTIONS


async def test_http_2_is_spoken_with_clients(client: ProxyClient) -> None:
    """Check the certificate and the result of a query with curl."""
    arguments = ["--silent", "--show-error", "--http2", "--cacert", str(client.proxy.certificate)]
    arguments += ["--header", "Content-Type: application/json", "--data", json.dumps(JSON_QUERY)]
    arguments += ["--write-out", "\\n%{http_version} %{response_code}", client.proxy.url]
    curl = await asyncio.create_subprocess_exec("curl", *arguments, stdout=subprocess.PIPE)
    async with time_limit(10, "curl"):
        output, _ = await curl.communicate()
    body, statistics = output.decode().splitlines()
    assert (json.loads(body), statistics) == (JSON_RESULT, "2 200")
    host = client.proxy.origin.removeprefix("https://")
    for name in ("host", "x-forwarded-host"):
        assert client.recorder.list_header_values(name) == [host]


async def test_events_arrive_while_the_stream_is_open(
    client: ProxyClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events pass at once; so does the end of the connection, without a ping that fails."""
    monkeypatch.setitem(vars(SSE_FRAMING), "ping_interval_seconds", 3600)
    async with client.open_stream() as stream:
        await wait_for_subscribers(client.gateway)
        for _ in range(2):
            name = rename_resource(client.gateway)
            _, payload = await stream.read_event()
            assert payload["data"]["resourceChanged"]["resource"]["name"] == name
    await wait_for_subscribers(client.gateway, 0)


async def test_websockets_of_the_own_origin_are_forwarded(client: ProxyClient) -> None:
    async with client.open_websocket(Origin=client.proxy.origin) as websocket:
        await websocket.init_connection(**client.gateway.create_auth_header())
        await websocket.start_operation(RESOURCE_CHANGED_SUBSCRIPTION)
        await wait_for_subscribers(client.gateway)
        name = rename_resource(client.gateway)
        assert (await websocket.receive_event())["resource"]["name"] == name
    await wait_for_subscribers(client.gateway, 0)


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_websockets_of_foreign_origins_are_refused(client: ProxyClient, scheme: str) -> None:
    foreign_origins = {"http": client.proxy.origin.replace("https", "http")}
    origin = foreign_origins.get(scheme, "https://evil.example")
    spoofed_headers = {
        "X-Forwarded-Proto": scheme,
        "X-Forwarded-Host": origin.partition("://")[2],
    }
    with pytest.raises(InvalidStatus) as caught:
        async with client.open_websocket(Origin=origin, **spoofed_headers):
            pass
    assert caught.value.response.status_code == 403


async def test_other_upgrades_are_not_forwarded(client: ProxyClient) -> None:
    response = await client.post_query(
        Connection="Upgrade, HTTP2-Settings", Upgrade="h2c", HTTP2_Settings="AAMAAABkAAQAAP__"
    )
    assert response.json() == JSON_RESULT
    assert client.recorder.list_header_values("upgrade") == []


async def test_portals_may_read_responses(client: ProxyClient) -> None:
    preflight = await client.http.options(client.proxy.url, headers=PREFLIGHT)
    assert preflight.status_code == 204
    assert preflight.headers["Access-Control-Allow-Origin"] == PORTAL_ORIGIN
    expect_readable(await client.post_query(Origin=PORTAL_ORIGIN))
    response = await client.post_query(Origin=PORTAL_ORIGIN, Authorization="Token wrong")
    assert response.status_code == 401
    expect_readable(response)


@pytest.mark.parametrize("size", [1_100_000, 10_900_000])
async def test_large_bodies_are_refused_by_the_gateway(client: ProxyClient, size: int) -> None:
    content = b"[" + b" " * size
    headers = {"Content-Type": "application/json", "Origin": PORTAL_ORIGIN}
    response = await client.http.post(client.proxy.url, content=content, headers=headers)
    assert response.status_code == 413
    expect_readable(response)


@pytest.mark.parametrize("path", ["/", "/metrics", "/livez", "/readyz", "/graphql/", "/elsewhere"])
async def test_other_paths_are_not_public(client: ProxyClient, path: str) -> None:
    response = await client.http.get(f"{client.proxy.origin}{path}")
    assert response.status_code == 404


@pytest.mark.parametrize("name", PROXY_NAMES)
@pytest.mark.parametrize("path_handling", PATH_HANDLINGS)
async def test_everything_works_below_a_path(
    name: ProxyName, path_handling: PathHandling, database_url: str, certificate_folder: Path
) -> None:
    skip_without_programs(name)
    async with serve_behind_proxy(
        name, path_handling, database_url, certificate_folder
    ) as path_client:
        assert (await path_client.post_query()).json() == JSON_RESULT
        async with path_client.open_websocket(Origin=path_client.proxy.origin) as websocket:
            await websocket.init_connection()
        async with path_client.open_stream():
            await wait_for_subscribers(path_client.gateway)
        await check_graphiql_files(path_client)
        http, base_url = path_client.http, path_client.proxy.url.removesuffix("/graphql")
        attachment = await http.get(f"{base_url}/attachments/{'0' * 32}.pdf")
        assert (attachment.status_code, attachment.text) == (404, "There is no such file.\n")
        for path in ("metrics", "livez", "readyz"):
            for url in (f"{base_url}/{path}", f"{path_client.proxy.origin}/{path}"):
                response = await http.get(url)
                assert (response.status_code, "gateway_" in response.text) == (404, False)


async def check_graphiql_files(path_client: ProxyClient) -> None:
    """Check that each file that GraphiQL loads is served through the proxy."""
    page = await path_client.http.get(path_client.proxy.url, headers={"Accept": "text/html"})
    files = PageElements(page.text).list_urls(path_client.proxy.url)
    assert len(files) == 9
    for url in files:
        assert (await path_client.http.get(url)).status_code == 200


@pytest.mark.browser
@pytest.mark.parametrize("name", PROXY_NAMES)
async def test_graphiql_works_below_a_path(
    browser: Browser, name: ProxyName, database_url: str, certificate_folder: Path
) -> None:
    skip_without_programs(name)
    async with (
        serve_behind_proxy(name, "stripped", database_url, certificate_folder) as path_client,
        await browser.new_context(ignore_https_errors=True) as context,
    ):
        session = BrowserSession(await context.new_page())
        await session.open_explorer(path_client.proxy.url)
        await session.execute_query('"data"')
        await session.select_tab("Changes")
        await session.enter_headers(path_client.gateway.create_auth_header())
        await session.press_button("Execute query")
        await wait_for_subscribers(path_client.gateway)
        new_name = rename_resource(path_client.gateway)
        await expect(session.locate_text("response")).to_contain_text(new_name)
        prefix = path_client.proxy.url.partition("://")[2]
        assert {url.partition("://")[2].startswith(prefix) for url in session.requested_urls} == {
            True
        }
