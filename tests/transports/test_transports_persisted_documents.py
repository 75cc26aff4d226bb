"""Persisted documents over WebSockets and streams, and with Apollo Client's link."""

import json
from contextlib import AsyncExitStack
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.time_limits import scale_seconds
from tests.transports.streaming_server import (
    RESOURCE_CHANGED_SUBSCRIPTION,
    VIEWER_QUERY,
    JSONObject,
    ServedGateway,
    open_authenticated_websocket,
    open_websocket,
    serve_gateway,
    wait_for_subscribers,
)
from tests.transports.test_transports_clients import NodeClient, run_client

STAFF_DATA = {"viewer": {"user": {"username": "staff"}}}


def make_extensions(text: str) -> JSONObject:
    """Return the extensions of an automatic persisted query."""
    return {"persistedQuery": {"version": 1, "sha256Hash": sha256(text.encode()).hexdigest()}}


async def test_websocket_registers_and_finds_documents(gateway: ServedGateway) -> None:
    extensions = make_extensions(VIEWER_QUERY)
    async with open_authenticated_websocket(gateway) as websocket:
        code = await websocket.expect_error_code("", extensions=extensions)
        assert code == "PERSISTED_QUERY_NOT_FOUND"
        for query in (VIEWER_QUERY, ""):
            result = await websocket.execute_query(query, extensions=extensions)
            assert result == {"data": STAFF_DATA}
        code = await websocket.expect_error_code("{ other }", extensions=extensions)
        assert code == "BAD_USER_INPUT"
        code = await websocket.expect_error_code("", documentId="unknown")
        assert code == "PERSISTED_DOCUMENT_NOT_FOUND"
        assert await websocket.execute_query(VIEWER_QUERY) == {"data": STAFF_DATA}


@pytest.mark.parametrize("payload", [{"documentId": 1}, {"extensions": []}, {"extensions": {}}])
async def test_malformed_payload_closes_the_websocket(
    gateway: ServedGateway, payload: JSONObject
) -> None:
    async with open_authenticated_websocket(gateway) as websocket:
        await websocket.send_message("subscribe", id="1", payload=payload)
        assert (await websocket.wait_closed())[0] == 4400


async def test_trusted_subscription_by_id(url: str, tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({"changes": RESOURCE_CHANGED_SUBSCRIPTION}))
    options: Any = {"documents": "only", "document_manifest": str(path)}
    async with serve_gateway(url, **options) as gateway, open_websocket(gateway) as websocket:
        await websocket.init_connection(**gateway.create_auth_header())
        code = await websocket.expect_error_code(VIEWER_QUERY)
        assert code == "PERSISTED_DOCUMENT_ID_REQUIRED"
        await websocket.start_operation("", documentId="changes")
        await wait_for_subscribers(gateway)
        uuid = gateway.rename_resource("by id")
        assert (await websocket.receive_event())["uuid"] == uuid


async def test_stream_registers_and_finds_documents(gateway: ServedGateway) -> None:
    extensions = make_extensions(RESOURCE_CHANGED_SUBSCRIPTION)
    headers = {**gateway.create_auth_header(), "Accept": "text/event-stream"}
    async with httpx.AsyncClient(timeout=scale_seconds(10)) as http, AsyncExitStack() as exit_stack:
        response = await http.post(gateway.url, json={"extensions": extensions}, headers=headers)
        assert "PERSISTED_QUERY_NOT_FOUND" in response.text
        for number, query in enumerate((RESOURCE_CHANGED_SUBSCRIPTION, ""), 1):
            payload = {"query": query, "extensions": extensions}
            stream = http.stream("POST", gateway.url, json=payload, headers=headers)
            response = await exit_stack.enter_async_context(stream)
            assert response.headers["content-type"].startswith("text/event-stream")
            await wait_for_subscribers(gateway, number)
        assert len(gateway.services.subscription_registry.hub.groups) == 1


async def read_requests(client: NodeClient, expected_count: int) -> list[tuple[list[str], int]]:
    """Return what Apollo Client sent, and the statuses, up to its next result of a query."""
    requests = []
    for _ in range(expected_count):
        message = await client.read_message("sent")
        requests.append((message["sent"], message["status"]))
    assert await client.read_value("username") == "staff"
    return requests


@pytest.mark.node
async def test_apollo_client_registers_its_documents(gateway: ServedGateway) -> None:
    async with run_client("persisted", gateway) as client:
        assert await read_requests(client, 2) == [(["hash"], 400), (["query", "hash"], 200)]
        assert await read_requests(client, 1) == [(["hash"], 200)]
        assert [await client.read_value("status") for _ in range(2)] == [400, 200]
        await wait_for_subscribers(gateway)
        uuid = gateway.rename_resource("for a persisted query")
        assert (await client.read_event())["uuid"] == uuid


@pytest.mark.node
async def test_apollo_client_falls_back(url: str) -> None:
    async with (
        serve_gateway(url, persisted_query_bytes="0") as gateway,
        run_client("persisted", gateway) as client,
    ):
        assert await read_requests(client, 2) == [(["hash"], 400), (["query"], 200)]
        assert await read_requests(client, 1) == [(["query"], 200)]


@pytest.mark.node
async def test_apollo_client_sends_ids_of_a_manifest(url: str, tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    body = "query Me {\n  viewer {\n    user {\n      username\n    }\n  }\n}"
    operation = {"id": "me-1", "name": "Me", "type": "query", "body": body}
    manifest = {"format": "apollo-persisted-query-manifest", "version": 1}
    path.write_text(json.dumps({**manifest, "operations": [operation]}))
    options: Any = {"documents": "only", "document_manifest": str(path)}
    async with (
        serve_gateway(url, **options) as gateway,
        run_client("persisted", gateway, "staff", json.dumps({"Me": "me-1"})) as client,
    ):
        for _ in range(2):
            assert await read_requests(client, 1) == [(["hash"], 200)]
