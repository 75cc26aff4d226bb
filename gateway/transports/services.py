"""Services that transports need, and the error that an operation's exception becomes."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from gateway.auth.authenticator import UnauthenticatedError
from gateway.config.settings import Settings
from gateway.db.access.viewer import Viewer
from gateway.db.driver.errors import TimedOutError, UnavailableError
from gateway.db.events.change_feed import EventsDisabledError
from gateway.execution.errors import PUBLIC_ERROR_MESSAGES, ErrorCode, make_request_error
from gateway.execution.executor import Executor
from gateway.schema.framework.context import RequestContext
from gateway.schema.framework.errors import BadInputError
from gateway.subscriptions.quota import Quota, QuotaExceededError
from gateway.subscriptions.registry import SubscriptionRegistry
from gateway.subscriptions.session_monitor import SessionMonitor

log = logging.getLogger(__name__)
CLIENT_ERROR_CODES: dict[type[Exception], ErrorCode] = {
    BadInputError: ErrorCode.BAD_USER_INPUT,
    QuotaExceededError: ErrorCode.RATE_LIMITED,
    UnauthenticatedError: ErrorCode.UNAUTHENTICATED,
    EventsDisabledError: ErrorCode.UNAVAILABLE,
}
"""Errors of the client, whose message is sent, and their codes."""
SERVER_ERROR_CODES: dict[type[Exception], ErrorCode] = {
    UnavailableError: ErrorCode.UNAVAILABLE,
    TimedOutError: ErrorCode.TIMEOUT,
    TimeoutError: ErrorCode.TIMEOUT,
}
"""Errors of the server that are expected: masked, logged as warnings; and their codes."""


@dataclass(frozen=True)
class TransportServices:
    """Services of a process that its WebSockets and HTTP streams need."""

    settings: Settings
    executor: Executor
    subscription_registry: SubscriptionRegistry
    session_monitor: SessionMonitor
    socket_quota: Quota
    """Limit of open WebSockets."""
    create_context: Callable[[Viewer], RequestContext]
    """Creates the context of one operation of a viewer."""


def operation_error(error: Exception, request_id: str) -> dict[str, object]:
    """Return the GraphQL error for an exception raised by an operation.

    Errors of the server are masked, and logged under `request_id`.
    """
    for error_type, code in CLIENT_ERROR_CODES.items():
        if isinstance(error, error_type):
            return make_request_error(getattr(error, "message", str(error)), code)
    for error_type, code in SERVER_ERROR_CODES.items():
        if isinstance(error, error_type):
            log.warning("%s: %s", request_id, error)
            return make_request_error(PUBLIC_ERROR_MESSAGES[code], code, id=request_id)
    log.error("%s", request_id, exc_info=error)
    return make_request_error(
        PUBLIC_ERROR_MESSAGES[ErrorCode.INTERNAL], ErrorCode.INTERNAL, id=request_id
    )
