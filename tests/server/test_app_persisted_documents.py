"""Persisted documents over HTTP: statuses, media types, the mode "only"."""

import json
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.execution.document_manifest import ManifestError
from tests.support.gateway_server import GatewayClient, serve_in_process

GRAPHQL_RESPONSE_MEDIA_TYPE = "application/graphql-response+json"
VIEWER_QUERY = "query Me { viewer { user { username } } }"
MEMBER_DATA = {"data": {"viewer": {"user": {"username": "member"}}}}


def make_extensions(text: str) -> dict[str, Any]:
    """Return the extensions of an automatic persisted query."""
    return {"persistedQuery": {"version": 1, "sha256Hash": sha256(text.encode()).hexdigest()}}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def client(demo_url: str) -> AsyncIterator[GatewayClient]:
    """Yield a client of the demo with the default settings."""
    async with serve_in_process(demo_url) as client:
        yield client


@pytest_asyncio.fixture
async def exclusive_client(demo_url: str, tmp_path: Path) -> AsyncIterator[GatewayClient]:
    """Yield a client of a gateway that executes only trusted documents."""
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({"me": VIEWER_QUERY}))
    options = {"documents": "only", "document_manifest": str(path), "dev": "on"}
    async with serve_in_process(demo_url, **options) as client:
        yield client


@pytest.mark.parametrize(
    ("accept", "status"), [("application/json", 200), (GRAPHQL_RESPONSE_MEDIA_TYPE, 400)]
)
@pytest.mark.parametrize(
    ("store_bytes", "message", "code"),
    [
        ("1000000", "PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND"),
        ("0", "PersistedQueryNotSupported", "PERSISTED_QUERY_NOT_SUPPORTED"),
    ],
)
async def test_unknown_hash_is_answered_as_apollo_expects(
    demo_url: str, accept: str, status: int, store_bytes: str, message: str, code: str
) -> None:
    async with serve_in_process(demo_url, persisted_query_bytes=store_bytes) as client:
        body = json.dumps({"extensions": make_extensions("{ unknown }")}).encode()
        response = await client.post(body, accept=accept)
    assert (response.status_code, response.json()) == (
        status,
        {"errors": [{"message": message, "extensions": {"code": code}}]},
    )
    assert response.headers["content-type"].startswith(accept)
    assert response.headers["cache-control"] == "no-store"


async def test_registered_document_is_executed_for_each_viewer(client: GatewayClient) -> None:
    extensions = make_extensions(VIEWER_QUERY)
    body = json.dumps({"query": VIEWER_QUERY, "extensions": extensions}).encode()
    assert (await client.post(body, None)).json() == {"data": {"viewer": None}}
    response = await client.post(json.dumps({"extensions": extensions}).encode(), "member")
    assert response.json() == MEMBER_DATA


@pytest.mark.parametrize(
    ("version", "expected_message"),
    [
        ("1.0", None),
        ("10e-1", None),
        ("1.5", "got 1.5."),
        ('{"a": 1.5}', "got an object or a list."),
        ("[1.0]", "got an object or a list."),
    ],
)
async def test_versions_are_numbers_in_any_spelling(
    client: GatewayClient, version: str, expected_message: str | None
) -> None:
    extensions = json.dumps(make_extensions(VIEWER_QUERY)).replace("1", version, 1)
    body = f'{{"query": {json.dumps(VIEWER_QUERY)}, "extensions": {extensions}}}'
    response = (await client.post(body.encode(), "member")).json()
    if expected_message is None:
        assert response == MEMBER_DATA
    else:
        assert response["errors"][0]["message"].endswith(expected_message)


@pytest.mark.parametrize("accept", ["application/json", GRAPHQL_RESPONSE_MEDIA_TYPE])
async def test_hash_of_another_document_has_status_400(client: GatewayClient, accept: str) -> None:
    payload = {"query": VIEWER_QUERY, "extensions": make_extensions("{ other }")}
    response = await client.post(json.dumps(payload).encode(), accept=accept)
    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT"}


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"documentId": None},
        {"documentId": 1},
        {"documentId": ["me"]},
        {"documentId": {"me": 1}},
        {"extensions": {"persistedQuery": None}},
        {"extensions": {"persistedQuery": 1}},
        {"extensions": []},
        {"extensions": "persistedQuery"},
        {"query": VIEWER_QUERY, "extensions": [1]},
        {"query": ["a"], "documentId": "me"},
    ],
)
async def test_malformed_requests_have_status_400(
    client: GatewayClient, members: dict[str, Any]
) -> None:
    response = await client.post(json.dumps(members).encode())
    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT"}


async def test_only_trusted_documents_are_executed(exclusive_client: GatewayClient) -> None:
    payload = {"documentId": "me"}
    response = await exclusive_client.post(json.dumps(payload).encode(), "member")
    assert response.json() == MEMBER_DATA
    assert await exclusive_client.execute_query(VIEWER_QUERY, "member") == MEMBER_DATA
    for query in ("{ __typename }", "{ __schema { description } }", "{"):
        error = await exclusive_client.fetch_error(query, "staff")
        assert error["extensions"] == {"code": "PERSISTED_DOCUMENT_ID_REQUIRED"}


async def test_trusted_document_has_variables_and_operation_name(
    demo_url: str, tmp_path: Path
) -> None:
    path = tmp_path / "manifest.json"
    text = "query A { a: __typename } query B($b: Boolean!) { b: __typename @include(if: $b) }"
    path.write_text(json.dumps({"two": text}))
    async with serve_in_process(demo_url, document_manifest=str(path)) as client:
        for value, data in ((True, {"b": "Query"}), (False, {})):
            payload = {"documentId": "two", "operationName": "B", "variables": {"b": value}}
            response = await client.post(json.dumps(payload).encode())
            assert response.json() == {"data": data}
        response = await client.post(json.dumps({"documentId": "two"}).encode())
        assert response.json()["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT"}


async def test_gateway_with_an_invalid_manifest_does_not_start(
    demo_url: str, tmp_path: Path
) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({"a": "query Broken { nothing }"}))
    with pytest.raises(ManifestError, match=r"Broken \('a'\): 1:16: Cannot query field 'nothing'"):
        async with serve_in_process(demo_url, document_manifest=str(path)):
            pass


async def test_graphiql_is_off_with_trusted_documents_only(
    exclusive_client: GatewayClient,
) -> None:
    headers = {"Accept": "text/html"}
    assert (await exclusive_client.http.get("/graphql", headers=headers)).status_code == 405
