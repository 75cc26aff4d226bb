"""Subscriptions as streams over HTTP: Server-Sent Events, and Apollo's multipart."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from gateway.transports import stream_framing
from tests.transports.streaming_server import CHANGES, WHO, Message, Served, attached, served, until

SSE, JSON = "text/event-stream", "application/json"
MULTIPART = "multipart/mixed;boundary=graphql;subscriptionSpec=1.0"
APOLLO = f"{MULTIPART},application/graphql-response+json,application/json;q=0.9"
EVERYTHING = f"application/graphql-response+json, {JSON}, text/event-stream, multipart/mixed"


class Stream:
    """A response that goes on."""

    def __init__(self, response: httpx.Response, apart: str) -> None:
        self.response = response
        self._pieces, self._apart, self._read = response.aiter_raw(), apart.encode(), b""

    async def next(self) -> str:
        """Give what comes before the next separator."""
        async with asyncio.timeout(10):
            while self._apart not in self._read:
                self._read += await anext(self._pieces)
        piece, _, self._read = self._read.partition(self._apart)
        return piece.decode()

    async def rest(self) -> str:
        """Give what comes until the end."""
        async with asyncio.timeout(10):
            async for each in self._pieces:
                self._read += each
        return self._read.decode()

    async def event(self) -> tuple[str, Message]:
        """Give the id and the data of the next event, whatever signs of life come before."""
        while (text := await self.next()) == ":":
            pass
        lines = dict(each.split(": ", 1) for each in text.splitlines())
        assert lines["event"] == "next"
        return lines.get("id", ""), json.loads(lines["data"])

    async def part(self) -> Message:
        """Give the next part, whatever signs of life come before."""
        while (text := await self.next()).endswith("{}"):
            pass
        head, _, body = text.partition("\r\n\r\n")
        assert head == "\r\ncontent-type: application/json"
        part: Message = json.loads(body)
        return part


@asynccontextmanager
async def streamed(
    gateway: Served, query: str = CHANGES, accept: str = SSE, **headers: str
) -> AsyncIterator[Stream]:
    """Ask for a stream, as staff."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    sent = {**gateway.header(), "Accept": accept, **named}
    async with (
        httpx.AsyncClient(timeout=20) as client,
        client.stream("POST", gateway.url, json={"query": query}, headers=sent) as response,
    ):
        told_by = Stream(response, "\n\n" if accept == SSE else "\r\n--graphql")
        assert await told_by.next() == (":" if accept == SSE else "")
        yield told_by


async def asked(gateway: Served, query: str, accept: str, **headers: str) -> httpx.Response:
    """Ask for what ends at once, as staff."""
    sent = {**gateway.header(), "Accept": accept, **headers}
    async with httpx.AsyncClient(timeout=20) as client:
        return await client.post(gateway.url, json={"query": query}, headers=sent)


def code(answer: Any) -> str:
    """Give the code of the first error."""
    return str(answer["errors"][0]["extensions"]["code"])


@pytest.mark.parametrize("accept", [SSE, MULTIPART])
async def test_the_head_of_a_stream(gateway: Served, accept: str) -> None:
    async with streamed(gateway, accept=accept, X_Request_ID="mine") as told_by:
        said = told_by.response.headers
        assert told_by.response.status_code == 200
        assert said["content-type"].startswith(accept.partition(";")[0])
        assert (said["cache-control"], said["vary"]) == ("no-store", "Accept")
        assert (said["x-accel-buffering"], said["x-request-id"]) == ("no", "mine")
        assert "content-length" not in said
        if accept == MULTIPART:
            assert 'boundary="graphql"' in said["content-type"]
            assert "subscriptionSpec=1.0" in said["content-type"]


async def test_events_are_told_with_their_cursors(gateway: Served) -> None:
    async with streamed(gateway) as told_by:
        await attached(gateway)
        for name in ("by SSE", "by SSE again"):
            uuid = gateway.rename(name)
            cursor, told = await told_by.event()
            event = {"uuid": uuid, "cursor": cursor, "resource": {"name": name}}
            assert told == {"data": {"resourceChanged": event}}


async def test_parts_are_whole_at_once(gateway: Served) -> None:
    async with streamed(gateway, accept=MULTIPART) as told_by:
        await attached(gateway)
        for name in ("by parts", "by parts again"):
            gateway.rename(name)
            part = await told_by.part()
            assert part["payload"]["data"]["resourceChanged"]["resource"] == {"name": name}
            assert set(part) == {"payload"}


async def test_a_client_that_comes_back_is_told_what_it_missed(gateway: Served) -> None:
    async with streamed(gateway) as told_by:
        await attached(gateway)
        gateway.rename("before the cut")
        cursor, _ = await told_by.event()
    await until(lambda: gateway.subscribed() == 0)
    ids = [gateway.rename(f"missed {number}", number) for number in (2, 3, 4)]
    async with streamed(gateway, Last_Event_ID=cursor) as told_by:
        await attached(gateway)
        ids.append(gateway.rename("live again", 5))
        told = [await told_by.event() for _ in ids]
    assert [each["data"]["resourceChanged"]["uuid"] for _, each in told] == ids
    after = f'subscription {{ resourceChanged(after: "{cursor}") {{ __typename }} }}'
    async with streamed(gateway, after, Last_Event_ID=told[1][0]) as told_by:
        assert [(await told_by.event())[0] for _ in range(2)] == [told[2][0], told[3][0]]


