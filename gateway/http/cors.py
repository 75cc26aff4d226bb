"""CORS (Fetch standard): which web pages of other origins may read the gateway's responses.

Pages of allowed origins get the headers by which browsers show them responses, errors included.
Requests from other origins are answered without these headers. That is safe: the gateway has no
cookies, a page must know a token to send it, and browsers send JSON bodies, and the header that
multipart bodies need, to another origin only after a successful preflight request. So no page
can make changes on behalf of the user who visits it.
"""

from collections.abc import Collection, Sequence
from typing import Protocol

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.config.parsers import ANY_ORIGIN
from gateway.config.web_origin import normalize_origin
from gateway.error_table import ErrorKind
from gateway.http.errors import error_response
from gateway.http.request_head import IMPERSONATOR_HEADER, PREFLIGHT_HEADERS

RawHeaders = list[tuple[bytes, bytes]]
ALLOWED_METHODS = "GET, HEAD, POST"
ALLOWED_HEADERS = (
    b"accept",  # needs permission if it has quotes, as in multipart/mixed;boundary="graphql"
    b"authorization",
    b"cache-control",
    b"content-type",
    b"graphql-cost",
    b"last-event-id",
    b"x-request-id",
    *PREFLIGHT_HEADERS,
    b"apollographql-client-name",
    b"apollographql-client-version",
    b"x-apollo-operation-id",
    b"x-apollo-operation-name",
    b"x-apollo-operation-type",
    b"traceparent",
    b"tracestate",
)
"""Request headers that pages of allowed origins may send."""
EXPOSED_HEADERS = (
    b"content-disposition",
    b"graphql-cost",
    b"ratelimit",
    b"ratelimit-policy",
    b"retry-after",
    b"www-authenticate",
    IMPERSONATOR_HEADER,
    b"x-request-id",
)
"""Response headers that pages of allowed origins may read, in addition to those of the standard."""


class ForbiddenOriginError(Exception):
    """A web page asks for permission to use the API, and its origin is not allowed."""

    error_kind = ErrorKind.FORBIDDEN_ORIGIN

    def __init__(self) -> None:
        super().__init__("Web pages of this origin may not use this API.")


class HeaderedResponse(Protocol):
    """A response whose headers can still be changed."""

    raw_headers: RawHeaders

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response."""


def is_listed_origin(origin: str, allowed_origins: Collection[str]) -> bool:
    """Return whether an `Origin` header is one of the allowed origins, which may be `*`."""
    if origin in allowed_origins and origin != ANY_ORIGIN:
        return True
    normalized_origin = normalize_origin(origin)
    return normalized_origin is not None and (
        normalized_origin in allowed_origins or ANY_ORIGIN in allowed_origins
    )


class CORSPolicy:
    """The allowed origins and the headers of their responses, which are encoded once."""

    def __init__(
        self, allowed_origins: frozenset[str], preflight_seconds: int, *more_headers: bytes
    ) -> None:
        """Allow `allowed_origins`; browsers keep a permission for `preflight_seconds`.

        `more_headers` are request headers that are allowed in addition.
        """
        self._allowed_origins = allowed_origins
        self._response_headers = [
            (b"access-control-expose-headers", b", ".join(EXPOSED_HEADERS)),
            (b"vary", b"Origin"),
        ]
        self._preflight_headers = {
            "Access-Control-Allow-Methods": ALLOWED_METHODS,
            "Access-Control-Allow-Headers": b", ".join([*ALLOWED_HEADERS, *more_headers]).decode(),
            "Access-Control-Max-Age": str(preflight_seconds),
            "Vary": "Origin",
        }

    def add_headers(self, response: HeaderedResponse, origins: Sequence[str]) -> None:
        """Add the headers by which pages of an allowed origin can read a response.

        `origins` are the request's `Origin` headers.
        """
        if self._is_allowed(origins):
            allow_origin = (b"access-control-allow-origin", origins[0].encode())
            response.raw_headers += [allow_origin, *self._response_headers]

    def answer_preflight(self, scope: Scope, request_id: str) -> Response | None:
        """Return the response to a preflight request; None to any other request."""
        headers: dict[bytes, list[str]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name, []).append(value.decode("latin-1"))
        origins = headers.get(b"origin")
        if origins is None or b"access-control-request-method" not in headers:
            return None
        if not self._is_allowed(origins):
            return error_response(ForbiddenOriginError(), request_id)
        return Response(
            status_code=204,
            headers={"Access-Control-Allow-Origin": origins[0], **self._preflight_headers},
        )

    def _is_allowed(self, origins: Sequence[str]) -> bool:
        return len(origins) == 1 and is_listed_origin(origins[0], self._allowed_origins)
