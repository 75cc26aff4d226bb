"""Errors of authentication."""

from gateway.error_table import ErrorKind


class UnauthenticatedError(Exception):
    """The credentials are invalid; the message gives the reason."""

    error_kind = ErrorKind.UNAUTHENTICATED
