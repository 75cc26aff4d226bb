"""HTTP error responses: the status and headers of an exception by the error table."""

from collections.abc import Sequence

from starlette.responses import Response

from gateway.error_table import ErrorKind, get_error_rule
from gateway.exact_json import encode_json
from gateway.execution.errors import format_exception
from gateway.http.responses import JSON_CONTENT_TYPE
from gateway.http.statuses import StatusMode, get_error_status


class MethodNotAllowedError(Exception):
    """The GraphQL endpoint does not support the method, or not for that operation."""

    error_kind = ErrorKind.METHOD_NOT_ALLOWED

    def __init__(self, message: str, allowed_methods: Sequence[str]) -> None:
        """Name the methods that are allowed, for the header `Allow`."""
        super().__init__(message)
        self.headers = {"Allow": ", ".join(allowed_methods)}


def error_response(
    error: Exception, request_id: str, mode: StatusMode = StatusMode.COMPATIBLE
) -> Response:
    """Return the response to the request with that id, whose handling raised `error`.

    An exception adds headers of its own by its attribute `headers`.
    """
    rule = get_error_rule(error)
    headers = {
        "Content-Type": JSON_CONTENT_TYPE,
        "X-Request-ID": request_id,
        "Cache-Control": "no-store",
        "Vary": "Accept",
        **rule.headers,
        **getattr(error, "headers", {}),
    }
    body = encode_json({"errors": [format_exception(error, request_id)]})
    return Response(body, get_error_status(rule, mode), headers)
