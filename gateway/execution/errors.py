"""What clients are told of errors: a code from a closed list, and nothing of our insides."""

import logging
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from graphql import GraphQLError

from gateway.db.driver.database import TimedOutError, UnavailableError

log = logging.getLogger(__name__)


class Code(StrEnum):
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


TOLD = {
    Code.UNAVAILABLE: "The marketplace's database can't be reached at present. Try again soon.",
    Code.TIMEOUT: "The answer takes too long. Ask for less.",
    Code.INTERNAL: "Something went wrong here. The log has it under this id.",
}


def failure(message: str, code: Code, **more: str) -> dict[str, Any]:
    """Give an error that concerns the request as a whole."""
    return {"message": message, "extensions": {"code": code, **more}}


def told(
    errors: Sequence[GraphQLError], request_id: str, code: Code = Code.BAD_USER_INPUT
) -> list[dict[str, Any]]:
    """Give what the client is told of `errors`; of `code`, if they are its own and have none.

    What went wrong on our side is masked, and logged once for all fields that it
    concerns.
    """
    ours: dict[object, GraphQLError] = {}
    for each in errors:
        if not _clients(each):
            cause = each.original_error
            ours.setdefault(each.message if cause is None else id(cause), each)
    for each in ours.values():
        _log(each, request_id)
    return [_told(each, request_id, code) for each in errors]


def _clients(error: GraphQLError) -> bool:
    """Tell whether the error is the client's own, such as a value that a scalar can't read.

    What goes wrong at a place in the answer is ours, unless it is said to be the
    client's or concerns an argument.
    """
    cause = error.original_error
    if error.path is None:
        return cause is None or isinstance(cause, (GraphQLError, ValueError))
    return "code" in (error.extensions or {}) or error.message.startswith("Argument '")


def _told(error: GraphQLError, request_id: str, code: Code) -> dict[str, Any]:
    formatted: dict[str, Any] = dict(error.formatted)
    if _clients(error):
        return {**formatted, "extensions": {"code": code, **(error.extensions or {})}}
    kind = _kind(error.original_error)
    return {**formatted, "message": TOLD[kind], "extensions": {"code": kind, "id": request_id}}


def _log(error: GraphQLError, request_id: str) -> None:
    kind, cause = _kind(error.original_error), error.original_error
    place = ".".join(map(str, error.path or ()))
    if kind is Code.INTERNAL:
        log.error("%s at %s: %s", request_id, place, error.message, exc_info=cause)
    else:
        log.warning("%s at %s: %s: %s", request_id, place, kind, cause)


def _kind(error: Exception | None) -> Code:
    if isinstance(error, UnavailableError):
        return Code.UNAVAILABLE
    return Code.TIMEOUT if isinstance(error, TimedOutError) else Code.INTERNAL
