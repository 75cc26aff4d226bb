"""Framing of HTTP/1.1 requests: the fields that decide where a request ends, and its body.

A message that two implementations could read differently is refused (RFC 9112 §11.2), so that
the gateway and a proxy in front of it always agree on where a request ends.
"""

import re
from collections.abc import Mapping
from http import HTTPStatus

from gateway.http.single_write import encode_headers

FRAMING_FIELDS = frozenset(
    {b"connection", b"content-length", b"expect", b"host", b"transfer-encoding", b"upgrade"}
)
"""Header fields that decide about the message and its connection."""
_HTTP_VERSIONS = {b" HTTP/1.1": "1.1", b" HTTP/1.0": "1.0"}
_HOST_PATTERN = re.compile(rb"(?:[\w.~%-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{0,5})?")
_CHUNK_SIZE_PATTERN = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?")
_PARTIAL_METHOD_PATTERN = re.compile(rb"[A-Z-]{1,32}(?: [^\r\n]*|$)")


class MessageError(Exception):
    """A request that is refused before it reaches the application; its connection is closed."""

    def __init__(self, status: HTTPStatus, message: str, retry_seconds: int | None = None) -> None:
        """Answer with `status` and `message`; `retry_seconds` becomes `Retry-After`."""
        super().__init__(message)
        self.status, self.retry_seconds = status, retry_seconds

    def encode_response(self, default_headers: list[tuple[bytes, bytes]]) -> bytes:
        """Return the whole response, after which the connection is closed."""
        body = f"{self}\n".encode()
        headers = [
            *default_headers,
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", b"%d" % len(body)),
            (b"connection", b"close"),
        ]
        if self.retry_seconds is not None:
            headers.append((b"retry-after", b"%d" % self.retry_seconds))
        status_line = f"HTTP/1.1 {self.status.value} {self.status.phrase}\r\n".encode()
        return status_line + encode_headers(headers) + b"\r\n" + body


def make_malformed_error(reason: str) -> MessageError:
    """Return the error of a message that does not follow HTTP/1.1."""
    return MessageError(HTTPStatus.BAD_REQUEST, f"The HTTP request is malformed: {reason}.")


def check_request_start(data: bytes | bytearray, max_target_bytes: int) -> None:
    """Check the first bytes of a request whose head is not yet complete.

    Raises MessageError if they can't begin a request, such as those of a TLS handshake, or if
    the request target is too long.
    """
    line_end = data.find(b"\n")
    first_line = bytes(data[: line_end if line_end >= 0 else None])
    if not _PARTIAL_METHOD_PATTERN.match(first_line.removesuffix(b"\r")):
        raise make_malformed_error("it does not begin with a method")
    _, _, target = first_line.partition(b" ")
    if len(target.partition(b" ")[0]) > max_target_bytes:
        raise make_target_error(max_target_bytes)
    if line_end >= 0:
        parse_http_version(first_line + b"\n")


def make_target_error(max_target_bytes: int) -> MessageError:
    """Return the error of a request target that is too long."""
    return MessageError(
        HTTPStatus.REQUEST_URI_TOO_LONG,
        f"The request target is longer than {max_target_bytes} bytes.",
    )


def parse_http_version(head: bytes) -> str:
    """Return the version in the first line of a head, `1.0` or `1.1`.

    Raises MessageError if it has another version or none.
    """
    line_end = head.find(b"\r\n")
    version = _HTTP_VERSIONS.get(head[max(0, line_end - 9) : line_end])
    if version is None:
        raise make_malformed_error("its first line does not end with HTTP/1.1 or HTTP/1.0")
    return version


def check_host(fields: Mapping[bytes, bytes], http_version: str) -> None:
    """Check the Host field; repeated fields are joined by commas, which a host can't have.

    Raises MessageError if it is missing, repeated or invalid. HTTP/1.0 has no such field.
    """
    host = fields.get(b"host")
    if host is None:
        if http_version == "1.1":
            raise make_malformed_error("it has no Host header")
    elif not _HOST_PATTERN.fullmatch(host):
        reason = "more than one Host header" if b"," in host else "an invalid Host header"
        raise make_malformed_error(f"it has {reason}")


