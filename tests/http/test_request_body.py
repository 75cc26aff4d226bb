"""Bodies are read as GraphQL requests, or refused with what is wrong with them."""

from collections.abc import AsyncIterator

import pytest
from starlette.types import Message

from gateway.http.request_body import BadRequestError, asked, asking_in, read
from gateway.http.request_head import Headed

JSON = "application/json"


def request(*chunks: bytes, media_type: str | None = JSON, whole: bool = True) -> Headed:
    """Give a request whose body comes in `chunks`; it is `whole`, or the client goes away."""
    coming = _messages(chunks, whole=whole)
    headers = [(b"content-type", media_type.encode())] if media_type is not None else []

    async def receive() -> Message:
        return await anext(coming)

    return Headed({"type": "http", "method": "POST", "headers": headers}, receive)


async def _messages(chunks: tuple[bytes, ...], *, whole: bool) -> AsyncIterator[Message]:
    for chunk in chunks:
        yield {"type": "http.request", "body": chunk, "more_body": True}
    if whole:
        yield {"type": "http.request", "body": b"", "more_body": False}
    yield {"type": "http.disconnect"}


def test_gives_what_is_asked_for() -> None:
    body = b'{"query": "{a}", "variables": {"b": 1}, "operationName": "c", "extensions": {"d": 2}}'
    asking = asking_in(body, "e")
    assert (asking.query, asking.variables) == ("{a}", {"b": 1})
    assert (asking.operation_name, asking.id) == ("c", "e")


def test_members_may_be_null() -> None:
    asking = asking_in(b'{"query": "{a}", "variables": null, "operationName": null}', "")
    assert (asking.variables, asking.operation_name) == (None, None)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"{'query': '{a}'}", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b'{"query": "\xff"}', "no JSON"),
        (b'{"query": "\\ud800"}', "no JSON"),
        (b'{"query": "\\udc00 and more"}', "no JSON"),
        (b'{"query": "{a}", "variables": {"b": NaN}}', "no JSON"),
        (b'{"query": "{a}", "variables": {"b": 1e999}}', "no JSON"),
        (b'{"query": "{a}", "variables": {"b": %s}}' % (b"9" * 5000), "no JSON"),
        (b'{"query": "{a}"} {}', "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b'{"a":' * 100_000, "no JSON"),
        (b"123", "a JSON object"),
        (b"null", "a JSON object"),
        (b'"x"', "a JSON object"),
        (b"[]", "a JSON object"),
        (b'[{"query": "{a}"}]', "a JSON object"),
        (b"{}", "no `query`"),
        (b'{"query": null}', "no `query`"),
        (b'{"query": ""}', "no `query`"),
        (b'{"query": 1}', "`query` must be a string"),
        (b'{"query": "{a}", "variables": []}', "`variables` must be an object"),
        (b'{"query": "{a}", "variables": "{}"}', "`variables` must be an object"),
        (b'{"query": "{a}", "operationName": 3}', "`operationName` must be a string"),
    ],
)
def test_says_what_is_wrong(body: bytes, why: str) -> None:
    with pytest.raises(BadRequestError, match=why) as refused:
        asking_in(body, "")
    assert refused.value.status == 400


async def test_reads_a_body_that_comes_in_pieces() -> None:
    assert await read(request(b'{"a"', b": 1}"), 100) == b'{"a": 1}'


@pytest.mark.parametrize(
    "media_type", [JSON, "Application/JSON", "application/json; charset=utf-8"]
)
async def test_takes_json_however_it_is_written(media_type: str) -> None:
    asking = await asked(request(b'{"query": "{a}"}', media_type=media_type), 100, "b")
    assert (asking.query, asking.id) == ("{a}", "b")


@pytest.mark.parametrize(
    "media_type",
    [None, "", "text/plain", "application/graphql", "application/jsonx"],
)
async def test_takes_nothing_but_json(media_type: str | None) -> None:
    with pytest.raises(BadRequestError, match="Content-Type") as refused:
        await asked(request(b"{}", media_type=media_type), 100, "b")
    assert refused.value.status == 415


async def test_a_body_may_be_as_long_as_is_allowed() -> None:
    assert await read(request(b"x" * 50, b"x" * 50), 100) == b"x" * 100


async def test_a_longer_body_is_not_read_to_its_end() -> None:
    endless = request(b"x" * 50, b"x" * 51, whole=False)
    with pytest.raises(BadRequestError, match="longer than 100 bytes") as refused:
        await read(endless, 100)
    assert refused.value.status == 413


async def test_a_body_that_breaks_off_is_refused() -> None:
    with pytest.raises(BadRequestError, match="ends too early"):
        await read(request(b"{", whole=False), 100)
