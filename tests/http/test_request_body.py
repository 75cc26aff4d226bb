"""Request body parser: valid bodies, and the messages for invalid ones."""

from collections.abc import AsyncIterator

import pytest
from starlette.types import Message

from gateway.error_table import get_error_rule
from gateway.http.request_body import BadRequestError, parse_json, read_body
from gateway.http.request_head import RequestHead

JSON_MEDIA_TYPE = "application/json"


def create_request(
    *chunks: bytes, media_type: str | None = JSON_MEDIA_TYPE, is_complete: bool = True
) -> RequestHead:
    """Create a request whose body comes in `chunks`; if incomplete, the client disconnects."""
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


@pytest.mark.parametrize("name", [b"null", b'""'])
def test_members_may_be_null(name: bytes) -> None:
    body = b'{"query": "{a}", "variables": null, "operationName": %s}' % name
    graphql_request = parse_json(body, "")
    assert (graphql_request.variables, graphql_request.operation_name) == (None, None)


@pytest.mark.parametrize(
    ("body", "expected_message"),
    [
        (b"", "is empty"),
        (b"{", "not valid JSON"),
        (b"{'query': '{a}'}", "not valid JSON"),
        (b"\xff\xfe", "without a byte order mark"),
        (b'{"query": "\xff"}', "not valid JSON"),
        (b'{"query": "\\ud800"}', "not valid JSON"),
        (b'{"query": "\\udc00 and more"}', "not valid JSON"),
        (b'{"query": "{a}", "variables": {"b": NaN}}', "not valid JSON"),
        (b'{"query": "{a}", "variables": {"b": Infinity}}', "not valid JSON"),
        (b'{"query": "{a}", "variables": {"b": %s, "c": NaN}}' % (b"9" * 5000), "not valid JSON"),
        (b'{"query": "\\ud800", "variables": {"b": %s}}' % (b"9" * 5000), "not valid JSON"),
        (b'{"query": "{a}"} {}', "not valid JSON"),
        (b"[" * 100_000, "at most 200 levels"),
        (b'{"a":' * 100_000, "at most 200 levels"),
        (b"123", "a JSON object"),
        (b"null", "a JSON object"),
        (b'"x"', "a JSON object"),
        (b"[]", "Batches are not supported"),
        (b'[{"query": "{a}"}]', "Batches are not supported"),
        (b"{}", "no `query`"),
        (b'{"query": null}', "no `query`"),
        (b'{"query": ""}', "no `query`"),
        (b'{"query": 1}', "`query` must be a string"),
        (b'{"query": "{a}", "variables": []}', "`variables` must be an object"),
        (b'{"query": "{a}", "variables": "{}"}', "`variables` must be an object"),
        (b'{"query": "{a}", "operationName": 3}', "`operationName` must be a string"),
        (b'{"query": "{a}", "extensions": []}', "`extensions` must be an object"),
        (b'{"query": "{a}", "extensions": "{}"}', "`extensions` must be an object"),
        (b'{"query": "{a}", "extensions": 0}', "`extensions` must be an object"),
    ],
)
def test_errors_name_the_invalid_member(body: bytes, expected_message: str) -> None:
    with pytest.raises(BadRequestError, match=expected_message) as caught:
        parse_json(body, "")
    assert get_error_rule(caught.value).status == 400


async def test_body_in_chunks_is_joined() -> None:
    assert await read_body(create_request(b'{"a"', b": 1}"), 100) == b'{"a": 1}'


async def test_body_of_maximum_size_is_read() -> None:
    assert await read_body(create_request(b"x" * 50, b"x" * 50), 100) == b"x" * 100


async def test_reading_stops_at_maximum_size() -> None:
    oversized_request = create_request(b"x" * 50, b"x" * 51, is_complete=False)
    with pytest.raises(BadRequestError, match="longer than 100 bytes") as caught:
        await read_body(oversized_request, 100)
    assert get_error_rule(caught.value).status == 413


async def test_truncated_body_is_refused() -> None:
    with pytest.raises(BadRequestError, match="body is incomplete"):
        await read_body(create_request(b"{", is_complete=False), 100)