def parse_body_length(fields: Mapping[bytes, bytes], http_version: str) -> int | None:
    """Return the length of the body; None if the body is chunked.

    Raises MessageError if the length is ambiguous, or the transfer coding not supported.
    """
    content_length = fields.get(b"content-length")
    if b"transfer-encoding" in fields:
        _check_transfer_encoding(fields, http_version)
        return None
    if content_length is None:
        return 0
    if not content_length.isdigit():
        raise make_malformed_error("its Content-Length is not a number")
    return int(content_length)


def _check_transfer_encoding(fields: Mapping[bytes, bytes], http_version: str) -> None:
    if b"content-length" in fields:
        raise make_malformed_error("it has Content-Length and Transfer-Encoding")
    if http_version != "1.1":
        raise make_malformed_error("HTTP/1.0 has no Transfer-Encoding")
    if fields[b"transfer-encoding"].lower() != b"chunked":
        raise MessageError(
            HTTPStatus.NOT_IMPLEMENTED, "The only supported Transfer-Encoding is chunked."
        )


def split_tokens(value: bytes) -> list[bytes]:
    """Return the members of a comma-separated header field in lower case."""
    return [token.strip() for token in value.lower().split(b",")]


class ChunkedDecoder:
    """Decoder of a chunked body (RFC 9112 §7.1); extensions and trailers are dropped.

    Everything but the data is bounded: in total by `max_overhead_bytes` more than the data, so
    that neither extensions, nor trailers, nor tiny chunks cost more than the data itself.
    """

    def __init__(self, max_overhead_bytes: int) -> None:
        """Limit the bytes of chunk sizes, extensions and trailers."""
        self.is_complete = False
        self._max_overhead_bytes = self._overhead_left = max_overhead_bytes
        self._chunk_left = 0
        self._needs_line_end = self._is_in_trailer = False

    def decode_data(self, data: bytes | bytearray) -> tuple[bytes, bytes]:
        """Return the body's next bytes, and the rest that needs more input or follows the body.

        Raises MessageError if the coding is invalid or its overhead too large.
        """
        parts, position = [], 0
        while not self.is_complete:
            if self._chunk_left:
                part = bytes(data[position : position + self._chunk_left])
                if not part:
                    break
                parts.append(part)
                position += len(part)
                self._count_data(len(part))
                continue
            line_end = data.find(b"\n", position)
            if line_end < 0:
                self._check_overhead(len(data) - position)
                break
            self._read_line(bytes(data[position:line_end]))
            position = line_end + 1
        return b"".join(parts), bytes(data[position:])

    def _count_data(self, length: int) -> None:
        self._chunk_left -= length
        self._overhead_left += length
        self._needs_line_end = not self._chunk_left

    def _check_overhead(self, length: int) -> None:
        if length > self._overhead_left:
            raise make_malformed_error(
                "the chunk sizes, extensions and trailers of its body are longer than"
                f" {self._max_overhead_bytes} bytes"
            )

    def _read_line(self, line: bytes) -> None:
        self._check_overhead(len(line) + 1)
        self._overhead_left -= len(line) + 1
        if not line.endswith(b"\r"):
            raise make_malformed_error("a line of its chunked body does not end with CR LF")
        line = line[:-1]
        if self._needs_line_end:
            if line:
                raise make_malformed_error("a chunk is longer than its size")
            self._needs_line_end = False
        elif self._is_in_trailer:
            self.is_complete = not line
        else:
            self._read_chunk_size(line)

    def _read_chunk_size(self, line: bytes) -> None:
        match = _CHUNK_SIZE_PATTERN.fullmatch(line)
        if match is None:
            raise make_malformed_error("a chunk has an invalid size")
        self._chunk_left = int(match[1], 16)
        self._is_in_trailer = not self._chunk_left
