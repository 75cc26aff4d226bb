"""What clients are told of errors: a code from a closed list, and nothing of our insides."""

import logging
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from graphql import GraphQLError

from gateway.db.driver.database import TimedOutError, UnavailableError

log = logging.getLogger(__name__)


class ErrorCode(StrEnum):
    """What kind of error it is, in `extensions.code`."""

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
    ErrorCode.UNAVAILABLE: "The marketplace's database can't be reached at present. Try again soon.",
    ErrorCode.TIMEOUT: "The answer takes too long. Ask for less.",
    ErrorCode.INTERNAL: "Something went wrong here. The log has it under this id.",
}


def make_request_error(message: str, code: ErrorCode, **extensions: str) -> dict[str, Any]:
    """Give an error that concerns the request as a whole."""
    return {"message": message, "extensions": {"code": code, **extensions}}


def format_errors(
    errors: Sequence[GraphQLError], request_id: str, code: ErrorCode = ErrorCode.BAD_USER_INPUT
) -> list[dict[str, Any]]:
    """Give what the client is told of `errors`; of `code`, if they are its own and have none.

    What went wrong on our side is masked, and logged once for all fields that it
    concerns.
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
    """Tell whether the error is the client's own, such as a value that a scalar can't read.

    What goes wrong at a place in the answer is ours, unless it is said to be the
    client's or concerns an argument.
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
