"""GraphQL errors as clients get them: a code from a closed list, server errors masked."""

import logging
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from graphql import GraphQLError

from gateway.db.driver.database import TimedOutError, UnavailableError

log = logging.getLogger(__name__)


class ErrorCode(StrEnum):
    """The kind of an error, published as `extensions.code`."""

    GRAPHQL_PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
    GRAPHQL_VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
    BAD_USER_INPUT = "BAD_USER_INPUT"
    QUERY_TOO_COMPLEX = "QUERY_TOO_COMPLEX"
    RATE_LIMITED = "RATE_LIMITED"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    UNAVAILABLE = "UNAVAILABLE"
    TIMEOUT = "TIMEOUT"
    INTERNAL = "INTERNAL"


PUBLIC_ERROR_MESSAGES = {
    ErrorCode.UNAVAILABLE: "The marketplace's database is unavailable. Try again later.",
    ErrorCode.TIMEOUT: "The operation exceeded its time limit. Select less.",
    ErrorCode.INTERNAL: "Internal server error. The server's log has the details under this id.",
}
"""The messages that replace those of server errors."""


def make_request_error(message: str, code: ErrorCode, **extensions: str) -> dict[str, Any]:
    """Return an error of the request as a whole, without a path."""
    return {"message": message, "extensions": {"code": code, **extensions}}


def format_errors(
    errors: Sequence[GraphQLError], request_id: str, code: ErrorCode = ErrorCode.BAD_USER_INPUT
) -> list[dict[str, Any]]:
    """Return the errors as the client gets them.

    Client errors keep their message; those without a code of their own get `code`.
    Server errors are masked: their message is replaced, `extensions.id` has the
    request id, and each cause is logged once, however many fields it affects.
    """
    server_errors: dict[object, GraphQLError] = {}
    for error in errors:
        if not _is_client_error(error):
            cause = error.original_error
            server_errors.setdefault(error.message if cause is None else id(cause), error)
    for error in server_errors.values():
        _log_error(error, request_id)
    return [_format_error(error, request_id, code) for error in errors]


def _is_client_error(error: GraphQLError) -> bool:
    """Return whether the client caused the error, such as by a value that a scalar rejects.

    An error with a path was raised during execution: it is a server error, unless
    it has a code or is about an argument.
    """
    cause = error.original_error
    if error.path is None:
        return cause is None or isinstance(cause, (GraphQLError, ValueError))
    return "code" in (error.extensions or {}) or error.message.startswith("Argument '")


def _format_error(error: GraphQLError, request_id: str, code: ErrorCode) -> dict[str, Any]:
    formatted: dict[str, Any] = dict(error.formatted)
    if _is_client_error(error):
        return {**formatted, "extensions": {"code": code, **(error.extensions or {})}}
    server_code = _error_code_of(error.original_error)
    return {
        **formatted,
        "message": PUBLIC_ERROR_MESSAGES[server_code],
        "extensions": {"code": server_code, "id": request_id},
    }


def _log_error(error: GraphQLError, request_id: str) -> None:
    code, cause = _error_code_of(error.original_error), error.original_error
    path = ".".join(map(str, error.path or ()))
    if code is ErrorCode.INTERNAL:
        log.error("%s at %s: %s", request_id, path, error.message, exc_info=cause)
    else:
        log.warning("%s at %s: %s: %s", request_id, path, code, cause)


def _error_code_of(error: Exception | None) -> ErrorCode:
    if isinstance(error, UnavailableError):
        return ErrorCode.UNAVAILABLE
    return ErrorCode.TIMEOUT if isinstance(error, TimedOutError) else ErrorCode.INTERNAL
