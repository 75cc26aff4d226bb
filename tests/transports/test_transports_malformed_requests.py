"""Malformed requests over HTTP and on a WebSocket: each is a client error that names its reason."""

import json
from typing import Any

import httpx
import pytest

from tests.support.time_limits import scale_seconds
from tests.transports.streaming_server import (
    VIEWER_QUERY,
    ServedGateway,
    WebSocketClient,
    open_authenticated_websocket,
)

QUERY = json.dumps(VIEWER_QUERY).encode()
SEARCH_QUERY = b'"query ($a: String) { resources(query: $a) { totalCount } }"'
NODE_QUERY = b'"query ($a: ID!) { node(id: $a) { id } }"'
FIRST_QUERY = b'"query ($a: Int) { resources(first: $a) { totalCount } }"'
FILTER_QUERY = b'"query ($a: ResourceFilter) { resources(filter: $a) { totalCount } }"'

UNDECODABLE_BODIES = [
    (b"", "The body is empty. The body must be a JSON object with a `query`."),
    (b" \n", "The body is empty."),
    (b"{", "The body is not valid JSON: "),
    (b"\xef\xbb\xbf{}", "The body must be JSON in UTF-8, without a byte order mark."),
    (json.dumps({"query": VIEWER_QUERY}).encode("utf-16"), "must be JSON in UTF-8"),
    (json.dumps({"query": VIEWER_QUERY}).encode("utf-16-le"), "must be JSON in UTF-8"),
    (json.dumps({"query": VIEWER_QUERY}).encode("utf-16-be"), "must be JSON in UTF-8"),
    (json.dumps({"query": VIEWER_QUERY}).encode("utf-32"), "must be JSON in UTF-8"),
    (b'{"query": "\xff"}', "The body is not valid JSON: "),
    (b'{"query": "\xed\xa0\x80"}', "The body is not valid JSON: "),
    (b"null", "The body must be a JSON object with a `query`."),
    (b"12", "The body must be a JSON object with a `query`."),
    (b'"{}"', "The body must be a JSON object with a `query`."),
    (b'[{"query": %b}]' % QUERY, "Batches are not supported: send one JSON object"),
    (b"[]", "Batches are not supported: send one JSON object"),
]
"""Bodies that have no equivalent on a WebSocket, with the beginning of the message."""
MALFORMED_PAYLOADS = [
    (b"{}", "The request has no `query` and no `documentId`."),
    (b'{"query": null}', "The request has no `query` and no `documentId`."),
    (b'{"query": ""}', "The request has no `query` and no `documentId`."),
    (b'{"query": 1}', "`query` must be a string."),
    (b'{"query": [%b]}' % QUERY, "`query` must be a string."),
    (b'{"query": %b, "variables": "{}"}' % QUERY, "`variables` must be an object."),
    (b'{"query": %b, "variables": []}' % QUERY, "`variables` must be an object."),
    (b'{"query": %b, "extensions": []}' % QUERY, "`extensions` must be an object."),
    (b'{"query": %b, "extensions": "x"}' % QUERY, "`extensions` must be an object."),
    (b'{"query": %b, "extensions": 0}' % QUERY, "`extensions` must be an object."),
    (b'{"query": %b, "operationName": {}}' % QUERY, "`operationName` must be a string."),
    (
        b'{"query": %b, "operationName": "%b"}' % (QUERY, b"n" * 129),
        "`operationName` must have at most 128 characters, got 129.",
    ),
]
"""Payloads that are not GraphQL requests: they close a WebSocket."""
UNDECODABLE_PAYLOADS = [
    (b'{"query": %b, "variables": {"a": NaN}}' % QUERY, "The body is not valid JSON: "),
    (b'{"query": %b, "variables": {"a": Infinity}}' % QUERY, "The body is not valid JSON: "),
    (b'{"query": %b, "variables": {"a": "\\ud800"}}' % QUERY, "The body is not valid JSON: "),
    (b'{"query": "{ a(b: \\"\\udc00\\") }"}', "The body is not valid JSON: "),
    (
        b'{"query": %b, "variables": %b}' % (QUERY, b'{"a":' * 100_000),
        "must be nested at most 200 levels.",
    ),
    (
        b'{"query": %b, "extensions": {"a": %b}}' % (QUERY, b"[" * 100_000),
        "must be nested at most 200 levels.",
    ),
]
"""Payloads that are not JSON: they close a WebSocket."""
REJECTED_OPERATIONS = [
    (b'{"query": "{"}', "Syntax Error: "),
    (b'{"query": "{ viewer }\\u0000"}', "Syntax Error: "),
    (b'{"query": "%b"}' % (b"#" * 100_001), "The document must have at most 100000 characters"),
    (
        b'{"query": %b, "operationName": "%b"}' % (QUERY, b"n" * 128),
        f"Unknown operation named '{'n' * 128}'.",
    ),
    (
        b'{"query": %b, "variables": {"a": "%b"}}' % (SEARCH_QUERY, b"x" * 100_001),
        "`variables.a` must have at most 100000 characters, got 100001.",
    ),
    (
        b'{"query": %b, "variables": {"unknown": [%b0]}}' % (QUERY, b"0," * 1000),
        "`variables.unknown` must have at most 1000 items, got 1001.",
    ),
    (
        b'{"query": %b, "variables": {"a": {"and": [{}%b]}}}' % (FILTER_QUERY, b", {}" * 500),
        "`variables` must have at most 500 objects in total, got 501 or more.",
    ),
    (
        b'{"query": %b, "variables": {"a": %b}}' % (QUERY, b"[" * 26 + b"]" * 26),
        f"`variables.a{'.0' * 25}` must have at most 25 levels of lists and objects.",
    ),
    (b'{"query": %b, "variables": {"a": %b}}' % (FIRST_QUERY, b"9" * 4000), "Variable '$a'"),
    (b'{"query": %b, "variables": {"a": 1.5}}' % FIRST_QUERY, "Variable '$a'"),
]
"""GraphQL requests that are rejected before they are executed."""
EXECUTED_OPERATIONS = [
    (b'{"query": %b, "variables": {"a": "\\u0000"}}' % SEARCH_QUERY, "`query` must not contain"),
    (b'{"query": %b, "variables": {"a": "\\u0000"}}' % NODE_QUERY, "`id` must not contain"),
    (b'{"query": "{", "query": %b, "variables": {"a": 1}, "variables": null}' % QUERY, None),
    (b'{"query": %b, "extensions": {"a": {}}, "operationName": null}' % QUERY, None),
    (b'{"query": %b, "variables": {"unknown": 1, "also": {"b": [1]}}}' % QUERY, None),
]
"""GraphQL requests that are executed, and the message of an error; None: without errors.

Of repeated names in an object the last counts, as in JavaScript.
"""


