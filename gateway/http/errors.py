"""What is said to requests that are not answered: what the client can change, or a plain no."""

import logging
from collections.abc import Mapping
from http import HTTPStatus

from starlette.responses import Response

from gateway.auth.authenticator import UnauthenticatedError
from gateway.db.driver.database import TimedOutError, UnavailableError
from gateway.db.events.change_feed import UnwatchedError
from gateway.execution.errors import Code
from gateway.execution.executor import SubscriptionError
from gateway.http.deadline import LateError, StalledError
from gateway.http.request_body import BadRequestError
from gateway.http.responses import masked, refused
from gateway.subscriptions.quota import TooManyError

log = logging.getLogger(__name__)


def unanswered(problem: Exception, id_: str) -> Response:
    """Give the response to the request called `id_` that a problem kept from being answered."""
    return _refused(problem, id_) or _failed(problem, id_)


_REFUSALS: Mapping[type[Exception], tuple[int, Code, dict[str, str]]] = {
    UnauthenticatedError: (401, Code.UNAUTHENTICATED, {"WWW_Authenticate": "Token"}),
    SubscriptionError: (406, Code.BAD_USER_INPUT, {}),
    StalledError: (408, Code.BAD_USER_INPUT, {}),
    UnwatchedError: (503, Code.UNAVAILABLE, {}),
    TooManyError: (429, Code.RATE_LIMITED, {"Retry_After": "10"}),
}
"""What the client can change: its status, its code, and headers."""


def _refused(problem: Exception, id_: str) -> Response | None:
    """Tell of what the client can change; None if it can't change that."""
    if isinstance(problem, BadRequestError):
        return refused(problem.status, str(problem), Code.BAD_USER_INPUT, id_)
    for kind, (status, code, headers) in _REFUSALS.items():
        if isinstance(problem, kind):
            return refused(status, str(problem), code, id_, **headers)
    return None


def _failed(problem: Exception, id_: str) -> Response:
    """Tell of what went wrong here; the log tells more."""
    if isinstance(problem, (UnavailableError, TimedOutError)):
        log.warning("%s: %s", id_, problem)
        later = {"Retry_After": "2"}
        return masked(HTTPStatus.SERVICE_UNAVAILABLE, Code.UNAVAILABLE, id_, **later)
    if isinstance(problem, LateError):
        log.warning("%s: The answer takes too long.", id_)
        return masked(HTTPStatus.GATEWAY_TIMEOUT, Code.TIMEOUT, id_)
    log.error("%s", id_, exc_info=problem)
    return masked(HTTPStatus.INTERNAL_SERVER_ERROR, Code.INTERNAL, id_)
