"""What clients are told of errors: a code from a closed list, and nothing of our insides."""

import logging
from enum import StrEnum
from typing import Any

from graphql import GraphQLError

from gateway.db.database import TimedOutError, UnavailableError

log = logging.getLogger(__name__)


class Code(StrEnum):
    """What kind of error it is, in `extensions.code`."""

    GRAPHQL_PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
    GRAPHQL_VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
    BAD_USER_INPUT = "BAD_USER_INPUT"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    UNAVAILABLE = "UNAVAILABLE"
    TIMEOUT = "TIMEOUT"
    INTERNAL = "INTERNAL"


TOLD = {
    Code.UNAVAILABLE: "The marketplace's database can't be reached at present. Try again soon.",
    Code.TIMEOUT: "The answer takes too long. Ask for less.",
    Code.INTERNAL: "Something went wrong here. The log has it under this id.",
}


def failure(message: str, code: Code) -> dict[str, Any]:
    """Give an error that concerns the request as a whole."""
    return {"message": message, "extensions": {"code": code}}


def told(error: GraphQLError, request_id: str, code: Code = Code.BAD_USER_INPUT) -> dict[str, Any]:
    """Give what the client is told of `error`; of `code`, if it is the client's own and has none.

    What went wrong on our side is masked and logged.
    """
    formatted: dict[str, Any] = dict(error.formatted)
    if error.original_error is None or isinstance(error.original_error, GraphQLError):
        extensions = {"code": code, **(error.extensions or {})}
        return {**formatted, "extensions": extensions}
    kind = _kind(error.original_error)
    place = ".".join(map(str, error.path or ()))
    if kind is Code.INTERNAL:
        log.error("%s at %s", request_id, place, exc_info=error.original_error)
    else:
        log.warning("%s at %s: %s: %s", request_id, place, kind, error.original_error)
    extensions = {"code": kind, "id": request_id}
    return {**formatted, "message": TOLD[kind], "extensions": extensions}


def _kind(error: Exception) -> Code:
    if isinstance(error, UnavailableError):
        return Code.UNAVAILABLE
    return Code.TIMEOUT if isinstance(error, TimedOutError) else Code.INTERNAL
