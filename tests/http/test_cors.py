"""CORS: web pages of allowed origins may read responses, errors included; others may not."""

import json
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from tests.conftest import DatabaseFactory
from tests.http.test_request_body_uploads import (
    PDF_CONTENT,
    RENEW_MUTATION,
    multipart_fields,
    renewal_operation,
    send_multipart,
)
from tests.support.broken_columns import break_column
from tests.support.gateway_server import create_small_demo, serve_in_process
from tests.support.mutable_demo import MutableDemo, serve_mutable_demo
from tests.support.time_limits import scale_seconds
from tests.transports.streaming_server import RESOURCE_CHANGED_SUBSCRIPTION, serve_gateway

PORTAL_ORIGIN = "https://portal.example.org"
PORTAL = {"Origin": PORTAL_ORIGIN}
VALID_BODY = b'{"query": "{ __typename }"}'
PREFLIGHT = {
    **PORTAL,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type",
}
NEEDED_HEADERS = {
    "accept",
    "apollo-require-preflight",
    "authorization",
    "content-type",
    "graphql-preflight",
    "last-event-id",
    "x-apollo-operation-name",
    "x-request-id",
    "x-requested-with",
}
FOREIGN_ORIGINS = [
    "https://elsewhere.example.org",
    "http://portal.example.org",
    "https://portal.example.org:8443",
    "https://portal.example.org.evil.example",
    "https://portal.example.org/",
    "http://gateway",
    "null",
    "*",
    "",
]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: DatabaseFactory) -> AsyncIterator[MutableDemo]:
    """Yield a demo that pages of one other origin may use."""
    async with serve_mutable_demo(
        new_database(), origins=PORTAL_ORIGIN, user_subscriptions="1", graphiql="on"
    ) as mutable_demo:
        yield mutable_demo


def select_cors_headers(response: httpx.Response) -> dict[str, str]:
    """Return the response's headers of CORS."""
    return {
        name: value
        for name, value in response.headers.items()
        if name.startswith("access-control-")
    }


def expect_readable(response: httpx.Response, origin: str = PORTAL_ORIGIN) -> None:
    """Check that pages of an origin may read a response and its headers, without cookies."""
    cors_headers = select_cors_headers(response)
    assert cors_headers["access-control-allow-origin"] == origin
    exposed = cors_headers["access-control-expose-headers"].split(", ")
    assert {"x-request-id", "retry-after"} <= set(exposed)
    assert len(cors_headers) == 2
    assert "Origin" in response.headers["Vary"].split(", ")


@pytest.mark.parametrize("path", ["/graphql", "/attachments/x.pdf"])
async def test_preflight_of_an_allowed_origin(demo: MutableDemo, path: str) -> None:
    response = await demo.client.http.options(path, headers=PREFLIGHT)
    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["Access-Control-Allow-Origin"] == PORTAL_ORIGIN
    assert "POST" in response.headers["Access-Control-Allow-Methods"].split(", ")
    assert set(response.headers["Access-Control-Allow-Headers"].split(", ")) >= NEEDED_HEADERS
    assert response.headers["Access-Control-Max-Age"] == "7200"
    assert response.headers["Vary"] == "Origin"
    assert "Access-Control-Allow-Credentials" not in response.headers


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
async def test_preflight_of_a_foreign_origin_is_refused(demo: MutableDemo, origin: str) -> None:
    response = await demo.client.http.options("/graphql", headers={**PREFLIGHT, "Origin": origin})
    assert (response.status_code, select_cors_headers(response)) == (403, {})
    (error,) = response.json()["errors"]
    assert error["message"] == "Web pages of this origin may not use this API."


@pytest.mark.parametrize("path", ["/", "/metrics", "/livez", "/readyz", "/elsewhere"])
async def test_other_paths_have_no_cors(demo: MutableDemo, path: str) -> None:
    preflight_response = await demo.client.http.options(path, headers=PREFLIGHT)
    assert preflight_response.status_code in (404, 405)
    for response in (preflight_response, await demo.client.http.get(path, headers=PORTAL)):
        assert select_cors_headers(response) == {}


@pytest.mark.parametrize("headers", [{}, PORTAL, {"Access-Control-Request-Method": "POST"}])
async def test_other_options_requests_get_the_methods(
    demo: MutableDemo, headers: dict[str, str]
) -> None:
    response = await demo.client.http.options("/graphql", headers=headers)
    assert (response.status_code, select_cors_headers(response)) == (204, {})
    assert "POST" in response.headers["Allow"].split(", ")


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (VALID_BODY, {}, 200),
        (b'{"query": "{ nothing }"}', {"accept": "application/graphql-response+json"}, 400),
        (b"", {}, 400),
        (b"[" + b" " * 1_000_000, {}, 413),
        (VALID_BODY, {"content-type": "text/plain"}, 415),
        (VALID_BODY, {"authorization": "Token wrong"}, 401),
        (json.dumps({"query": RESOURCE_CHANGED_SUBSCRIPTION}).encode(), {}, 406),
    ],
)
async def test_every_response_is_readable(
    demo: MutableDemo, body: bytes, headers: dict[str, str], status: int
) -> None:
    response = await demo.client.post(body, **PORTAL, **headers)
    assert response.status_code == status
    expect_readable(response)


