"""HTTP statuses of GraphQL results, in both modes."""

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from gateway.http.statuses import PARTIAL_SUCCESS_STATUS
from tests.support.gateway_server import GatewayClient, serve_in_process

GRAPHQL_RESPONSE, JSON = "application/graphql-response+json", "application/json"
VALID_BODY = b'{"query": "{ __typename }"}'
REJECTIONS = {
    "{": 400,
    "{ nothing }": 422,
    "query A { __typename } query B { __typename }": 422,
    "query ($id: ID!) { __typename }": 422,
}
"""Documents that are rejected, with the status in the draft's mode."""
PARTIAL_QUERY = "{ __typename resources(first: 5000) { totalCount } }"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def draft_client(demo_url: str) -> AsyncIterator[GatewayClient]:
    """Yield a client of a gateway with the draft's statuses."""
    async with serve_in_process(demo_url, http_status="draft") as client:
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def client(demo_url: str) -> AsyncIterator[GatewayClient]:
    """Yield a client of a gateway with default settings."""
    async with serve_in_process(demo_url) as client:
        yield client


async def send_query(client: GatewayClient, query: str, accept: str) -> httpx.Response:
    """Send a query with an `Accept` header."""
    return await client.http.post("/graphql", json={"query": query}, headers={"Accept": accept})


@pytest.mark.parametrize("query", REJECTIONS)
async def test_rejected_documents(
    client: GatewayClient, draft_client: GatewayClient, query: str
) -> None:
    for accept in (GRAPHQL_RESPONSE, JSON, "*/*"):
        response = await send_query(client, query, accept)
        draft_response = await send_query(draft_client, query, accept)
        media_type = GRAPHQL_RESPONSE if accept == GRAPHQL_RESPONSE else JSON
        assert response.status_code == (400 if accept == GRAPHQL_RESPONSE else 200)
        assert response.headers["Content-Type"] == f"{media_type}; charset=utf-8"
        assert draft_response.status_code == REJECTIONS[query]
        assert draft_response.headers["Content-Type"] == f"{GRAPHQL_RESPONSE}; charset=utf-8"
        assert "data" not in response.json()
        assert "data" not in draft_response.json()


@pytest.mark.parametrize("accept", [GRAPHQL_RESPONSE, JSON])
async def test_partial_success(
    client: GatewayClient, draft_client: GatewayClient, accept: str
) -> None:
    for each, status in ((client, 200), (draft_client, PARTIAL_SUCCESS_STATUS)):
        response = await send_query(each, PARTIAL_QUERY, accept)
        assert {"data", "errors"} == response.json().keys()
        assert response.status_code == status
        assert response.headers["Content-Type"] == f"{accept}; charset=utf-8"


@pytest.mark.parametrize("accept", [GRAPHQL_RESPONSE, JSON])
async def test_success(draft_client: GatewayClient, accept: str) -> None:
    response = await send_query(draft_client, "{ __typename }", accept)
    assert (response.status_code, response.headers["Content-Type"].partition(";")[0]) == (
        200,
        accept,
    )


@pytest.mark.parametrize(
    ("body", "draft_status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"NONSENSE", 400),
        (b"{}", 422),
        (b"[]", 422),
        (b'{"qeury": "{ __typename }"}', 422),
        (b'{"query": 1}', 422),
        (b'{"query": "{ __typename }", "variables": [7]}', 422),
        (b'{"query": "{ __typename }", "operationName": {}}', 422),
        (b'{"query": "{ __typename }", "extensions": []}', 422),
        (b'{"query": "{"}', 400),
    ],
)
async def test_malformed_requests(
    client: GatewayClient, draft_client: GatewayClient, body: bytes, draft_status: int
) -> None:
    for each, status in ((client, 400), (draft_client, draft_status)):
        response = await each.post(body, accept=GRAPHQL_RESPONSE)
        assert response.status_code == status
        assert "data" not in response.json()


async def test_other_errors_have_one_status(draft_client: GatewayClient) -> None:
    for status, headers in (
        (415, {"content_type": "text/plain"}),
        (406, {"accept": "text/plain"}),
        (401, {"authorization": "Token " + "0" * 40}),
    ):
        assert (await draft_client.post(VALID_BODY, **headers)).status_code == status