async def test_a_cursor_that_is_none(gateway: Served) -> None:
    answer = await asked(gateway, CHANGES, SSE, **{"Last-Event-ID": "no"})
    lines = answer.text.split("\n")
    assert lines[:3] == [":", "", "event: next"]
    assert code(json.loads(lines[3].removeprefix("data: "))) == "BAD_USER_INPUT"
    assert lines[4:] == ["", "event: complete", "data:", "", ""]


@pytest.mark.parametrize("accept", [SSE, MULTIPART])
async def test_signs_of_life(gateway: Served, accept: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for framing in (stream_framing.SSE, stream_framing.MULTIPART):
        monkeypatch.setitem(vars(framing), "seconds", 0.2)
    async with streamed(gateway, accept=accept) as told_by:
        for _ in range(2):
            said = await told_by.next()
            assert said == (
                ":" if accept == SSE else "\r\ncontent-type: application/json\r\n\r\n{}"
            )


async def test_a_query_by_sse(gateway: Served) -> None:
    answer = await asked(gateway, WHO, SSE)
    assert answer.status_code == 200
    data = '{"data":{"viewer":{"user":{"username":"staff"}}}}'
    assert answer.text == f":\n\nevent: next\ndata: {data}\n\nevent: complete\ndata:\n\n"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { resourceChanged { nothing } }", "GRAPHQL_VALIDATION_FAILED"),
        ('subscription { resourceChanged(after: "no") { __typename } }', "BAD_USER_INPUT"),
    ],
)
async def test_mistakes(gateway: Served, query: str, expected: str) -> None:
    said = (await asked(gateway, query, SSE)).text
    assert f'"code":"{expected}"' in said
    assert said.startswith(':\n\nevent: next\ndata: {"errors":[')
    assert said.endswith("\n\nevent: complete\ndata:\n\n")
    answer = await asked(gateway, query, APOLLO)
    assert answer.headers["content-type"].startswith("application/graphql-response+json")
    assert (answer.status_code, code(answer.json())) == (400, expected)


@pytest.mark.parametrize("accept", [SSE, MULTIPART])
async def test_a_token_that_is_of_no_use(gateway: Served, accept: str) -> None:
    answer = await asked(gateway, CHANGES, accept, Authorization="Token no")
    assert (answer.status_code, code(answer.json())) == (401, "UNAUTHENTICATED")
    assert answer.headers["www-authenticate"] == "Token"


@pytest.mark.parametrize("accept", [JSON, "application/graphql-response+json", "*/*", ""])
async def test_who_takes_no_stream(gateway: Served, accept: str) -> None:
    answer = await asked(gateway, CHANGES, accept)
    assert (answer.status_code, code(answer.json())) == (406, "BAD_USER_INPUT")


@pytest.mark.parametrize(
    "accept", [APOLLO, EVERYTHING, f"{SSE}, */*", "Multipart/Mixed;subscriptionspec=1.0"]
)
async def test_only_subscriptions_are_streams_for_who_takes_both(
    gateway: Served, accept: str
) -> None:
    answer = await asked(gateway, WHO, accept)
    assert answer.json() == {"data": {"viewer": {"user": {"username": "staff"}}}}


@pytest.mark.parametrize("accept", [EVERYTHING, "Text/Event-Stream", f"{SSE};q=1"])
async def test_what_is_meant_by_what_is_accepted(gateway: Served, accept: str) -> None:
    sent = {"Accept": accept}
    async with (
        httpx.AsyncClient() as client,
        client.stream("POST", gateway.url, json={"query": CHANGES}, headers=sent) as response,
    ):
        assert response.headers["content-type"].startswith(SSE)


@pytest.mark.parametrize("accept", [SSE, MULTIPART])
async def test_who_hangs_up_is_told_nothing_more(gateway: Served, accept: str) -> None:
    async with streamed(gateway, accept=accept):
        await attached(gateway)
    await until(lambda: gateway.subscribed() == 0)
    await until(lambda: not gateway.desk.subscriptions.hub.groups)
    assert not gateway.desk.presence._sessions


async def test_there_is_room_for_some(url: str) -> None:
    async with served(url, user_subscriptions="1") as gateway:
        async with streamed(gateway):
            answer = await asked(gateway, CHANGES, SSE)
            assert (answer.status_code, code(answer.json())) == (429, "RATE_LIMITED")
            assert answer.headers["retry-after"] == "10"
        await until(lambda: gateway.subscribed() == 0)
        async with streamed(gateway):
            assert gateway.subscribed() == 1


async def test_nothing_is_told_where_nothing_is_watched(url: str) -> None:
    async with served(url, events="off") as gateway:
        answer = await asked(gateway, CHANGES, SSE)
        assert (answer.status_code, code(answer.json())) == (503, "UNAVAILABLE")


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
async def test_streams_are_asked_for_by_post(gateway: Served, method: str) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.request(method, gateway.url, headers={"Accept": SSE})
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
