"""HTTP streams: Server-Sent Events and Apollo's multipart protocol."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from gateway.subscriptions.subscriber import Subscriber
from gateway.transports import stream_framing
from gateway.transports.http_stream import SubscriptionStream
from gateway.transports.outgoing_buffer import OutgoingBuffer
from tests.support.live_objects import disable_collector
from tests.support.time_limits import scale_seconds, time_limit, wait_until
from tests.transports.streaming_server import (
    RESOURCE_CHANGED_SUBSCRIPTION,
    VIEWER_QUERY,
    JSONObject,
    ServedGateway,
    serve_gateway,
    wait_for_subscribers,
)

SSE_MEDIA_TYPE, JSON_MEDIA_TYPE = "text/event-stream", "application/json"
MULTIPART_ACCEPT = "multipart/mixed;boundary=graphql;subscriptionSpec=1.0"
APOLLO_ACCEPT = f"{MULTIPART_ACCEPT},application/graphql-response+json,application/json;q=0.9"
ALL_MEDIA_TYPES_ACCEPT = (
    f"application/graphql-response+json, {JSON_MEDIA_TYPE}, text/event-stream, multipart/mixed"
)


class StreamReader:
    """Reader of a streamed response."""

    def __init__(self, response: httpx.Response, separator: str) -> None:
        self.response = response
        self._chunks, self._separator, self._buffer = response.aiter_raw(), separator.encode(), b""

    async def read_until_separator(self) -> str:
        """Read up to the next separator and return the text before it."""
        async with time_limit(10, "the next part of the stream"):
            while self._separator not in self._buffer:
                self._buffer += await anext(self._chunks)
        segment, _, self._buffer = self._buffer.partition(self._separator)
        return segment.decode()

    async def read_rest(self) -> str:
        """Read to the end of the response and return the rest."""
        async with time_limit(10, "the end of the stream"):
            async for chunk in self._chunks:
                self._buffer += chunk
        return self._buffer.decode()

    async def read_event(self) -> tuple[str, JSONObject]:
        """Skip pings; return the id and the data of the next event."""
        while (segment := await self.read_until_separator()) == ":":
            pass
        lines = dict(each.split(": ", 1) for each in segment.splitlines())
        assert lines["event"] == "next"
        return lines.get("id", ""), json.loads(lines["data"])

    async def read_part(self) -> JSONObject:
        """Skip pings; return the next part."""
        while (segment := await self.read_until_separator()).endswith("{}"):
            pass
        head, _, body = segment.partition("\r\n\r\n")
        assert head == "\r\ncontent-type: application/json"
        part: JSONObject = json.loads(body)
        return part


@asynccontextmanager
async def open_stream(
    gateway: ServedGateway,
    query: str = RESOURCE_CHANGED_SUBSCRIPTION,
    accept: str = SSE_MEDIA_TYPE,
    method: str = "POST",
    **headers: str,
) -> AsyncIterator[StreamReader]:
    """Open a stream as staff and read its preamble."""
    request_options: dict[str, Any] = {"json" if method == "POST" else "params": {"query": query}}
    extra_headers = {name.replace("_", "-"): value for name, value in headers.items()}
    request_headers = {**gateway.create_auth_header(), "Accept": accept, **extra_headers}
    async with (
        httpx.AsyncClient(timeout=scale_seconds(20)) as client,
        client.stream(method, gateway.url, headers=request_headers, **request_options) as response,
    ):
        stream = StreamReader(response, "\n\n" if accept == SSE_MEDIA_TYPE else "\r\n--graphql")
        assert await stream.read_until_separator() == (":" if accept == SSE_MEDIA_TYPE else "")
        yield stream


async def post_query(
    gateway: ServedGateway, query: str, accept: str, **headers: str
) -> httpx.Response:
    """Send a request as staff and return its complete response."""
    request_headers = {**gateway.create_auth_header(), "Accept": accept, **headers}
    async with httpx.AsyncClient(timeout=scale_seconds(20)) as client:
        return await client.post(gateway.url, json={"query": query}, headers=request_headers)


def first_error_code(result: Any) -> str:
    """Return the code of the first error."""
    return str(result["errors"][0]["extensions"]["code"])


@pytest.mark.parametrize("accept", [SSE_MEDIA_TYPE, MULTIPART_ACCEPT])
async def test_the_head_of_a_stream(gateway: ServedGateway, accept: str) -> None:
    async with open_stream(gateway, accept=accept, X_Request_ID="mine") as stream:
        response_headers = stream.response.headers
        assert stream.response.status_code == 200
        assert response_headers["content-type"].startswith(accept.partition(";")[0])
        assert response_headers["cache-control"] == "no-store"
        assert response_headers["vary"] == "Accept"
        assert response_headers["x-accel-buffering"] == "no"
        assert response_headers["x-request-id"] == "mine"
        assert "content-length" not in response_headers
        if accept == MULTIPART_ACCEPT:
            assert 'boundary="graphql"' in response_headers["content-type"]
            assert "subscriptionSpec=1.0" in response_headers["content-type"]


async def test_events_carry_their_cursors(gateway: ServedGateway) -> None:
    async with open_stream(gateway) as stream:
        await wait_for_subscribers(gateway)
        for name in ("by SSE", "by SSE again"):
            uuid = gateway.rename_resource(name)
            cursor, event_data = await stream.read_event()
            event = {"uuid": uuid, "cursor": cursor, "resource": {"name": name}}
            assert event_data == {"data": {"resourceChanged": event}}


async def test_each_part_is_complete(gateway: ServedGateway) -> None:
    async with open_stream(gateway, accept=MULTIPART_ACCEPT) as stream:
        await wait_for_subscribers(gateway)
        for name in ("by parts", "by parts again"):
            gateway.rename_resource(name)
            part = await stream.read_part()
            assert part["payload"]["data"]["resourceChanged"]["resource"] == {"name": name}
            assert set(part) == {"payload"}


async def test_reconnecting_client_receives_missed_events(gateway: ServedGateway) -> None:
    async with open_stream(gateway) as stream:
        await wait_for_subscribers(gateway)
        gateway.rename_resource("before the cut")
        cursor, _ = await stream.read_event()
    await wait_until(lambda: gateway.count_subscriptions() == 0)
    ids = [gateway.rename_resource(f"missed {number}", number) for number in (2, 3, 4)]
    async with open_stream(gateway, Last_Event_ID=cursor) as stream:
        await wait_for_subscribers(gateway)
        ids.append(gateway.rename_resource("live again", 5))
        events = [await stream.read_event() for _ in ids]
    assert [each["data"]["resourceChanged"]["uuid"] for _, each in events] == ids
    resume_subscription = f'subscription {{ resourceChanged(after: "{cursor}") {{ __typename }} }}'
    async with open_stream(gateway, resume_subscription, Last_Event_ID=events[1][0]) as stream:
        assert [(await stream.read_event())[0] for _ in range(2)] == [events[2][0], events[3][0]]


async def test_invalid_cursor(gateway: ServedGateway) -> None:
    response = await post_query(
        gateway, RESOURCE_CHANGED_SUBSCRIPTION, SSE_MEDIA_TYPE, **{"Last-Event-ID": "no"}
    )
    lines = response.text.split("\n")
    assert lines[:3] == [":", "", "event: next"]
    assert first_error_code(json.loads(lines[3].removeprefix("data: "))) == "BAD_USER_INPUT"
    assert lines[4:] == ["", "event: complete", "data:", "", ""]


@pytest.mark.parametrize("accept", [SSE_MEDIA_TYPE, MULTIPART_ACCEPT])
async def test_keepalive_pings(
    gateway: ServedGateway, accept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for framing in (stream_framing.SSE_FRAMING, stream_framing.MULTIPART_FRAMING):
        monkeypatch.setitem(vars(framing), "ping_interval_seconds", 0.2)
    async with open_stream(gateway, accept=accept) as stream:
        for _ in range(2):
            segment = await stream.read_until_separator()
            assert segment == (
                ":" if accept == SSE_MEDIA_TYPE else "\r\ncontent-type: application/json\r\n\r\n{}"
            )


async def test_a_query_by_sse(gateway: ServedGateway) -> None:
    response = await post_query(gateway, VIEWER_QUERY, SSE_MEDIA_TYPE)
    assert response.status_code == 200
    data = '{"data":{"viewer":{"user":{"username":"staff"}}}}'
    assert response.text == f":\n\nevent: next\ndata: {data}\n\nevent: complete\ndata:\n\n"


async def test_a_query_by_multipart(gateway: ServedGateway) -> None:
    response = await post_query(gateway, VIEWER_QUERY, MULTIPART_ACCEPT)
    assert response.headers["content-type"].startswith('multipart/mixed;boundary="graphql"')
    payload = '{"payload":{"data":{"viewer":{"user":{"username":"staff"}}}}}'
    head = "\r\n--graphql\r\ncontent-type: application/json\r\n\r\n"
    assert response.text == f"{head}{payload}\r\n--graphql--\r\n"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { resourceChanged { nothing } }", "GRAPHQL_VALIDATION_FAILED"),
        ('subscription { resourceChanged(after: "no") { __typename } }', "BAD_USER_INPUT"),
    ],
)
async def test_invalid_operations(gateway: ServedGateway, query: str, expected: str) -> None:
    response_text = (await post_query(gateway, query, SSE_MEDIA_TYPE)).text
    assert f'"code":"{expected}"' in response_text
    assert response_text.startswith(':\n\nevent: next\ndata: {"errors":[')
    assert response_text.endswith("\n\nevent: complete\ndata:\n\n")
    response = await post_query(gateway, query, APOLLO_ACCEPT)
    assert response.headers["content-type"].startswith("application/graphql-response+json")
    assert (response.status_code, first_error_code(response.json())) == (400, expected)


@pytest.mark.parametrize("accept", [SSE_MEDIA_TYPE, MULTIPART_ACCEPT])
async def test_invalid_token(gateway: ServedGateway, accept: str) -> None:
    response = await post_query(
        gateway, RESOURCE_CHANGED_SUBSCRIPTION, accept, Authorization="Token no"
    )
    assert (response.status_code, first_error_code(response.json())) == (401, "UNAUTHENTICATED")
    assert response.headers["www-authenticate"] == "Token"


@pytest.mark.parametrize(
    "accept", [JSON_MEDIA_TYPE, "application/graphql-response+json", "*/*", ""]
)
async def test_stream_media_type_is_required(gateway: ServedGateway, accept: str) -> None:
    response = await post_query(gateway, RESOURCE_CHANGED_SUBSCRIPTION, accept)
    assert (response.status_code, first_error_code(response.json())) == (406, "BAD_USER_INPUT")


@pytest.mark.parametrize(
    "accept",
    [
        APOLLO_ACCEPT,
        ALL_MEDIA_TYPES_ACCEPT,
        f"{SSE_MEDIA_TYPE}, */*",
        f"{SSE_MEDIA_TYPE}, {JSON_MEDIA_TYPE};q=0.1",
    ],
)
async def test_query_result_is_not_streamed_if_json_is_accepted(
    gateway: ServedGateway, accept: str
) -> None:
    response = await post_query(gateway, VIEWER_QUERY, accept)
    assert response.json() == {"data": {"viewer": {"user": {"username": "staff"}}}}


@pytest.mark.parametrize(
    "accept", [ALL_MEDIA_TYPES_ACCEPT, "Text/Event-Stream", f"{SSE_MEDIA_TYPE};q=1"]
)
async def test_accept_header_selects_sse(gateway: ServedGateway, accept: str) -> None:
    headers = {"Accept": accept}
    async with (
        httpx.AsyncClient(timeout=scale_seconds(20)) as client,
        client.stream(
            "POST", gateway.url, json={"query": RESOURCE_CHANGED_SUBSCRIPTION}, headers=headers
        ) as response,
    ):
        assert response.headers["content-type"].startswith(SSE_MEDIA_TYPE)


@pytest.mark.parametrize("accept", [SSE_MEDIA_TYPE, MULTIPART_ACCEPT])
async def test_disconnect_ends_subscription(gateway: ServedGateway, accept: str) -> None:
    async with open_stream(gateway, accept=accept):
        await wait_for_subscribers(gateway)
    await wait_until(lambda: gateway.count_subscriptions() == 0)
    await wait_until(lambda: not gateway.services.subscription_registry.hub.groups)
    assert not gateway.services.session_monitor._sessions


async def test_closed_streams_are_freed_without_the_collector(gateway: ServedGateway) -> None:
    with disable_collector(SubscriptionStream, Subscriber, OutgoingBuffer) as are_freed:
        for number in range(20):
            async with open_stream(gateway) as stream:
                await wait_for_subscribers(gateway)
                if number % 2 == 0:
                    gateway.rename_resource(f"freed {number}")
                    await stream.read_event()
            await wait_for_subscribers(gateway, 0)
        await wait_until(are_freed)


async def test_subscription_quota(url: str) -> None:
    async with serve_gateway(url, user_subscriptions="1") as gateway:
        async with open_stream(gateway):
            response = await post_query(gateway, RESOURCE_CHANGED_SUBSCRIPTION, SSE_MEDIA_TYPE)
            assert (response.status_code, first_error_code(response.json())) == (
                429,
                "RATE_LIMITED",
            )
            assert response.headers["retry-after"] == "10"
        await wait_until(lambda: gateway.count_subscriptions() == 0)
        async with open_stream(gateway):
            assert gateway.count_subscriptions() == 1


async def test_subscriptions_unavailable_without_events(url: str) -> None:
    async with serve_gateway(url, events="off") as gateway:
        response = await post_query(gateway, RESOURCE_CHANGED_SUBSCRIPTION, SSE_MEDIA_TYPE)
        assert (response.status_code, first_error_code(response.json())) == (503, "UNAVAILABLE")


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
async def test_streams_need_the_method_post(gateway: ServedGateway, method: str) -> None:
    async with httpx.AsyncClient(timeout=scale_seconds(20)) as client:
        response = await client.request(method, gateway.url, headers={"Accept": SSE_MEDIA_TYPE})
    assert response.status_code == 405
    assert "POST" in response.headers["allow"]


async def test_stream_by_get(url: str) -> None:
    """Browsers' EventSource sends GET requests, and reconnects with the last cursor."""
    async with serve_gateway(url, get_queries="on") as gateway:
        query = RESOURCE_CHANGED_SUBSCRIPTION
        async with open_stream(gateway, query, method="GET") as stream:
            await wait_for_subscribers(gateway)
            uuid = gateway.rename_resource("by GET")
            cursor, event = await stream.read_event()
            assert event["data"]["resourceChanged"]["uuid"] == uuid
        uuid = gateway.rename_resource("by GET again")
        async with open_stream(gateway, query, method="GET", Last_Event_ID=cursor) as stream:
            _, event = await stream.read_event()
            assert event["data"]["resourceChanged"]["resource"]["name"] == "by GET again"
