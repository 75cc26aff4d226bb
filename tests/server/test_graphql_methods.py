"""The HTTP methods of the GraphQL endpoint: POST, GET and HEAD, OPTIONS, and status 405."""

import json
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import pytest_asyncio

from tests.support.gateway_server import GatewayClient, serve_in_process

HTML_ACCEPT = "text/html,application/xhtml+xml,*/*;q=0.8"
VIEWER_QUERY = "{ viewer { user { username } } }"
TWO_QUERIES = (
    "query Named($n: Int!) { resources(first: $n) { nodes { __typename } } }"
    " query B { a: __typename }"
)
SUBSCRIPTION = "subscription { resourceChanged { __typename } }"
ALL_METHODS = "GET, HEAD, POST, OPTIONS"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def client(demo_url: str) -> AsyncIterator[GatewayClient]:
    """Yield a client of a gateway that serves GraphiQL."""
    async with serve_in_process(demo_url, graphiql="on") as client:
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def get_client(demo_url: str) -> AsyncIterator[GatewayClient]:
    """Yield a client of a gateway that answers queries by GET, without GraphiQL."""
    async with serve_in_process(demo_url, get_queries="on", graphiql="off") as client:
        yield client


async def send_get(
    client: GatewayClient, as_: str | None = "staff", accept: str = "*/*", **parameters: str
) -> httpx.Response:
    """Send a query by GET with the token of a user."""
    headers = {"Accept": accept}
    if as_ is not None:
        headers["Authorization"] = f"Token {client.tokens[as_]}"
    return await client.http.get("/graphql", params=parameters, headers=headers)


def first_message(response: httpx.Response) -> Any:
    """Return the message of the first error."""
    return response.json()["errors"][0]["message"]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "QUERY", "TRACE", "FOO", "get"])
async def test_other_methods_are_not_allowed(client: GatewayClient, method: str) -> None:
    request = client.http.build_request("POST", "/graphql", content=b"{}")
    request.method = method
    response = await client.http.send(request)
    assert (response.status_code, response.headers["Allow"]) == (405, ALL_METHODS)
    assert response.json()["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT"}


@pytest.mark.parametrize(
    ("graphiql", "get_queries", "allow"),
    [
        ("on", "off", ALL_METHODS),
        ("off", "on", ALL_METHODS),
        ("off", "off", "POST, OPTIONS"),
    ],
)
async def test_allow_depends_on_settings(
    demo_url: str, graphiql: str, get_queries: str, allow: str
) -> None:
    async with serve_in_process(demo_url, graphiql=graphiql, get_queries=get_queries) as client:
        for method, status in (("OPTIONS", 204), ("PUT", 405)):
            response = await client.http.request(method, "/graphql")
            assert (response.status_code, response.headers["Allow"]) == (status, allow)
        assert (await client.http.options("/graphql")).content == b""


@pytest.mark.parametrize(
    ("graphiql", "hint"), [("on", " To use GraphiQL, open this address in a browser."), ("off", "")]
)
async def test_graphiql_is_mentioned_where_it_is_served(
    demo_url: str, graphiql: str, hint: str
) -> None:
    async with serve_in_process(demo_url, graphiql=graphiql) as client:
        response = await send_get(client, query=VIEWER_QUERY)
    assert first_message(response) == f"GraphQL requests must use the method POST.{hint}"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_queries_are_posted_by_default(client: GatewayClient, method: str) -> None:
    response = await client.http.request(method, "/graphql?query={__typename}")
    assert (response.status_code, response.headers["Allow"]) == (405, "POST, OPTIONS")
    assert (response.content == b"") is (method == "HEAD")


@pytest.mark.parametrize("path", ["/graphql", "/graphql/", "/graphql?a=b", "/graphql/?"])
async def test_both_paths_are_the_endpoint(client: GatewayClient, path: str) -> None:
    response = await client.http.post(path, json={"query": "{ __typename }"})
    assert response.json() == {"data": {"__typename": "Query"}}
    response = await client.http.get(path, headers={"Accept": HTML_ACCEPT})
    assert response.status_code == 200


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_browsers_get_graphiql(client: GatewayClient, method: str) -> None:
    response = await client.http.request(method, "/graphql", headers={"Accept": HTML_ACCEPT})
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert response.headers["Vary"] == "Accept"
    assert client.tokens["staff"] not in response.text
    assert int(response.headers["Content-Length"]) > 100
    assert (response.content == b"") is (method == "HEAD")


@pytest.mark.parametrize("accept", ["text/html;q=0", "text/*", "*/*", "application/json"])
async def test_graphiql_must_be_accepted(client: GatewayClient, accept: str) -> None:
    response = await client.http.get("/graphql", headers={"Accept": accept})
    assert response.status_code == 405


