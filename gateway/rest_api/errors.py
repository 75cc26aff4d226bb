"""Errors of requests to Waldur's REST API that end an operation instead of being its result."""

from gateway.error_table import ErrorKind


class TokenRejectedError(Exception):
    """Waldur rejects the viewer's token."""

    error_kind = ErrorKind.UNAUTHENTICATED

    def __init__(self, reason: str = "") -> None:
        """Add the reason that Waldur gives."""
        super().__init__(f"Waldur's REST API rejects the token. {reason}".strip())
