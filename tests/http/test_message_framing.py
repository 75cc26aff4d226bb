"""Framing of requests: body lengths, hosts, chunked bodies."""

from http import HTTPStatus

import pytest

from gateway.http.message_framing import (
    ChunkedDecoder,
    MessageError,
    check_host,
    parse_body_length,
)

CHUNKED_BODIES = {
    b"0\r\n\r\n": b"",
    b"3\r\nabc\r\n0\r\n\r\n": b"abc",
    b"03\r\nabc\r\n2;name=value;other\r\nde\r\n000\r\n\r\n": b"abcde",
    b"A\r\n0123456789\r\n0\r\nTrailer: value\r\nOther: x\r\n\r\n": b"0123456789",
    b"5\r\n\r\n0\r\n\r\n0\r\n\r\n": b"\r\n0\r\n",
}
INVALID_CHUNKED_BODIES = {
    "no size": b"\r\n",
    "size is no number": b"x\r\n",
    "negative size": b"-1\r\n",
    "prefix": b"0x1\r\na\r\n",
    "space before the size": b" 1\r\na\r\n",
    "underscore": b"1_0\r\n",
    "size too long": b"1" * 16 + b"\r\n",
    "bare line feed": b"1\na\r\n",
    "longer than its size": b"1\r\nab\r\n",
    "carriage return in an extension": b"1;a\rb\r\na\r\n",
    "control character in an extension": b"1;a\x00\r\na\r\n",
}


@pytest.mark.parametrize("encoded", CHUNKED_BODIES)
@pytest.mark.parametrize("part_length", [1, 2, 100])
def test_chunked_bodies_are_decoded(encoded: bytes, part_length: int) -> None:
    decoder, body, rest = ChunkedDecoder(1000), b"", b""
    encoded_with_next = encoded + b"GET /"
    for start in range(0, len(encoded_with_next), part_length):
        if decoder.is_complete:
            rest += encoded_with_next[start : start + part_length]
            continue
        data, rest = decoder.decode_data(rest + encoded_with_next[start : start + part_length])
        body += data
    assert (body, rest, decoder.is_complete) == (CHUNKED_BODIES[encoded], b"GET /", True)


@pytest.mark.parametrize("name", INVALID_CHUNKED_BODIES)
def test_invalid_chunked_bodies_are_refused(name: str) -> None:
    with pytest.raises(MessageError, match="malformed") as caught:
        ChunkedDecoder(1000).decode_data(INVALID_CHUNKED_BODIES[name])
    assert caught.value.status == HTTPStatus.BAD_REQUEST


@pytest.mark.parametrize(
    ("start", "part"),
    [
        (b"", b"1;" + b"x" * 50 + b"\r\na\r\n"),
        (b"", b"1\r\na\r\n"),
        (b"0\r\n", b"Name: value\r\n"),
        (b"1;", b"endless"),
    ],
    ids=["extensions", "tiny chunks", "trailers", "unfinished line"],
)
def test_the_overhead_of_chunks_is_bounded(start: bytes, part: bytes) -> None:
    decoder = ChunkedDecoder(1000)
    _, rest = decoder.decode_data(start)
    with pytest.raises(MessageError, match="longer than 1000 bytes"):  # noqa: PT012
        for _ in range(1000):
            _, rest = decoder.decode_data(rest + part)


@pytest.mark.parametrize(
    ("fields", "version", "expected_length"),
    [
        ({}, "1.1", 0),
        ({b"content-length": b"12"}, "1.0", 12),
        ({b"transfer-encoding": b"Chunked"}, "1.1", None),
    ],
)
def test_body_length(fields: dict[bytes, bytes], version: str, expected_length: int | None) -> None:
    assert parse_body_length(fields, version) == expected_length


@pytest.mark.parametrize(
    ("fields", "version", "status"),
    [
        ({b"content-length": b"5,5"}, "1.1", HTTPStatus.BAD_REQUEST),
        ({b"content-length": b"-5"}, "1.1", HTTPStatus.BAD_REQUEST),
        ({b"content-length": b""}, "1.1", HTTPStatus.BAD_REQUEST),
        (
            {b"content-length": b"5", b"transfer-encoding": b"chunked"},
            "1.1",
            HTTPStatus.BAD_REQUEST,
        ),
        ({b"transfer-encoding": b"chunked"}, "1.0", HTTPStatus.BAD_REQUEST),
        ({b"transfer-encoding": b"identity,chunked"}, "1.1", HTTPStatus.NOT_IMPLEMENTED),
        ({b"transfer-encoding": b"gzip"}, "1.1", HTTPStatus.NOT_IMPLEMENTED),
    ],
)
def test_ambiguous_lengths_are_refused(
    fields: dict[bytes, bytes], version: str, status: HTTPStatus
) -> None:
    with pytest.raises(MessageError) as caught:
        parse_body_length(fields, version)
    assert caught.value.status == status


@pytest.mark.parametrize(
    "host", [b"x", b"portal.example.org", b"127.0.0.1:8000", b"[::1]:80", b"a_b-c:", b"x%20y"]
)
def test_valid_hosts(host: bytes) -> None:
    check_host({b"host": host}, "1.1")
    check_host({}, "1.0")


@pytest.mark.parametrize(
    "host",
    [None, b"", b"a b", b"a/b", b"a,b", b"user@x", b"x:port", b"x:123456", b"[::1", b"x?y", b"x#y"],
)
def test_invalid_hosts(host: bytes | None) -> None:
    with pytest.raises(MessageError, match="Host header"):
        check_host({} if host is None else {b"host": host}, "1.1")
