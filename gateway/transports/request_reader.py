"""Reader of the requests of one HTTP connection, without input and output."""

from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

import httptools

from gateway.http.message_framing import (
    FRAMING_FIELDS,
    ChunkedDecoder,
    MessageError,
    check_host,
    check_request_start,
    make_malformed_error,
    make_target_error,
    parse_body_length,
    parse_http_version,
    split_tokens,
)

_HEAD_END = b"\r\n\r\n"
MAX_KEPT_BYTES = 2048
"""The longest head that is kept to recognise the next one."""
_LONG_INPUT = 8192
"""Length of input from which on its rest is not copied for each request."""


@dataclass(frozen=True)
class HeadLimits:
    """Limits of a request's head."""

    head_bytes: int = 65_536
    head_fields: int = 100
    target_bytes: int = 8192


class ReceivedHead:
    """Head of a request; the parser calls the two functions `on_…`."""

    __slots__ = ("fields", "headers", "http_version", "method", "target")

    def __init__(self) -> None:
        self.target = b""
        self.headers: list[tuple[bytes, bytes]] = []
        """All header fields, with names in lower case."""
        self.fields: dict[bytes, bytes] = {}
        """The fields of FRAMING_FIELDS; the values of repeated ones are joined by commas."""
        self.method, self.http_version = "", ""

    def on_url(self, target: bytes) -> None:
        """Add a part of the request target."""
        self.target += target

    def on_header(self, name: bytes, value: bytes) -> None:
        """Add a header field."""
        name = name.lower()
        if name in FRAMING_FIELDS:
            value = value.rstrip(b" \t")
            fields = self.fields
            fields[name] = fields[name] + b"," + value if name in fields else value
        self.headers.append((name, value))

    @property
    def is_persistent(self) -> bool:
        """Whether the client keeps the connection open after the response."""
        connection = self.fields.get(b"connection")
        return self.http_version == "1.1" and (
            connection is None or b"close" not in split_tokens(connection)
        )

    @property
    def is_websocket_handshake(self) -> bool:
        """Whether the request asks for a WebSocket; any other upgrade is ignored."""
        upgrade = self.fields.get(b"upgrade")
        return (
            upgrade is not None
            and self.http_version == "1.1"
            and self.method == "GET"
            and b"websocket" in split_tokens(upgrade)
            and b"upgrade" in split_tokens(self.fields.get(b"connection", b""))
        )

    @property
    def awaits_continue(self) -> bool:
        """Whether the client sends the body only after `100 Continue`.

        Raises MessageError if it expects something else.
        """
        expectation = self.fields.get(b"expect")
        if expectation is None or self.http_version != "1.1":
            return False
        if expectation.lower() != b"100-continue":
            raise MessageError(
                HTTPStatus.EXPECTATION_FAILED, "The only supported expectation is 100-continue."
            )
        return True

    def create_scope(self, connection_scope: dict[str, Any], app_state: dict[str, Any]) -> Any:
        """Return the ASGI scope of the request; raises MessageError if the target is invalid.

        The host of an absolute target replaces the Host header (RFC 9112 §3.2.2).
        """
        path, raw_path, query_string, host = parse_target(self.target)
        if host is not None:
            self._replace_host(host)
        root_path: str = connection_scope["root_path"]
        return {
            **connection_scope,
            "http_version": self.http_version,
            "method": self.method,
            "path": root_path + path,
            "raw_path": root_path.encode("ascii") + raw_path,
            "query_string": query_string,
            "headers": self.headers.copy(),
            "state": app_state.copy(),
        }

    def _replace_host(self, host: bytes) -> None:
        self.fields[b"host"] = host
        check_host(self.fields, self.http_version)
        self.headers = [pair for pair in self.headers if pair[0] != b"host"]
        self.headers.append((b"host", host))


@lru_cache(256)
def parse_target(target: bytes) -> tuple[str, bytes, bytes, bytes | None]:
    """Return the path, the path as it was sent, the query string, and the host of a target.

    The host is None without one. Raises MessageError if the target is invalid.
    """
    try:
        url = httptools.parse_url(target)
    except httptools.HttpParserInvalidURLError:
        raise make_malformed_error("its target is invalid") from None
    raw_path: bytes = url.path or b"/"
    path = raw_path.decode("ascii")
    host = _format_host(url) if url.schema else None
    return unquote(path) if "%" in path else path, raw_path, url.query or b"", host


def _format_host(url: Any) -> bytes:
    """Return the host and port of an absolute URL as they stand in a Host header."""
    if url.schema.lower() not in (b"http", b"https") or url.userinfo:
        raise make_malformed_error("its target is no URL of http or https without credentials")
    host: bytes = b"[%b]" % url.host if b":" in url.host else url.host
    return host if url.port is None else b"%b:%d" % (host, url.port)


