"""Bodies are read as GraphQL requests, or refused with what is wrong with them."""

from collections.abc import AsyncIterator

import pytest
from starlette.types import Message

from gateway.http.request_body import BadRequestError, parse_json, parse_request, read_body
from gateway.http.request_head import RequestHead

JSON_MEDIA_TYPE = "application/json"


def create_request(
    *chunks: bytes, media_type: str | None = JSON_MEDIA_TYPE, is_complete: bool = True
) -> RequestHead:
    """Give a request whose body comes in `chunks`; it is `whole`, or the client goes away."""
    messages = _create_messages(chunks, is_complete=is_complete)
    headers = [(b"content-type", media_type.encode())] if media_type is not None else []

    async def receive_message() -> Message:
        return await anext(messages)

    return RequestHead({"type": "http", "method": "POST", "headers": headers}, receive_message)


async def _create_messages(
    chunks: tuple[bytes, ...], *, is_complete: bool
) -> AsyncIterator[Message]:
    for chunk in chunks:
        yield {"type": "http.request", "body": chunk, "more_body": True}
    if is_complete:
        yield {"type": "http.request", "body": b"", "more_body": False}
    yield {"type": "http.disconnect"}


def test_parse_json_reads_all_members() -> None:
    body = b'{"query": "{a}", "variables": {"b": 1}, "operationName": "c", "extensions": {"d": 2}}'
    graphql_request = parse_json(body, "e")
    assert (graphql_request.query, graphql_request.variables) == ("{a}", {"b": 1})
    assert (graphql_request.operation_name, graphql_request.request_id) == ("c", "e")


def test_members_may_be_null() -> None:
    graphql_request = parse_json(b'{"query": "{a}", "variables": null, "operationName": null}', "")
    assert (graphql_request.variables, graphql_request.operation_name) == (None, None)


@pytest.mark.parametrize(
    ("body", "expected_message"),
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
def test_errors_name_the_invalid_member(body: bytes, expected_message: str) -> None:
    with pytest.raises(BadRequestError, match=expected_message) as caught:
        parse_json(body, "")
    assert caught.value.status == 400


async def test_reads_a_body_that_comes_in_pieces() -> None:
    assert await read_body(create_request(b'{"a"', b": 1}"), 100) == b'{"a": 1}'


@pytest.mark.parametrize(
    "media_type", [JSON_MEDIA_TYPE, "Application/JSON", "application/json; charset=utf-8"]
)
async def test_takes_json_however_it_is_written(media_type: str) -> None:
    graphql_request = await parse_request(
        create_request(b'{"query": "{a}"}', media_type=media_type), 100, "b"
    )
    assert (graphql_request.query, graphql_request.request_id) == ("{a}", "b")


@pytest.mark.parametrize(
    "media_type",
    [None, "", "text/plain", "application/graphql", "application/jsonx"],
)
async def test_takes_nothing_but_json(media_type: str | None) -> None:
    with pytest.raises(BadRequestError, match="Content-Type") as caught:
        await parse_request(create_request(b"{}", media_type=media_type), 100, "b")
    assert caught.value.status == 415


async def test_a_body_may_be_as_long_as_is_allowed() -> None:
    assert await read_body(create_request(b"x" * 50, b"x" * 50), 100) == b"x" * 100


async def test_a_longer_body_is_not_read_to_its_end() -> None:
    oversized_request = create_request(b"x" * 50, b"x" * 51, is_complete=False)
    with pytest.raises(BadRequestError, match="longer than 100 bytes") as caught:
        await read_body(oversized_request, 100)
    assert caught.value.status == 413


async def test_truncated_body_is_refused() -> None:
    with pytest.raises(BadRequestError, match="ends too early"):
        await read_body(create_request(b"{", is_complete=False), 100)
