"""What transports are served with."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from gateway.auth.authenticator import UnauthenticatedError
from gateway.config.settings import Settings
from gateway.db.access.viewer import Viewer
from gateway.db.driver.errors import TimedOutError, UnavailableError
from gateway.db.events.change_feed import UnwatchedError
from gateway.execution.errors import TOLD, Code, failure
from gateway.execution.executor import Answering
from gateway.schema.framework.context import Context
from gateway.schema.framework.errors import BadInputError
from gateway.subscriptions.quota import Admission, TooManyError
from gateway.subscriptions.registry import Subscriptions
from gateway.subscriptions.session_monitor import Presence

log = logging.getLogger(__name__)
REASONS: dict[type[Exception], Code] = {
    BadInputError: Code.BAD_USER_INPUT,
    TooManyError: Code.RATE_LIMITED,
    UnauthenticatedError: Code.UNAUTHENTICATED,
    UnwatchedError: Code.UNAVAILABLE,
}
"""What clients can put right, and their codes."""
OURS: dict[type[Exception], Code] = {
    UnavailableError: Code.UNAVAILABLE,
    TimedOutError: Code.TIMEOUT,
    TimeoutError: Code.TIMEOUT,
}
"""What goes wrong here, and their codes."""


@dataclass(frozen=True)
class Desk:
    """What transports are served with."""

    settings: Settings
    answering: Answering
    subscriptions: Subscriptions
    presence: Presence
    sockets: Admission
    """The WebSockets there are."""
    contexts: Callable[[Viewer], Context]
    """Makes what an operation of a viewer is executed with."""


def failed(problem: Exception, id_: str) -> dict[str, object]:
    """Give the error that a client is told of what went wrong with the operation called `id_`."""
    for kind, code in REASONS.items():
        if isinstance(problem, kind):
            return failure(getattr(problem, "message", str(problem)), code)
    for kind, code in OURS.items():
        if isinstance(problem, kind):
            log.warning("%s: %s", id_, problem)
            return failure(TOLD[code], code, id=id_)
    log.error("%s", id_, exc_info=problem)
    return failure(TOLD[Code.INTERNAL], Code.INTERNAL, id=id_)