async def test_static_files_support_get_and_head(client: GatewayClient) -> None:
    page = (await client.http.get("/graphql", headers={"Accept": HTML_ACCEPT})).text
    (path, *_) = [each for each in page.split('"') if each.endswith("/boot.js")]
    assert (await client.http.head(path)).status_code == 200
    response = await client.http.post(path)
    assert (response.status_code, response.headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("accept", ["*/*", "application/json", HTML_ACCEPT])
async def test_queries_by_get(get_client: GatewayClient, accept: str) -> None:
    response = await send_get(get_client, "member", accept, query=VIEWER_QUERY)
    assert response.json() == {"data": {"viewer": {"user": {"username": "member"}}}}
    assert response.headers["Content-Type"] == "application/json; charset=utf-8"
    assert (response.headers["Vary"], response.headers["Cache-Control"]) == ("Accept", "no-store")


async def test_all_parameters_of_a_get(get_client: GatewayClient) -> None:
    parameters = {"query": TWO_QUERIES, "variables": '{"n": 1}', "unknown": "x"}
    response = await send_get(
        get_client, operationName="Named", extensions='{"a": {}}', **parameters
    )
    assert response.json() == {"data": {"resources": {"nodes": [{"__typename": "Resource"}]}}}
    response = await send_get(get_client, operationName="B", extensions="", **parameters)
    assert response.json() == {"data": {"a": "Query"}}


async def test_empty_parameters_are_missing_parameters(get_client: GatewayClient) -> None:
    response = await send_get(
        get_client, query="{ __typename }", variables="", operationName="", extensions=""
    )
    assert response.json() == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize(
    ("query_string", "message"),
    [
        ("", "no `query`"),
        ("query=", "no `query`"),
        ("variables={}", "no `query`"),
        ("query={a}&variables=[]", "`variables` must be an object"),
        ("query={a}&variables={", "`variables` is not valid JSON"),
        ("query={a}&variables=" + "[" * 5000, "`variables` is not valid JSON"),
        ("query={a}&extensions=1", "`extensions` must be an object"),
        ("query={a}&query={b}", "must occur once"),
        ("query=%ff", "percent-encoded as UTF-8"),
        ("query=%ed%a0%80", "percent-encoded as UTF-8"),
        ("query={a}" + "&a=b" * 20, "at most 20 parameters"),
    ],
)
async def test_malformed_query_strings(
    get_client: GatewayClient, query_string: str, message: str
) -> None:
    response = await get_client.http.get(f"/graphql?{quote(query_string, safe='=&%{}')}")
    assert response.status_code == 400
    assert message in first_message(response)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "accept", ["*/*", "text/event-stream", "application/graphql-response+json"]
)
async def test_mutations_are_posted(get_client: GatewayClient, method: str, accept: str) -> None:
    document = "query A { __typename } mutation B { __typename }"
    response = await get_client.http.request(
        method,
        "/graphql",
        params={"query": document, "operationName": "B"},
        headers={"Accept": accept},
    )
    assert (response.status_code, response.headers["Allow"]) == (405, "POST")
    response = await send_get(get_client, query=document, operationName="A")
    assert response.json() == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize("accept", ["*/*", "application/json"])
async def test_subscriptions_by_get_need_a_stream(get_client: GatewayClient, accept: str) -> None:
    response = await send_get(get_client, accept=accept, query=SUBSCRIPTION)
    assert response.status_code == 406


async def test_head_of_a_query_has_no_body(get_client: GatewayClient) -> None:
    headers, url = {"Accept": "application/json"}, "/graphql?query={__typename}"
    head, response = [
        await get_client.http.request(method, url, headers=headers) for method in ("HEAD", "GET")
    ]
    assert head.content == b""
    assert (head.status_code, head.headers["Content-Type"], head.headers["Content-Length"]) == (
        200,
        response.headers["Content-Type"],
        str(len(response.content)),
    )


async def test_head_does_not_open_a_stream(get_client: GatewayClient) -> None:
    response = await get_client.http.head(
        f"/graphql?query={quote(SUBSCRIPTION)}", headers={"Accept": "text/event-stream"}
    )
    assert (response.status_code, response.content) == (406, b"")


async def test_the_body_of_a_get_is_ignored(get_client: GatewayClient) -> None:
    request = get_client.http.build_request(
        "GET",
        "/graphql?query={__typename}",
        content=b'{"query": "mutation { __typename }"}',
        headers={"Content-Type": "application/json"},
    )
    response = await get_client.http.send(request)
    assert response.json() == {"data": {"__typename": "Query"}}


async def test_invalid_tokens_are_refused(get_client: GatewayClient) -> None:
    response = await get_client.http.get(
        "/graphql?query={__typename}", headers={"Authorization": "Token " + "0" * 40}
    )
    assert response.status_code == 401


@pytest.mark.parametrize(
    ("accept", "is_page"),
    [(HTML_ACCEPT, True), ("application/json, text/html;q=0.5", False), ("*/*", False)],
)
async def test_graphiql_beside_queries_by_get(demo_url: str, accept: str, is_page: bool) -> None:
    async with serve_in_process(demo_url, get_queries="on", graphiql="on") as client:
        response = await send_get(client, accept=accept, query=VIEWER_QUERY)
    assert response.headers["Content-Type"].startswith("text/html") is is_page


@pytest.mark.parametrize(
    ("document", "status"), [("{ __typename }", 200), ("mutation { __typename }", 405)]
)
async def test_persisted_queries_by_get(
    get_client: GatewayClient, document: str, status: int
) -> None:
    persisted_query = {"version": 1, "sha256Hash": sha256(document.encode()).hexdigest()}
    extensions = {"persistedQuery": persisted_query}
    response = await get_client.http.post(
        "/graphql", json={"query": document, "extensions": extensions}
    )
    assert "errors" not in response.json()
    response = await send_get(get_client, extensions=json.dumps(extensions))
    assert response.status_code == status
    assert response.headers.get("Allow") == (None if status == 200 else "POST")
