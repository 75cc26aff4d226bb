"""HTTP error responses: the status and headers of an exception by the error table."""

from starlette.responses import JSONResponse, Response

from gateway.error_table import ErrorKind, get_error_rule
from gateway.execution.errors import format_exception


class MethodNotAllowedError(Exception):
    """The request to the GraphQL endpoint has another method than POST."""

    error_kind = ErrorKind.METHOD_NOT_ALLOWED

    def __init__(self) -> None:
        super().__init__("GraphQL requests must use the method POST.")


def error_response(error: Exception, request_id: str) -> Response:
    """Return the response to the request with that id, whose handling raised `error`."""
    rule = get_error_rule(error)
    headers = {"X-Request-ID": request_id, "Cache-Control": "no-store", **rule.headers}
    return JSONResponse({"errors": [format_exception(error, request_id)]}, rule.status, headers)
