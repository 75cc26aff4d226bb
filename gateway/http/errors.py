"""Map exceptions to HTTP error responses."""

import logging
from collections.abc import Mapping
from http import HTTPStatus

from starlette.responses import Response

from gateway.auth.authenticator import UnauthenticatedError
from gateway.db.driver.database import TimedOutError, UnavailableError
from gateway.db.events.change_feed import EventsDisabledError
from gateway.execution.errors import ErrorCode
from gateway.execution.executor import SubscriptionError
from gateway.http.deadline import BodyTimeoutError, DeadlineExceededError
from gateway.http.request_body import BadRequestError
from gateway.http.responses import client_error, server_error
from gateway.subscriptions.quota import QuotaExceededError

log = logging.getLogger(__name__)


def error_response(error: Exception, request_id: str) -> Response:
    """Return the response to the request with that id, whose handling raised `error`.

    Errors of the client have their message in the response; all other errors are
    masked, and logged with the request's id.
    """
    return _client_error_response(error, request_id) or _server_error_response(error, request_id)


_CLIENT_ERRORS: Mapping[type[Exception], tuple[int, ErrorCode, dict[str, str]]] = {
    UnauthenticatedError: (401, ErrorCode.UNAUTHENTICATED, {"WWW_Authenticate": "Token"}),
    SubscriptionError: (406, ErrorCode.BAD_USER_INPUT, {}),
    BodyTimeoutError: (408, ErrorCode.BAD_USER_INPUT, {}),
    EventsDisabledError: (503, ErrorCode.UNAVAILABLE, {}),
    QuotaExceededError: (429, ErrorCode.RATE_LIMITED, {"Retry_After": "10"}),
}
"""Errors of the client: HTTP status, error code and extra headers (`_` stands for `-`)."""


def _client_error_response(error: Exception, request_id: str) -> Response | None:
    """Return the response for an error that the client can correct; None for other errors."""
    if isinstance(error, BadRequestError):
        return client_error(error.status, str(error), ErrorCode.BAD_USER_INPUT, request_id)
    for error_type, (status, code, headers) in _CLIENT_ERRORS.items():
        if isinstance(error, error_type):
            return client_error(status, str(error), code, request_id, **headers)
    return None


def _server_error_response(error: Exception, request_id: str) -> Response:
    """Return the masked response for an error of the server, and log it."""
    if isinstance(error, (UnavailableError, TimedOutError)):
        log.warning("%s: %s", request_id, error)
        retry_headers = {"Retry_After": "2"}
        return server_error(
            HTTPStatus.SERVICE_UNAVAILABLE, ErrorCode.UNAVAILABLE, request_id, **retry_headers
        )
    if isinstance(error, DeadlineExceededError):
        log.warning("%s: The request exceeded its deadline.", request_id)
        return server_error(HTTPStatus.GATEWAY_TIMEOUT, ErrorCode.TIMEOUT, request_id)
    log.error("%s", request_id, exc_info=error)
    return server_error(HTTPStatus.INTERNAL_SERVER_ERROR, ErrorCode.INTERNAL, request_id)
