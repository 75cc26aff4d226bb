"""Reader of requests: limits, pipelining, and forms that two implementations read differently."""

import pytest

from gateway.http.message_framing import MessageError
from gateway.transports.request_reader import HeadLimits, ReceivedHead, RequestReader
from tests.support.raw_http import (
    LIVENESS_REQUEST,
    TYPENAME_BODY,
    WEBSOCKET_HANDSHAKE,
    encode_post,
)

CHUNKED = "Transfer-Encoding: chunked"
REFUSED_REQUESTS = {
    "length and chunked": encode_post(CHUNKED),
    "chunked and length": encode_post(CHUNKED, "Content-Length: 5", content_length=None),
    "two lengths": encode_post("Content-Length: 26"),
    "two different lengths": encode_post("Content-Length: 5"),
    "list of lengths": encode_post("Content-Length: 26, 26", content_length=None),
    "negative length": encode_post("Content-Length: -1", content_length=None),
    "signed length": encode_post("Content-Length: +26", content_length=None),
    "hexadecimal length": encode_post("Content-Length: 0x1a", content_length=None),
    "obsolete line folding": encode_post("Name: a\r\n b"),
    "folded transfer coding": encode_post("Transfer-Encoding:\r\n chunked", content_length=None),
    "bare line feed": encode_post("Name: a\nOther: b"),
    "bare carriage return": encode_post("Name: a\rOther: b"),
    "null character": encode_post("Name: a\x00b"),
    "space before the colon": encode_post("Content-Length : 26", content_length=None),
    "space before the name": b"GET / HTTP/1.1\r\n Host: x\r\n\r\n",
    "no name": encode_post(": a"),
    "no colon": encode_post("Name"),
    "two transfer codings": encode_post(CHUNKED, CHUNKED, content_length=None),
    "unknown transfer coding": encode_post("Transfer-Encoding: xchunked", content_length=None),
    "identity and chunked": encode_post(
        "Transfer-Encoding: identity, chunked", content_length=None
    ),
    "chunked with a parameter": encode_post(f"{CHUNKED};a=b", content_length=None),
    "chunked of HTTP/1.0": encode_post(CHUNKED, version="1.0", content_length=None),
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "the same host twice": b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    "invalid host": b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    "HTTP/0.9": b"GET /\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/1.2": b"GET / HTTP/1.2\r\nHost: a\r\n\r\n",
    "RTSP": b"GET / RTSP/1.1\r\nHost: a\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "lower-case method": b"get / HTTP/1.1\r\nHost: a\r\n\r\n",
    "no method": b" / HTTP/1.1\r\nHost: a\r\n\r\n",
    "no target": b"GET HTTP/1.1\r\nHost: a\r\n\r\n",
    "control character in the target": b"GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n",
    "line feeds only": b"GET / HTTP/1.1\nHost: a\n\n",
}
LIMITS = HeadLimits(head_bytes=1000, head_fields=5, target_bytes=100)
TOO_LARGE_HEADS = {
    "bytes": (b"GET / HTTP/1.1\r\nHost: x\r\nName: " + b"a" * 1000 + b"\r\n\r\n", 431),
    "unfinished field": (b"GET / HTTP/1.1\r\nHost: x\r\nName: " + b"a" * 1000, 431),
    "unfinished name": (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a" * 1000, 431),
    "fields": (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"Name: a\r\n" * 5 + b"\r\n", 431),
    "target": (b"GET /" + b"a" * 100 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    "unfinished target": (b"GET /" + b"a" * 100, 414),
}


def read_requests(
    data: bytes, part_length: int, limits: HeadLimits | None = None
) -> list[tuple[ReceivedHead, bytes]]:
    """Return the heads and bodies of requests that arrive in parts."""
    reader, requests = RequestReader(limits or HeadLimits()), []
    head: ReceivedHead | None = None
    body = b""
    for start in range(0, len(data), part_length):
        reader.receive_data(data[start : start + part_length])
        while True:
            if head is None:
                head, body = reader.read_head(), b""
            if head is None:
                break
            body += reader.read_body()
            if not reader.is_complete:
                break
            requests.append((head, body))
            head = None
    return requests


@pytest.mark.parametrize("part_length", [1, 7, 100_000])
@pytest.mark.parametrize("name", REFUSED_REQUESTS)
def test_ambiguous_requests_are_refused(name: str, part_length: int) -> None:
    with pytest.raises(MessageError) as caught:
        read_requests(REFUSED_REQUESTS[name], part_length)
    assert caught.value.status in (400, 501)


@pytest.mark.parametrize("part_length", [1, 7, 100_000])
@pytest.mark.parametrize("name", TOO_LARGE_HEADS)
def test_large_heads_are_refused(name: str, part_length: int) -> None:
    data, status = TOO_LARGE_HEADS[name]
    with pytest.raises(MessageError, match="longer than") as caught:
        read_requests(data, part_length, LIMITS)
    assert caught.value.status == status


@pytest.mark.parametrize("part_length", [1, 7, 100_000])
def test_requests_are_read_one_after_the_other(part_length: int) -> None:
    chunked_body = b"3;a=b\r\nabc\r\n0\r\nAuthorization: Token x\r\n\r\n"
    data = (
        b"\r\n"
        + encode_post(body=b"0123456789")
        + LIVENESS_REQUEST
        + encode_post(CHUNKED, body=chunked_body, content_length=None)
        + encode_post("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", body=b"{}")
        + LIVENESS_REQUEST.replace(b"1.1", b"1.0")
    )
    requests = read_requests(data, part_length)
    assert [(head.method, head.http_version, body) for head, body in requests] == [
        ("POST", "1.1", b"0123456789"),
        ("GET", "1.1", b""),
        ("POST", "1.1", b"abc"),
        ("POST", "1.1", b"{}"),
        ("GET", "1.0", b""),
    ]
    assert all(b"authorization" not in dict(head.headers) for head, _ in requests)
    assert [head.is_persistent for head, _ in requests] == [True, True, True, True, False]


def test_a_head_that_is_sent_again_is_read_again() -> None:
    data = encode_post("Name: a") * 2 + encode_post("Name: b") + encode_post("Name: a") * 2
    requests = read_requests(data, 100_000)
    scopes = [head.create_scope({"root_path": ""}, {}) for head, _ in requests]
    assert [dict(each["headers"])[b"name"] for each in scopes] == [b"a", b"a", b"b", b"a", b"a"]
    assert all(body == TYPENAME_BODY for _, body in requests)
    assert len({id(each["headers"]) for each in scopes}) == len(scopes)


def test_limits_are_inclusive() -> None:
    start, end = b"GET / HTTP/1.1\r\nHost: x\r\nName: ", b"\r\n\r\n"
    filling = b"a" * (1000 - len(start + end))
    assert len(read_requests(start + filling + end, 1000, LIMITS)) == 1
    assert len(read_requests(b"GET /" + b"a" * 99 + b" HTTP/1.0" + end, 1000, LIMITS)) == 1


def test_only_a_websocket_is_an_upgrade() -> None:
    upgrades = {
        WEBSOCKET_HANDSHAKE: True,
        WEBSOCKET_HANDSHAKE.replace(b"websocket\r\n", b"WebSocket\r\n"): True,
        WEBSOCKET_HANDSHAKE.replace(b"websocket\r\n", b"h2c\r\n"): False,
        WEBSOCKET_HANDSHAKE.replace(b"GET", b"POST"): False,
        WEBSOCKET_HANDSHAKE.replace(b"HTTP/1.1", b"HTTP/1.0"): False,
        WEBSOCKET_HANDSHAKE.replace(b"Connection: Upgrade", b"Connection: close"): False,
    }
    for data, is_upgrade in upgrades.items():
        ((head, _),) = read_requests(data, 1000)
        assert head.is_websocket_handshake == is_upgrade, data


@pytest.mark.parametrize(
    ("target", "expected_path", "expected_query", "expected_host"),
    [
        (b"/a%20b?c=d", "/a b", b"c=d", b"x"),
        (b"//a", "//a", b"", b"x"),
        (b"http://portal.example.org:81/a?b", "/a", b"b", b"portal.example.org:81"),
        (b"https://[::1]/", "/", b"", b"[::1]"),
        (b"http://portal.example.org", "/", b"", b"portal.example.org"),
        (b"*", "*", b"", b"x"),
    ],
)
def test_targets(
    target: bytes, expected_path: str, expected_query: bytes, expected_host: bytes
) -> None:
    ((head, _),) = read_requests(b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n" % target, 1000)
    scope = head.create_scope({"root_path": ""}, {})
    assert (scope["path"], scope["query_string"]) == (expected_path, expected_query)
    assert [value for name, value in head.headers if name == b"host"] == [expected_host]


@pytest.mark.parametrize("target", [b"ftp://a/b", b"http://user@a/b", b"a:1"])
def test_invalid_targets(target: bytes) -> None:
    data = b"OPTIONS %b HTTP/1.1\r\nHost: x\r\n\r\n" % target
    with pytest.raises(MessageError, match="malformed"):  # noqa: PT012
        ((head, _),) = read_requests(data, 1000)
        head.create_scope({"root_path": ""}, {})