async def test_a_rejected_method_is_readable(demo: MutableDemo) -> None:
    response = await demo.client.http.put("/graphql", headers=PORTAL)
    assert response.status_code == 405
    expect_readable(response)


async def test_graphiql_is_not_readable(demo: MutableDemo) -> None:
    """A demo's page contains a token."""
    page = await demo.client.http.get("/graphql", headers={**PORTAL, "Accept": "text/html"})
    assert (page.status_code, select_cors_headers(page)) == (200, {})


async def test_an_origin_with_its_default_port_is_the_same(demo: MutableDemo) -> None:
    origin = f"{PORTAL_ORIGIN}:443"
    expect_readable(await demo.client.post(VALID_BODY, Origin=origin), origin)


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
async def test_foreign_origins_are_served_without_permission(
    demo: MutableDemo, origin: str
) -> None:
    response = await demo.client.post(VALID_BODY, Origin=origin)
    assert response.json() == {"data": {"__typename": "Query"}}
    assert select_cors_headers(response) == {}


async def test_two_origins_are_not_allowed(demo: MutableDemo) -> None:
    headers = [("Origin", PORTAL_ORIGIN.encode()), ("Origin", PORTAL_ORIGIN.encode())]
    assert select_cors_headers(await demo.client.send_query("{ __typename }", headers)) == {}


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
)
async def test_requests_without_preflight_change_nothing(
    demo: MutableDemo, media_type: str
) -> None:
    """Browsers send these media types to other origins without asking, as forms do."""
    body = json.dumps({"query": RENEW_MUTATION}).encode()
    response = await demo.client.post(body, content_type=media_type, Origin=FOREIGN_ORIGINS[0])
    assert response.status_code in (400, 415)


async def test_uploads_and_attachments_are_readable(demo: MutableDemo) -> None:
    resource, *_ = await demo.find_operable_resources("RENEW_RESOURCE")
    fields = multipart_fields(renewal_operation(resource), file=PDF_CONTENT)
    headers = {"Authorization": f"Token {demo.client.tokens['staff']}", **PORTAL}
    upload = await send_multipart(demo, fields, {**headers, "GraphQL-Preflight": "1"})
    expect_readable(upload)
    order = upload.json()["data"]["renewResource"]["order"]["uuid"]
    for name, status in ((order, 200), ("0" * 32, 404), ("x", 404)):
        file_response = await demo.client.http.get(f"/attachments/{name}.pdf", headers=headers)
        assert file_response.status_code == status
        expect_readable(file_response)


async def test_internal_errors_are_readable(new_database: DatabaseFactory) -> None:
    async with serve_mutable_demo(new_database(), 20, origins=PORTAL_ORIGIN) as broken_demo:
        break_column(broken_demo.connection, "authtoken_token", "created")
        response = await broken_demo.client.post(VALID_BODY, **PORTAL)
    assert response.status_code == 500
    expect_readable(response)


async def test_streams_are_readable(new_database: DatabaseFactory) -> None:
    """The headers also pass the single write to a socket, and those of a stream that is open."""
    async with (
        serve_gateway(
            create_small_demo(new_database()), origins=PORTAL_ORIGIN, user_subscriptions="1"
        ) as gateway,
        httpx.AsyncClient(
            headers={**PORTAL, **gateway.create_auth_header()}, timeout=scale_seconds(10)
        ) as client,
    ):
        expect_readable(await client.post(gateway.url, json={"query": "{ __typename }"}))
        body = {"query": RESOURCE_CHANGED_SUBSCRIPTION}
        for media_type in ("text/event-stream", "multipart/mixed;subscriptionSpec=1.0"):
            accept = {"Accept": media_type}
            async with client.stream("POST", gateway.url, json=body, headers=accept) as stream:
                assert stream.headers["Content-Type"].startswith(media_type.partition(";")[0])
                expect_readable(stream)
                refused = await client.post(gateway.url, json=body, headers=accept)
                assert refused.status_code == 429
                expect_readable(refused)


async def test_all_origins_can_be_allowed(demo_url: str) -> None:
    async with serve_in_process(demo_url, origins="*", preflight_seconds="60") as client:
        expect_readable(await client.post(VALID_BODY, **PORTAL))
        preflight = await client.http.options("/graphql", headers=PREFLIGHT)
        assert preflight.headers["Access-Control-Max-Age"] == "60"
        for origin in ("null", "*", "", "https://[", "https://a.example\t"):
            response = await client.post(VALID_BODY, Origin=origin)
            assert select_cors_headers(response) == {}


async def test_no_origin_is_allowed_by_default(demo_url: str) -> None:
    async with serve_in_process(demo_url) as client:
        preflight = await client.http.options("/graphql", headers=PREFLIGHT)
        assert preflight.status_code == 403
        assert select_cors_headers(await client.post(VALID_BODY, **PORTAL)) == {}