async def post_body(gateway: ServedGateway, body: bytes) -> tuple[int, dict[str, Any]]:
    """Return the status of the response, and its JSON."""
    headers = {
        **gateway.create_auth_header(),
        "Content-Type": "application/json",
        "Accept": "application/graphql-response+json",
    }
    async with httpx.AsyncClient(timeout=scale_seconds(20)) as client:
        response = await client.post(gateway.url, content=body, headers=headers)
    return response.status_code, response.json()


async def send_payload(websocket: WebSocketClient, payload: bytes) -> None:
    """Send a `subscribe` message whose payload is this text."""
    message = b'{"type": "subscribe", "id": "1", "payload": %b}' % payload
    await websocket.connection.send(message.decode())


@pytest.mark.parametrize(
    ("body", "expected_message"),
    [*UNDECODABLE_BODIES, *UNDECODABLE_PAYLOADS, *MALFORMED_PAYLOADS],
)
async def test_malformed_body(gateway: ServedGateway, body: bytes, expected_message: str) -> None:
    status, response = await post_body(gateway, body)
    (error,) = response["errors"]
    assert (status, error["extensions"]) == (400, {"code": "BAD_USER_INPUT"})
    assert expected_message in error["message"]


@pytest.mark.parametrize(
    ("payload", "expected_message"), [*UNDECODABLE_PAYLOADS, *MALFORMED_PAYLOADS]
)
async def test_malformed_payload(
    gateway: ServedGateway, payload: bytes, expected_message: str
) -> None:
    expected_reason = expected_message.replace("The body", "The payload")
    if "not valid JSON" in expected_message:
        expected_reason = "A message must be a JSON object."
    async with open_authenticated_websocket(gateway) as websocket:
        await send_payload(websocket, payload)
        close_code, reason = await websocket.wait_closed()
    assert close_code == 4400
    assert expected_reason in reason


@pytest.mark.parametrize(("body", "expected_message"), REJECTED_OPERATIONS)
async def test_rejected_operation(
    gateway: ServedGateway, body: bytes, expected_message: str
) -> None:
    status, response = await post_body(gateway, body)
    (error,) = response["errors"]
    assert (status, error["extensions"]["code"]) in [
        (400, "BAD_USER_INPUT"),
        (400, "GRAPHQL_PARSE_FAILED"),
    ]
    assert expected_message in error["message"]
    async with open_authenticated_websocket(gateway) as websocket:
        await send_payload(websocket, body)
        assert await websocket.receive_message() == {"type": "error", "id": "1", "payload": [error]}
        await websocket.execute_query(VIEWER_QUERY)


@pytest.mark.parametrize(("body", "expected_message"), EXECUTED_OPERATIONS)
async def test_executed_operation(
    gateway: ServedGateway, body: bytes, expected_message: str | None
) -> None:
    status, response = await post_body(gateway, body)
    messages = [error["message"] for error in response.get("errors", [])]
    assert status == 200
    assert len(messages) == (expected_message is not None)
    assert all(expected_message in each for each in messages if expected_message is not None)
    async with open_authenticated_websocket(gateway) as websocket:
        await send_payload(websocket, body)
        message = await websocket.receive_message()
        assert message == {"type": "next", "id": "1", "payload": response}
