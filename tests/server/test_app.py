"""The service over HTTP: routes, headers, statuses, masked errors."""

import asyncio
import logging
from collections.abc import AsyncIterator

import psycopg
import pytest
import pytest_asyncio

from tests.conftest import DatabaseFactory
from tests.support.broken_columns import break_column
from tests.support.gateway_server import GatewayClient, create_small_demo, serve_in_process

GRAPHQL_RESPONSE_MEDIA_TYPE = "application/graphql-response+json"
VIEWER_QUERY = "{ viewer { user { username } } }"
RESOURCE_NAMES_QUERY = "{ resources(first: 1) { nodes { name } } }"
VALID_BODY = b'{"query": "{ __typename }"}'


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def client(demo_url: str) -> AsyncIterator[GatewayClient]:
    """Yield a client of the demo."""
    async with serve_in_process(demo_url, trusted_proxies="127.0.0.0/8") as client:
        yield client


async def test_liveness(client: GatewayClient) -> None:
    response = await client.http.get("/livez")
    assert (response.status_code, response.text) == (200, "live\n")


async def test_readiness(client: GatewayClient) -> None:
    response = await client.http.get("/readyz")
    assert (response.status_code, response.text) == (200, "ready\n")


@pytest.mark.parametrize("path", ["/api/graphql", "/metric", "/livez/", "/graphql//", "//graphql"])
async def test_unknown_paths_are_not_found(client: GatewayClient, path: str) -> None:
    assert (await client.http.get(f"http://gateway{path}")).status_code == 404


async def test_the_root_redirects_to_the_endpoint(client: GatewayClient) -> None:
    response = await client.http.get("/", headers={"Host": "elsewhere.example.org"})
    assert (response.status_code, response.headers["Location"]) == (307, "graphql")