class RequestReader:
    """Reader of requests, one after the other.

    `receive_data` adds input. `read_head` returns the head of the next request as soon as it
    is complete, `read_body` the part of its body that has arrived; `is_complete` is true
    between the end of a request and the next `read_head`. Input behind a request is kept as it
    is and not parsed before the caller has answered that request: so pipelined requests cost
    their bytes only, what follows a WebSocket handshake can be passed on, and a malformed
    request does not disturb the response to the one before it.

    The head is parsed by llhttp (httptools), a new parser for each request. Clients often send
    the same head again, so the last one is kept. The body is delimited here: llhttp would
    parse on behind its end, stop at an upgrade that the gateway ignores, and add the fields of
    trailers to the headers.
    """

    __slots__ = (
        "_body_left",
        "_checked_host",
        "_chunks",
        "_input",
        "_kept_data",
        "_kept_head",
        "_limits",
        "_searched_length",
        "is_complete",
    )

    def __init__(self, limits: HeadLimits) -> None:
        """Refuse heads beyond `limits`; the trailers of a body have the limit of a head, too."""
        self.is_complete = True
        """Whether the whole request is read."""
        self._limits = limits
        self._kept_data = b""
        self._kept_head: ReceivedHead
        self._input: bytes | bytearray = b""
        self._searched_length = self._body_left = 0
        self._checked_host: bytes | None = b""
        """The last Host header that was valid."""
        self._chunks: ChunkedDecoder | None = None

    @property
    def input_length(self) -> int:
        """Number of bytes that are received and not yet read."""
        return len(self._input)

    @property
    def has_input(self) -> bool:
        """Whether there is input that is not yet read."""
        return bool(self._input)

    def is_ending_within(self, max_bytes: int) -> bool:
        """Return whether at most `max_bytes` of the body are still to come."""
        return self._chunks is None and self._body_left - len(self._input) <= max_bytes

    def receive_data(self, data: bytes) -> None:
        """Add input."""
        if not self._input:
            self._input = data
            return
        if not isinstance(self._input, bytearray):
            self._input = bytearray(self._input)
        self._input += data

    def take_input(self) -> bytes:
        """Return and remove the input that is not yet read."""
        data, self._input = bytes(self._input), b""
        return data

    def read_head(self) -> ReceivedHead | None:
        """Return the head of the next request; None if it is not yet complete.

        Raises MessageError if it is malformed or exceeds a limit.
        """
        if self._input[:1] in (b"\r", b"\n"):
            self._input = self._input.lstrip(b"\r\n")  # RFC 9112 §2.2
        data = self._input
        if not data:
            return None
        end = data.find(_HEAD_END, self._searched_length)
        length = len(data) if end < 0 else end + len(_HEAD_END)
        if end < 0 or length > self._limits.head_bytes:
            check_request_start(data, self._limits.target_bytes)
            if length > self._limits.head_bytes:
                raise self._make_head_error(f"longer than {self._limits.head_bytes} bytes")
            self._searched_length = max(0, length - len(_HEAD_END) + 1)
            return None
        self._searched_length = 0
        head_data = self._take_bytes(length)
        head = self._kept_head if head_data == self._kept_data else self._parse_head(head_data)
        self._check_fields(head)
        return head

    def _make_head_error(self, reason: str) -> MessageError:
        return MessageError(
            HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"The head of the request is {reason}."
        )

    def _parse_head(self, data: bytes) -> ReceivedHead:
        head = ReceivedHead()
        head.http_version = parse_http_version(data)
        parser = httptools.HttpRequestParser(head)
        try:
            parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass
        except httptools.HttpParserError as error:
            raise make_malformed_error(str(error)) from None
        head.method = parser.get_method().decode("ascii")
        if len(head.target) > self._limits.target_bytes:
            raise make_target_error(self._limits.target_bytes)
        if len(head.headers) > self._limits.head_fields:
            raise self._make_head_error(f"longer than {self._limits.head_fields} fields")
        if len(data) <= MAX_KEPT_BYTES:
            self._kept_data, self._kept_head = data, head
        return head

    def _check_fields(self, head: ReceivedHead) -> None:
        """Check the Host field, and prepare to read the body."""
        fields = head.fields
        host = fields.get(b"host")
        if host is None or host != self._checked_host:
            check_host(fields, head.http_version)
            self._checked_host = host
        body_length = parse_body_length(fields, head.http_version)
        if body_length is None:
            self._chunks = ChunkedDecoder(self._limits.head_bytes)
            self.is_complete = False
        elif body_length:
            self._body_left, self.is_complete = body_length, False

    def read_body(self) -> bytes:
        """Return the next bytes of the body; `is_complete` tells whether they are the last.

        Raises MessageError if the body's coding is malformed.
        """
        if self._chunks is not None:
            body, self._input = self._chunks.decode_data(self._input)
            if self._chunks.is_complete:
                self._chunks, self.is_complete = None, True
            return body
        if len(self._input) >= self._body_left:
            length, self._body_left, self.is_complete = self._body_left, 0, True
        else:
            length = len(self._input)
            self._body_left -= length
        return self._take_bytes(length)

    def _take_bytes(self, length: int) -> bytes:
        """Remove and return the first bytes of the input."""
        data = self._input
        if length == len(data):
            self._input = b""
            return bytes(data)
        taken = bytes(data[:length])
        if len(data) <= _LONG_INPUT and isinstance(data, bytes):
            self._input = data[length:]
            return taken
        if not isinstance(data, bytearray):
            data = self._input = bytearray(data)
        del data[:length]  # does not move the rest
        return taken
