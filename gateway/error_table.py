"""The error table: the code, HTTP status and WebSocket close code of each kind of error.

An exception class that can reach a client names its row by a class attribute `error_kind`;
every other exception is an internal error. All transports derive from the row what they send:
`gateway.execution.errors` the GraphQL error, `gateway.http.errors` the HTTP response,
`gateway.transports.websocket` the close frame. docs/errors.md is the table for clients.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum, StrEnum, unique
from http import HTTPStatus


class ErrorCode(StrEnum):
    """The code of an error, published as `extensions.code`."""

    GRAPHQL_PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
    GRAPHQL_VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
    BAD_USER_INPUT = "BAD_USER_INPUT"
    QUERY_TOO_COMPLEX = "QUERY_TOO_COMPLEX"
    PERSISTED_QUERY_NOT_FOUND = "PERSISTED_QUERY_NOT_FOUND"
    PERSISTED_QUERY_NOT_SUPPORTED = "PERSISTED_QUERY_NOT_SUPPORTED"
    PERSISTED_DOCUMENT_NOT_FOUND = "PERSISTED_DOCUMENT_NOT_FOUND"
    PERSISTED_DOCUMENT_ID_REQUIRED = "PERSISTED_DOCUMENT_ID_REQUIRED"
    RATE_LIMITED = "RATE_LIMITED"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    UNAVAILABLE = "UNAVAILABLE"
    TIMEOUT = "TIMEOUT"
    INVALID_DATA = "INVALID_DATA"
    INTERNAL = "INTERNAL"


class CloseCode(IntEnum):
    """Close codes of graphql-transport-ws; after 4499, 1012 and 1013 graphql-ws reconnects."""

    BAD_REQUEST = 4400
    UNAUTHORIZED = 4401
    FORBIDDEN = 4403
    SUBPROTOCOL_NOT_ACCEPTABLE = 4406
    INITIALISATION_TIMEOUT = 4408
    SUBSCRIBER_EXISTS = 4409
    TOO_MANY_INITIALISATIONS = 4429
    WRITE_TIMEOUT = 4499
    INTERNAL = 4500
    SERVICE_RESTART = 1012
    UNAVAILABLE = 1013


@dataclass(frozen=True)
class ErrorRule:
    """A row of the table: how clients and the log get a kind of error."""

    code: ErrorCode
    status: HTTPStatus
    """Status of an HTTP response with this error instead of a GraphQL result."""
    draft_status: HTTPStatus | None = field(default=None, kw_only=True)
    """Status with `GATEWAY_HTTP_STATUS=draft`; None if it is the same."""
    close_code: CloseCode | None = None
    """Code by which a WebSocket is closed; None if the error can't concern a whole connection."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Additional headers of the HTTP response."""
    masking_message: str | None = None
    """Message that replaces the exception's; None if the exception's own message is public."""
    log_level: int | None = None
    """Level by which the exception is logged; None if it is not."""


