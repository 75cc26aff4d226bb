"""What was refused is freed at once: errors leave no reference circles to the collector."""

from typing import Any

import httpx
import pytest

from gateway.http.request_head import RequestHead
from gateway.transports.uvicorn_internals import ResponseCycle
from gateway.transports.websocket import WebSocketConnection
from tests.support.live_objects import disable_collector
from tests.support.time_limits import scale_seconds, wait_until
from tests.transports.streaming_server import (
    RESOURCE_CHANGED_SUBSCRIPTION,
    open_websocket,
    serve_gateway,
)

INVALID_TOKEN = {"Authorization": f"Token {'f' * 40}"}
FAILING_QUERY = '{ resources(after: "unknown") { totalCount } }'
REFUSED_REQUESTS: dict[str, dict[str, Any]] = {
    "invalid token": {"json": {"query": "{ __typename }"}, "headers": INVALID_TOKEN},
    "upload with an invalid token": {
        "files": {"operations": b"x" * 200_000},
        "headers": {**INVALID_TOKEN, "GraphQL-Preflight": "1"},
    },
    "large body": {"content": b"x" * 1_100_000, "headers": {"Content-Type": "application/json"}},
    "malformed body": {"content": b"{", "headers": {"Content-Type": "application/json"}},
    "unknown field": {"json": {"query": "{ unknown }"}},
    "invalid cursor": {"json": {"query": FAILING_QUERY}},
    "invalid event cursor": {
        "json": {"query": RESOURCE_CHANGED_SUBSCRIPTION},
        "headers": {"Accept": "text/event-stream, application/json", "Last-Event-ID": "unknown"},
    },
    "media type": {"content": b"x", "headers": {"Content-Type": "text/plain"}},
}


@pytest.mark.parametrize("name", REFUSED_REQUESTS)
async def test_refused_requests_are_freed_at_once(url: str, name: str) -> None:
    async with (
        serve_gateway(url, failed_tokens="off") as gateway,
        httpx.AsyncClient(timeout=scale_seconds(5)) as http,
    ):
        await http.post(gateway.url, **REFUSED_REQUESTS[name])
        with disable_collector(RequestHead, ResponseCycle) as are_freed:
            for _ in range(5):
                response = await http.post(gateway.url, **REFUSED_REQUESTS[name])
                assert "errors" in response.json()
            await wait_until(are_freed)


async def test_refused_websockets_are_freed_at_once(url: str) -> None:
    async with serve_gateway(url, failed_tokens="off") as gateway:
        with disable_collector(WebSocketConnection) as are_freed:
            for _ in range(5):
                async with open_websocket(gateway) as websocket:
                    await websocket.send_message("connection_init", payload=INVALID_TOKEN)
                    await websocket.wait_closed()
            await wait_until(are_freed)
