"""HTTP responses: GraphQL results, files."""

from starlette.responses import PlainTextResponse, Response

from gateway.error_table import ErrorKind
from gateway.execution.executor import GraphQLResult
from gateway.http.single_write import SingleWriteResponse

GRAPHQL_RESPONSE_MEDIA_TYPE = "application/graphql-response+json"
_REJECTED_STATUS = ErrorKind.INVALID_INPUT.value.status
"""Status of a request that is rejected before execution: the same for all kinds of these errors."""
_COMMON_HEADERS = [(b"vary", b"Accept"), (b"cache-control", b"no-store")]
_GRAPHQL_RESPONSE_HEADERS = [
    (b"content-type", f"{GRAPHQL_RESPONSE_MEDIA_TYPE}; charset=utf-8".encode()),
    *_COMMON_HEADERS,
]
_JSON_HEADERS = [(b"content-type", b"application/json"), *_COMMON_HEADERS]


class GraphQLResponse(SingleWriteResponse):
    """Response with a GraphQL result, in the media type that the client accepts.

    A rejected request has the status of the error table with
    `application/graphql-response+json`, and 200 with `application/json`, as the
    GraphQL-over-HTTP specification says.
    """

    def __init__(self, result: GraphQLResult, accept_header: str, request_id: str) -> None:
        """Encode `result`; `accept_header` selects the media type."""
        uses_graphql_media_type = GRAPHQL_RESPONSE_MEDIA_TYPE in accept_header
        has_error_status = result.is_rejected and uses_graphql_media_type
        body = result.encode()
        raw_headers = [
            (b"content-length", b"%d" % len(body)),
            (b"x-request-id", request_id.encode()),
            *(_GRAPHQL_RESPONSE_HEADERS if uses_graphql_media_type else _JSON_HEADERS),
        ]
        super().__init__(_REJECTED_STATUS if has_error_status else 200, raw_headers, body)


_DOWNLOAD_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "private, no-store",
}
"""Headers that stop browsers from rendering an uploaded file, and caches from storing it."""


def pdf_response(content: bytes, filename: str, request_id: str, *, is_head: bool) -> Response:
    """Return a PDF as a download; without its content for a HEAD request.

    `filename` must be ASCII without quotes.
    """
    headers = {
        **_DOWNLOAD_HEADERS,
        "Content-Disposition": f'attachment; filename="{filename}"',
        "Content-Length": str(len(content)),
        "X-Request-ID": request_id,
    }
    return Response(b"" if is_head else content, 200, headers, "application/pdf")


def file_not_found(request_id: str) -> Response:
    """Return status 404: the file does not exist, or the viewer may not see it."""
    headers = {**_DOWNLOAD_HEADERS, "X-Request-ID": request_id}
    return PlainTextResponse("There is no such file.\n", 404, headers)
