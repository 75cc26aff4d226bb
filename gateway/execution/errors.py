"""GraphQL errors as clients get them, by the error table: server errors are masked and logged."""

import logging
from collections.abc import Sequence
from typing import Any

from graphql import GraphQLError

from gateway.error_table import ErrorCode, ErrorKind, ErrorRule, get_error_rule
from gateway.schema.framework.errors import MAX_CITED_CHARS, shorten_text

_MIN_OWN_CHARS = 25
"""The fewest characters of a message of graphql-core that are not the client's text."""
_MISSING_VALUE_START = "Cannot return null for non-nullable field "
log = logging.getLogger(__name__)


def format_exception(error: BaseException, request_id: str) -> dict[str, Any]:
    """Return the GraphQL error for an exception of a request or operation as a whole; log it.

    If it is masked, `extensions.id` has the request id.
    """
    if isinstance(error, GraphQLError):
        return format_errors([error], request_id)[0]
    rule = get_error_rule(error)
    _log_error(rule, request_id, error, str(error))
    _release_frames(error)
    return _apply_rule(rule, error, request_id)


def format_errors(
    errors: Sequence[GraphQLError], request_id: str, code: ErrorCode = ErrorCode.BAD_USER_INPUT
) -> list[dict[str, Any]]:
    """Return the errors of an execution as the client gets them.

    Client errors keep their message; those without a code of their own get `code`.
    All others have a cause, whose class is looked up in the error table. Each cause is
    logged once, however many fields it affects.
    """
    server_errors: dict[object, GraphQLError] = {}
    for error in errors:
        if not _is_client_error(error):
            cause = error.original_error
            server_errors.setdefault(error.message if cause is None else id(cause), error)
    for error in server_errors.values():
        cause, path = error.original_error, ".".join(map(str, error.path or ()))
        _log_error(_get_rule(error), f"{request_id} at {path}", cause, error.message)
    for error in errors:
        _release_frames(error)
    return [_format_error(error, request_id, code) for error in errors]


def _release_frames(error: BaseException) -> None:
    """Drop the tracebacks of an exception and of those that led to it.

    Their frames refer to futures that hold the exception, and to the request with its body. Such
    reference circles would take memory until the garbage collector runs. An exception that led to
    itself ends the chain.
    """
    cause: BaseException | None = error
    released_ids: set[int] = set()
    while cause is not None and id(cause) not in released_ids:
        released_ids.add(id(cause))
        cause.__traceback__ = None
        original_error = cause.original_error if isinstance(cause, GraphQLError) else None
        cause = original_error or cause.__cause__ or cause.__context__


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
        extensions = {"code": code, **(error.extensions or {})}
        return {**formatted, "message": _shorten_message(error), "extensions": extensions}
    cause = error.original_error
    return {**formatted, **_apply_rule(_get_rule(error), cause, request_id)}


def _get_rule(error: GraphQLError) -> ErrorRule:
    """Return the row of a server error: of its cause, or of a value that its type can't represent.

    graphql-core reports such a value by a GraphQLError of the scalar, and a null of a non-null
    type by a TypeError.
    """
    cause = error.original_error
    is_unrepresentable = isinstance(cause, GraphQLError) or (
        isinstance(cause, TypeError) and error.message.startswith(_MISSING_VALUE_START)
    )
    return ErrorKind.INVALID_DATA.value if is_unrepresentable else get_error_rule(cause)


def _shorten_message(error: GraphQLError) -> str:
    """Return the message without what exceeds MAX_CITED_CHARS of the client's text.

    Messages with a code of their own are the gateway's: they cite less.
    """
    if "code" in (error.extensions or {}):
        return error.message
    return shorten_text(error.message, MAX_CITED_CHARS + _MIN_OWN_CHARS)


def _apply_rule(rule: ErrorRule, error: BaseException | None, request_id: str) -> dict[str, Any]:
    """Return the message and extensions of an exception by its row of the error table."""
    if rule.masking_message is None:
        extensions = {"code": rule.code, **getattr(error, "public_extensions", {})}
        return {"message": str(error), "extensions": extensions}
    return {"message": rule.masking_message, "extensions": {"code": rule.code, "id": request_id}}


def _log_error(rule: ErrorRule, place: str, error: BaseException | None, message: str) -> None:
    if rule.log_level is not None:
        needs_traceback = rule.log_level >= logging.ERROR
        log.log(
            rule.log_level, "%s: %s", place, message, exc_info=error if needs_traceback else None
        )