@pytest.mark.parametrize("path", ["/", "/livez", "/readyz", "/metrics", "/attachments/a.pdf"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
async def test_other_paths_support_get_and_head(
    client: GatewayClient, path: str, method: str
) -> None:
    response = await client.http.request(method, path)
    assert response.status_code == 405
    assert {*response.headers["Allow"].split(", ")} == {"GET", "HEAD"}
    assert (await client.http.head(path)).status_code in (200, 307, 404)


COST_QUERY = "{ resources(first: 3) { nodes { uuid } } }"


async def test_cost_is_reported_on_request(client: GatewayClient) -> None:
    response = await client.http.post("/graphql", json={"query": COST_QUERY})
    assert "extensions" not in response.json()
    assert "GraphQL-Cost" not in response.headers
    report = {"cost": {"requested": 7, "maximum": 250_000, "formulaVersion": 2}}
    for headers, extensions in (({"GraphQL-Cost": "1"}, {}), ({}, {"cost": True})):
        body = {"query": COST_QUERY, "extensions": extensions}
        response = await client.http.post("/graphql", json=body, headers=headers)
        assert response.json()["extensions"] == report
        assert response.headers["GraphQL-Cost"] == "7"


async def test_cost_of_a_refused_operation_is_reported(client: GatewayClient) -> None:
    pages = "projects(first: 300) { nodes { resources(first: 300) { nodes { uuid name } } } }"
    headers = {"GraphQL-Cost": "1", "Accept": GRAPHQL_RESPONSE_MEDIA_TYPE}
    response = await client.http.post("/graphql", json={"query": f"{{ {pages} }}"}, headers=headers)
    (error,) = response.json()["errors"]
    assert error["extensions"]["code"] == "QUERY_TOO_COMPLEX"
    assert error["extensions"]["cost"] == response.json()["extensions"]["cost"]
    assert (response.status_code, response.headers["GraphQL-Cost"]) == (400, "270601")


@pytest.mark.parametrize("scheme", ["Token", "Bearer", "token"])
async def test_token_authenticates_viewer(client: GatewayClient, scheme: str) -> None:
    response = await client.send_query(
        VIEWER_QUERY, {"Authorization": f"{scheme} {client.tokens['member']}"}
    )
    assert response.json() == {"data": {"viewer": {"user": {"username": "member"}}}}


async def test_viewer_is_null_without_token(client: GatewayClient) -> None:
    assert (await client.send_query(VIEWER_QUERY)).json() == {"data": {"viewer": None}}


async def test_an_inactive_user_is_refused(client: GatewayClient) -> None:
    response = await client.post(VALID_BODY, "inactive")
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Token"
    assert response.json()["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}


@pytest.mark.parametrize(
    "headers",
    [
        [b""],
        [b"Token"],
        [b"Token " + b"0" * 40],
        [b"Token \xff\xfe\xc3\xa9"],
        [b"\xff\xfe"],
        [b"Bearer eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"],
        [b"Basic c3RhZmY6c3RhZmY="],
        [b"Token " + b"0" * 40, b"Token " + b"1" * 40],
    ],
)
async def test_unusable_credentials_are_refused(
    client: GatewayClient, headers: list[bytes]
) -> None:
    response = await client.send_query(VIEWER_QUERY, [("Authorization", each) for each in headers])
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Token"
    (error,) = response.json()["errors"]
    assert error["extensions"]["code"] == "UNAUTHENTICATED"
    assert not {"0" * 40, "1" * 40} & set(error["message"].split())


async def test_two_tokens_are_refused(client: GatewayClient) -> None:
    valid_header, unknown_header = f"Token {client.tokens['staff']}".encode(), b"Token " + b"0" * 40
    response = await client.send_query(
        VIEWER_QUERY, [("Authorization", each) for each in (valid_header, unknown_header)]
    )
    assert response.status_code == 401


@pytest.mark.parametrize("forwarded", ["nonsense", "\xff", ", ,", "::1%lo", "1.2.3.4:80"])
async def test_malformed_forwarded_header_is_ignored(client: GatewayClient, forwarded: str) -> None:
    headers = [("X-Forwarded-For", forwarded.encode("latin-1"))]
    headers.append(("Authorization", f"Token {client.tokens['member']}".encode()))
    response = await client.send_query(VIEWER_QUERY, headers)
    assert response.json() == {"data": {"viewer": {"user": {"username": "member"}}}}


@pytest.mark.parametrize(
    ("setting_values", "is_served"),
    [
        ({}, False),
        ({"graphiql": "on"}, True),
        ({"dev": "on"}, True),
        ({"dev": "on", "graphiql": "off"}, False),
        ({"dev": "off"}, False),
    ],
)
async def test_browsers_get_graphiql_if_it_is_on(
    demo_url: str, setting_values: dict[str, str], is_served: bool
) -> None:
    async with serve_in_process(demo_url, **setting_values) as client:
        response = await client.http.get("/graphql", headers={"Accept": "text/html,*/*;q=0.8"})
        assert response.status_code == (200 if is_served else 405)
        assert ("GraphiQL" in response.text) is is_served
        assert client.tokens["staff"] not in response.text


@pytest.mark.parametrize(
    ("body", "media_type", "status"),
    [
        (VALID_BODY, "text/plain", 415),
        (VALID_BODY, "application/x-www-form-urlencoded", 415),
        (b"[" + b" " * 1_000_000, "application/json", 413),
        (b"", "application/json", 400),
        (b"null", "application/json", 400),
    ],
)
async def test_invalid_request_bodies_are_refused(
    client: GatewayClient, body: bytes, media_type: str, status: int
) -> None:
    response = await client.post(body, content_type=media_type)
    assert response.status_code == status
    assert response.json()["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT"}
    assert (await client.post(VALID_BODY)).status_code == 200


@pytest.mark.parametrize("body", [b'{"query": "{"}', b'{"query": "{ nothing }"}'])
@pytest.mark.parametrize(
    ("accept", "status"), [("application/json", 200), (GRAPHQL_RESPONSE_MEDIA_TYPE, 400)]
)
async def test_status_of_rejected_request_depends_on_media_type(
    client: GatewayClient, body: bytes, accept: str, status: int
) -> None:
    response = await client.post(body, accept=accept)
    assert response.status_code == status
    assert response.headers["Content-Type"].startswith(accept)
    assert response.headers["Vary"] == "Accept"
    assert "data" not in response.json()


@pytest.mark.parametrize("request_id", ["a", "req-1/2:3.4+5=", "x" * 128])
async def test_client_request_id_is_kept(client: GatewayClient, request_id: str) -> None:
    assert (await client.post(VALID_BODY, x_request_id=request_id)).headers[
        "X-Request-ID"
    ] == request_id


@pytest.mark.parametrize("request_id", ["", "a b", "x" * 129, "é", '"'])
async def test_invalid_request_id_is_replaced(client: GatewayClient, request_id: str) -> None:
    response = await client.http.post(
        "/graphql", json={}, headers=[(b"X-Request-ID", request_id.encode())]
    )
    assert len(response.headers["X-Request-ID"]) == 32


async def test_responses_are_not_cacheable(client: GatewayClient) -> None:
    for body in (VALID_BODY, b"", b'{"query": "{"}'):
        assert (await client.post(body)).headers["Cache-Control"] == "no-store"


@pytest.fixture
def mutable_url(new_database: DatabaseFactory) -> str:
    """Return the URL of a demo that a test may break."""
    return create_small_demo(new_database())


async def test_internal_errors_are_masked_and_logged(
    mutable_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve_in_process(mutable_url) as client:
        with psycopg.connect(mutable_url, autocommit=True) as connection:
            break_column(connection, "marketplace_resource", "name")
        query = b'{"query": "{ resources(first: 2) { nodes { uuid name } } }"}'
        response = await client.post(query, x_request_id="the-id")
    (error,) = response.json()["errors"]
    assert error["extensions"] == {"code": "INTERNAL", "id": "the-id"}
    assert error["path"] == ["resources", "nodes"]
    assert "marketplace_" not in response.text
    (record,) = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert record.getMessage().startswith("the-id at resources.nodes: ")
    assert record.exc_info
    assert "CardinalityViolation" in repr(record.exc_info[1])


async def test_an_error_of_many_fields_is_logged_once(
    mutable_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve_in_process(mutable_url) as client:
        with psycopg.connect(mutable_url, autocommit=True) as connection:
            break_column(connection, "marketplace_plan", "unit")
        query = "{ resources(first: 20, filter: {state: OK}) { nodes { plan { unit } } } }"
        result = await client.execute_query(query)
    assert len(result["errors"]) > 1
    assert len([each for each in caplog.records if each.levelno == logging.ERROR]) == 1


async def test_authentication_failure_is_masked(
    mutable_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve_in_process(mutable_url) as client:
        with psycopg.connect(mutable_url, autocommit=True) as connection:
            break_column(connection, "authtoken_token", "created")
        response = await client.post(VALID_BODY, x_request_id="the-id")
        assert (await client.post(VALID_BODY, None)).status_code == 200
    assert response.status_code == 500
    assert response.headers["X-Request-ID"] == "the-id"
    (error,) = response.json()["errors"]
    assert error["extensions"] == {"code": "INTERNAL", "id": "the-id"}
    assert any(each.getMessage().startswith("the-id: ") for each in caplog.records)


async def test_slow_authentication_times_out(mutable_url: str) -> None:
    async with serve_in_process(mutable_url, statement_seconds="1") as client:
        with psycopg.connect(mutable_url) as locking_connection:
            locking_connection.execute("lock table authtoken_token in access exclusive mode")
            response = await client.post(VALID_BODY)
    (error,) = response.json()["errors"]
    assert (response.status_code, error["extensions"]["code"]) == (504, "TIMEOUT")
    assert "Retry-After" not in response.headers


async def test_slow_statement_times_out(mutable_url: str) -> None:
    async with serve_in_process(mutable_url, statement_seconds="1") as client:
        await client.execute_query(VIEWER_QUERY)
        with psycopg.connect(mutable_url) as locking_connection:
            locking_connection.execute("lock table marketplace_resource in access exclusive mode")
            error = await client.fetch_error(RESOURCE_NAMES_QUERY)
        assert error["extensions"]["code"] == "TIMEOUT"
        assert error["path"] == ["resources", "nodes"]
        assert "errors" not in await client.execute_query(RESOURCE_NAMES_QUERY)


async def test_concurrent_requests_are_all_answered(client: GatewayClient) -> None:
    query = "{ resources(first: 20) { nodes { name offering { name } project { name } } } }"
    results = await asyncio.gather(*[client.execute_query(query) for _ in range(60)])
    assert all("errors" not in each for each in results)
