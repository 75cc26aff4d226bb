"""HTTP responses: GraphQL results, files."""

from http import HTTPStatus

from starlette.responses import PlainTextResponse, Response

from gateway.execution.executor import GraphQLResult
from gateway.http.content_negotiation import GRAPHQL_RESPONSE_MEDIA_TYPE, JSON_MEDIA_TYPE
from gateway.http.request_head import COST_HEADER
from gateway.http.single_write import SingleWriteResponse
from gateway.http.statuses import StatusMode, get_result_status

JSON_CONTENT_TYPE = f"{JSON_MEDIA_TYPE}; charset=utf-8"
_HEADERS_BY_MEDIA_TYPE = {
    media_type: [
        (b"content-type", f"{media_type}; charset=utf-8".encode()),
        (b"vary", b"Accept"),
        (b"cache-control", b"no-store"),
    ]
    for media_type in (GRAPHQL_RESPONSE_MEDIA_TYPE, JSON_MEDIA_TYPE)
}


class GraphQLResponse(SingleWriteResponse):
    """Response with a GraphQL result as JSON.

    In the draft's mode, a response without a result has the media type of GraphQL responses
    for all clients, so that they can tell it from the error of a proxy.
    """

    def __init__(
        self, result: GraphQLResult, media_type: str, request_id: str, mode: StatusMode
    ) -> None:
        """Encode `result`; `media_type` is one of the two for GraphQL results."""
        status, body = get_result_status(result, media_type, mode), result.encode()
        if status >= HTTPStatus.BAD_REQUEST:
            media_type = GRAPHQL_RESPONSE_MEDIA_TYPE
        raw_headers = [
            (b"content-length", b"%d" % len(body)),
            (b"x-request-id", request_id.encode()),
            *_HEADERS_BY_MEDIA_TYPE[media_type],
        ]
        if result.reported_cost is not None:
            raw_headers.append((COST_HEADER, b"%d" % result.reported_cost))
        super().__init__(status, raw_headers, body)


_DOWNLOAD_HEADERS = {
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
