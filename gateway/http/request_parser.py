"""Request parser: a POST with a JSON or multipart body, or a GET with a query string."""

import re
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
from typing import Any, ClassVar
from urllib.parse import parse_qsl

from gateway.error_table import ErrorKind
from gateway.exact_json import decode_request_json
from gateway.execution.graphql_request import GraphQLRequest
from gateway.http.content_negotiation import JSON_MEDIA_TYPE
from gateway.http.media_types import MediaType, parse_media_type, split_list
from gateway.http.request_body import (
    BadRequestError,
    UnreadableRequestError,
    parse_decoded_json,
    parse_json,
    parse_multipart,
    read_body,
)
from gateway.http.request_head import RequestHead

MULTIPART_MEDIA_TYPE = "multipart/form-data"
MAX_QUERY_PARAMETERS = 20
"""The maximum number of parameters of a GET request; those of GraphQL are four."""
MAX_CONTENT_TYPE_CHARS = 300
"""The maximum length of the `Content-Type` header."""
_BOUNDARY_PATTERN = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
"""Boundaries of multipart bodies (RFC 2046 §5.1.1)."""
UploaderCheck = Callable[[RequestHead], Awaitable[None]]


class UnsupportedMediaTypeError(BadRequestError):
    """The body is neither JSON nor multipart, not UTF-8, or compressed."""

    error_kind = ErrorKind.UNSUPPORTED_MEDIA_TYPE
    headers: ClassVar = {
        "Accept": f"{JSON_MEDIA_TYPE}, {MULTIPART_MEDIA_TYPE}",
        "Accept-Encoding": "identity",
    }


async def parse_request(
    request: RequestHead, max_bytes: int, request_id: str, check_uploader: UploaderCheck
) -> GraphQLRequest:
    """Parse a request by its method and media type; without files it has at most `max_bytes`.

    `check_uploader` is called before the body of an upload is received, and may raise an
    error. Raises BadRequestError if it is not a valid GraphQL-over-HTTP request.
    """
    if request.method != "POST":
        return parse_query_string(request.scope["query_string"], request_id)
    if b"content-encoding" in request.headers:
        _check_encoding(request.headers[b"content-encoding"])
    media_type = _parse_content_type(request.headers.get(b"content-type", ()))
    if media_type.name == JSON_MEDIA_TYPE:
        return parse_json(await read_body(request, max_bytes), request_id)
    content_type = _format_multipart_type(media_type)
    await check_uploader(request)
    return await parse_multipart(request, content_type, max_bytes, request_id)


def _check_encoding(header_lines: Sequence[str]) -> None:
    encodings = {each.lower() for line in header_lines for each in split_list(line)}
    if not encodings <= {"identity"}:
        raise UnsupportedMediaTypeError("Send the body without the header `Content-Encoding`.")


@lru_cache(64)
def _parse_content_type(header_lines: tuple[str, ...]) -> MediaType:
    """Return the media type of the body.

    Raises UnsupportedMediaTypeError if it is not supported, and UnreadableRequestError if
    the header has several lines, which others may read differently.
    """
    if len(header_lines) > 1:
        raise UnreadableRequestError("Send the header `Content-Type` once.")
    (text,) = header_lines or ("",)
    media_type = parse_media_type(text) if len(text) <= MAX_CONTENT_TYPE_CHARS else None
    if media_type is None or media_type.name not in {JSON_MEDIA_TYPE, MULTIPART_MEDIA_TYPE}:
        raise UnsupportedMediaTypeError(
            f"Send the request as JSON with the header `Content-Type: {JSON_MEDIA_TYPE}`."
        )
    if not media_type.is_utf_8:
        raise UnsupportedMediaTypeError("The `charset` of the body must be utf-8.")
    return media_type


def _format_multipart_type(media_type: MediaType) -> str:
    """Return the header for the multipart parser, which must not read other parameters."""
    boundary = media_type.parameters.get("boundary", "")
    if not _BOUNDARY_PATTERN.fullmatch(boundary):
        raise UnreadableRequestError(
            "The `boundary` of a multipart request must have 1 to 70 characters, as RFC 2046 says."
        )
    return f'{MULTIPART_MEDIA_TYPE}; boundary="{boundary}"'


def parse_query_string(query_string: bytes, request_id: str) -> GraphQLRequest:
    """Parse the query string of a GET request; an empty parameter is the same as none.

    Raises BadRequestError if it is malformed, or has a parameter twice.
    """
    try:
        pairs = parse_qsl(
            query_string.decode("ascii"), errors="strict", max_num_fields=MAX_QUERY_PARAMETERS
        )
    except ValueError:
        raise UnreadableRequestError(
            f"The query string must have at most {MAX_QUERY_PARAMETERS} parameters,"
            " percent-encoded as UTF-8."
        ) from None
    parameters: dict[str, Any] = dict(pairs)
    if len(parameters) < len(pairs):
        raise UnreadableRequestError("Each parameter of the query string must occur once.")
    for name in {"variables", "extensions"} & parameters.keys():
        parameters[name] = _decode_parameter(name, parameters[name])
    return parse_decoded_json(parameters, request_id)


def _decode_parameter(name: str, value: str) -> object:
    try:
        return decode_request_json(value)
    except (ValueError, RecursionError) as error:
        raise UnreadableRequestError(f"`{name}` is not valid JSON: {error}.") from None