@unique
class ErrorKind(Enum):
    """The table: errors of the client first, then those of the server."""

    UNPARSABLE_DOCUMENT = ErrorRule(ErrorCode.GRAPHQL_PARSE_FAILED, HTTPStatus.BAD_REQUEST)
    INVALID_DOCUMENT = ErrorRule(
        ErrorCode.GRAPHQL_VALIDATION_FAILED,
        HTTPStatus.BAD_REQUEST,
        draft_status=HTTPStatus.UNPROCESSABLE_ENTITY,
    )
    INVALID_INPUT = ErrorRule(
        ErrorCode.BAD_USER_INPUT,
        HTTPStatus.BAD_REQUEST,
        draft_status=HTTPStatus.UNPROCESSABLE_ENTITY,
    )
    QUERY_TOO_COMPLEX = ErrorRule(
        ErrorCode.QUERY_TOO_COMPLEX,
        HTTPStatus.BAD_REQUEST,
        draft_status=HTTPStatus.UNPROCESSABLE_ENTITY,
    )
    PERSISTED_QUERY_NOT_FOUND = ErrorRule(
        ErrorCode.PERSISTED_QUERY_NOT_FOUND, HTTPStatus.BAD_REQUEST
    )
    PERSISTED_QUERY_NOT_SUPPORTED = ErrorRule(
        ErrorCode.PERSISTED_QUERY_NOT_SUPPORTED, HTTPStatus.BAD_REQUEST
    )
    UNKNOWN_DOCUMENT = ErrorRule(ErrorCode.PERSISTED_DOCUMENT_NOT_FOUND, HTTPStatus.BAD_REQUEST)
    UNTRUSTED_DOCUMENT = ErrorRule(ErrorCode.PERSISTED_DOCUMENT_ID_REQUIRED, HTTPStatus.BAD_REQUEST)
    UNREADABLE_REQUEST = ErrorRule(
        ErrorCode.BAD_USER_INPUT, HTTPStatus.BAD_REQUEST, CloseCode.BAD_REQUEST
    )
    MALFORMED_REQUEST = ErrorRule(
        ErrorCode.BAD_USER_INPUT,
        HTTPStatus.BAD_REQUEST,
        CloseCode.BAD_REQUEST,
        draft_status=HTTPStatus.UNPROCESSABLE_ENTITY,
    )
    METHOD_NOT_ALLOWED = ErrorRule(ErrorCode.BAD_USER_INPUT, HTTPStatus.METHOD_NOT_ALLOWED)
    NOT_ACCEPTABLE = ErrorRule(ErrorCode.BAD_USER_INPUT, HTTPStatus.NOT_ACCEPTABLE)
    SLOW_BODY = ErrorRule(ErrorCode.BAD_USER_INPUT, HTTPStatus.REQUEST_TIMEOUT)
    TOO_LARGE_BODY = ErrorRule(ErrorCode.BAD_USER_INPUT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    UNSUPPORTED_MEDIA_TYPE = ErrorRule(ErrorCode.BAD_USER_INPUT, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    FORBIDDEN_ORIGIN = ErrorRule(ErrorCode.BAD_USER_INPUT, HTTPStatus.FORBIDDEN)
    UNAUTHENTICATED = ErrorRule(
        ErrorCode.UNAUTHENTICATED,
        HTTPStatus.UNAUTHORIZED,
        CloseCode.FORBIDDEN,
        headers={"WWW-Authenticate": "Token"},
    )
    FORBIDDEN_SENDER = ErrorRule(ErrorCode.FORBIDDEN, HTTPStatus.FORBIDDEN, CloseCode.FORBIDDEN)
    QUOTA_EXCEEDED = ErrorRule(
        ErrorCode.RATE_LIMITED,
        HTTPStatus.TOO_MANY_REQUESTS,
        CloseCode.UNAVAILABLE,
        headers={"Retry-After": "10"},
    )
    RATE_LIMITED = ErrorRule(
        ErrorCode.RATE_LIMITED, HTTPStatus.TOO_MANY_REQUESTS, CloseCode.UNAVAILABLE
    )
    EVENTS_DISABLED = ErrorRule(ErrorCode.UNAVAILABLE, HTTPStatus.SERVICE_UNAVAILABLE)
    EVENTS_UNAVAILABLE = ErrorRule(
        ErrorCode.UNAVAILABLE, HTTPStatus.SERVICE_UNAVAILABLE, headers={"Retry-After": "2"}
    )
    DATABASE_UNAVAILABLE = ErrorRule(
        ErrorCode.UNAVAILABLE,
        HTTPStatus.SERVICE_UNAVAILABLE,
        CloseCode.UNAVAILABLE,
        {"Retry-After": "2"},
        "The marketplace's database is unavailable. Try again later.",
        logging.WARNING,
    )
    TABLE_UNAVAILABLE = ErrorRule(
        ErrorCode.UNAVAILABLE,
        HTTPStatus.SERVICE_UNAVAILABLE,
        CloseCode.UNAVAILABLE,
        {"Retry-After": "2"},
        "A part of the marketplace's database is unavailable. Try again later.",
        logging.WARNING,
    )
    PROVIDER_UNAVAILABLE = ErrorRule(
        ErrorCode.UNAVAILABLE,
        HTTPStatus.SERVICE_UNAVAILABLE,
        CloseCode.UNAVAILABLE,
        {"Retry-After": "2"},
        "The OpenID provider, which checks access tokens, is unavailable. Try again later.",
        logging.WARNING,
    )
    SERVER_DRAINING = ErrorRule(
        ErrorCode.UNAVAILABLE,
        HTTPStatus.SERVICE_UNAVAILABLE,
        CloseCode.SERVICE_RESTART,
        {"Retry-After": "2"},
    )
    TIMEOUT = ErrorRule(
        ErrorCode.TIMEOUT,
        HTTPStatus.GATEWAY_TIMEOUT,
        CloseCode.UNAVAILABLE,
        masking_message="The operation exceeded its time limit. Select less, or try again later.",
        log_level=logging.WARNING,
    )
    INVALID_DATA = ErrorRule(
        ErrorCode.INVALID_DATA,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        masking_message="The marketplace has a value here that this API can't read.",
        log_level=logging.WARNING,
    )
    INTERNAL = ErrorRule(
        ErrorCode.INTERNAL,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        CloseCode.INTERNAL,
        masking_message="Internal server error. The server's log has the details under this id.",
        log_level=logging.ERROR,
    )


def get_error_rule(error: BaseException | None) -> ErrorRule:
    """Return the row of an exception; that of internal errors if its class names none."""
    kind: ErrorKind = getattr(error, "error_kind", ErrorKind.INTERNAL)
    return kind.value
